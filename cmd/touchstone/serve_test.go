package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"touchstone/api/client"
	"touchstone/api/wire"

	"touchstone/api/fetch"
)

func TestServeAnswersUntilItIsToldToStop(t *testing.T) {
	data := filepath.Join(t.TempDir(), "new", "data")
	server := serveChild(t, data)
	base := server.base
	touchstone(t, exitOK, "collections", "create", "bags", "--purpose", "brand", "--server", base)
	response, err := http.Get(base + "/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("readyz: %v, %v", response, err)
	}
	var out bytes.Buffer
	address := strings.TrimPrefix(base, "http://")
	code := run(t.Context(), []string{"serve", "--data", t.TempDir(), "--listen", address}, nil, &out, &out)
	if code != exitOther || !strings.Contains(out.String(), "listens on "+address+" already") {
		t.Errorf("a second server: exit code %d, %s", code, &out)
	}

	if log := server.stop(t); strings.Count(log, "msg=serving") != 1 || !strings.Contains(log, "listen="+address) {
		t.Errorf("the configuration is not logged once: %s", log)
	}
	if list := touchstone(t, exitOK, "collections", "list", "--data", data); !strings.Contains(list, "bags") {
		t.Errorf("what was acknowledged is gone: %s", list)
	}
}

func TestAddressesOfOthersNeedAnEncryptedWay(t *testing.T) {
	cert, key := certificate(t)
	for _, test := range []struct {
		door doorway
		want string // in the refusal; empty: none
	}{
		{doorway{listen: "127.0.0.1:8080"}, ""},
		{doorway{listen: "127.0.0.2:0"}, ""},
		{doorway{listen: "[::1]:8080"}, ""},
		{doorway{listen: "localhost:80"}, ""},
		{doorway{listen: ":8080"}, "--tls-cert"},
		{doorway{listen: "0.0.0.0:8080"}, "--behind-proxy"},
		{doorway{listen: "[::]:8080"}, "loopback"},
		{doorway{listen: "192.168.1.2:8080"}, "--tls-cert"},
		{doorway{listen: "example.org:80"}, "--tls-cert"},
		{doorway{listen: "8080"}, "no address"},
		{doorway{listen: ":8080", proxies: []string{"10.0.0.0/8", "192.0.2.7/32"}}, ""},
		{doorway{listen: ":8080", proxies: []string{"10.0.0.1"}}, "no network"},
		{doorway{listen: ":8080", tlsCert: cert, tlsKey: key}, ""},
		{doorway{listen: ":8080", tlsCert: cert}, "belong together"},
		{doorway{listen: ":8080", tlsCert: key, tlsKey: cert}, "--tls-cert"},
		{doorway{listen: "127.0.0.1:0", drain: maxDrain}, ""},
		{doorway{listen: "127.0.0.1:0", drain: maxDrain + 1}, "--drain"},
	} {
		err := test.door.check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.door, err, test.want)
		}
	}
}

func TestReachIsReadFromFlags(t *testing.T) {
	for _, c := range []struct {
		reach   reach
		refused bool
		fetches bool
	}{
		{reach{ports: []uint{80}}, false, false},
		{reach{fetch: true, networks: []string{"10.0.0.0/8", "fd00::/8"}, ports: []uint{80, 8443}}, false, true},
		{reach{fetch: true, networks: []string{"10.0.0.1"}}, true, false},
		{reach{networks: []string{"anywhere"}}, true, false},
		{reach{fetch: true, ports: []uint{0}}, true, false},
		{reach{fetch: true, ports: []uint{65536}}, true, false},
	} {
		f, err := c.reach.fetcher(fetch.Config{})
		if (err != nil) != c.refused || (c.reach.ifAsked(f) != nil) != c.fetches {
			t.Errorf("%+v: error %v, fetches %v", c.reach, err, c.reach.ifAsked(f) != nil)
		}
	}
}

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	signed, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", signed), write("key.pem", "EC PRIVATE KEY", encoded)
}

func TestServerForOthersRefusesToStartWithoutAKeyAndAsksForIt(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	cert, key := certificate(t)
	var out bytes.Buffer
	code := run(t.Context(), []string{"serve", "--data", data, "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key}, nil, &out, &out)
	if code != exitUsage || !strings.Contains(out.String(), "touchstone keys create") {
		t.Fatalf("exit code %d: %s", code, &out)
	}
	var made wire.CreatedKey
	if err := json.Unmarshal([]byte(touchstone(t, exitOK, "keys", "create", "--data", data, "--name", "operator", "--scope", "admin", "--json")), &made); err != nil {
		t.Fatal(err)
	}

	server := startChild(t, data, "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key)
	server.listening(t)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.base, "https://"))
	base := "https://127.0.0.1:" + port

	roots := x509.NewCertPool()
	trusted, err := os.ReadFile(cert)
	if err != nil || !roots.AppendCertsFromPEM(trusted) {
		t.Fatal(err)
	}
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer trusting.CloseIdleConnections()
	c := client.New(base, trusting)
	_, err = c.Stats(t.Context())
	if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Code != "unauthorized" {
		t.Errorf("without a key: %v", err)
	}
	if _, err := c.WithKey(made.Token).CreateCollection(t.Context(), wire.NewCollection{Name: "bags", Purpose: "brand"}); err != nil {
		t.Errorf("with the key: %v", err)
	}
	var said strings.Builder
	code = run(t.Context(), []string{"collections", "list", "--server", base}, nil, io.Discard, &said)
	if code != exitUnavailable || !strings.Contains(said.String(), "SSL_CERT_FILE") {
		t.Errorf("a certificate that nobody signed: code %d, %s", code, &said)
	}
	if strings.Contains(server.stop(t), made.Token) {
		t.Errorf("the token is in the log")
	}
	history := touchstone(t, exitOK, "dump", "--data", data, "--json")
	if !strings.Contains(history, `"actor":"`+made.Key.ID+`"`) {
		t.Errorf("the history does not name the key: %s", history)
	}
	if list := touchstone(t, exitOK, "keys", "list", "--data", data, "--json"); !strings.Contains(list, `"last_used"`) {
		t.Errorf("the last use is not stored: %s", list)
	}
}

func TestWelcomeShowsHowToPassTheKey(t *testing.T) {
	for _, asksForKey := range []bool{false, true} {
		for line := range strings.Lines(welcome("http://127.0.0.1:8080", asksForKey)) {
			if strings.Contains(line, "curl") && strings.Contains(line, "Authorization: Bearer $TOUCHSTONE_KEY") != asksForKey {
				t.Errorf("keys %t: %s", asksForKey, line)
			}
		}
	}
}

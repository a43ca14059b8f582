package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"touchstone/api/fetch"
	"touchstone/hashindex"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// trap listens on every address of this machine and counts who comes.
type trap struct {
	t     *testing.T
	port  uint16
	count atomic.Int64
	last  chan struct{} // one for each connection that says so
	addr  string
}

const farewell = "this is the last one"

func newTrap(t *testing.T) *trap {
	t.Helper()
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	tr := &trap{t: t, port: uint16(port), last: make(chan struct{}), addr: fmt.Sprintf("127.0.0.1:%d", port)}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tr.count.Add(1)
			open.Go(func() { tr.serve(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); open.Wait() })
	return tr
}

func (tr *trap) serve(conn net.Conn) {
	defer conn.Close()
	first := make([]byte, len(farewell))
	io.ReadFull(conn, first)
	if string(first) == farewell {
		tr.last <- struct{}{}
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret")
}

// connections is how many came so far. Connections are accepted in order: once one of our own is, all
// before it have been.
func (tr *trap) connections() int64 {
	tr.t.Helper()
	conn, err := net.Dial("tcp", tr.addr)
	if err != nil {
		tr.t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, farewell)
	<-tr.last
	return tr.count.Add(-1)
}

// front is a server at an address that may be fetched from, of a name too.
const frontName = "front.example"

var frontAddress = netip.MustParseAddr("127.0.0.99")

func newFront(t *testing.T, handle http.HandlerFunc) (base string, port uint16) {
	t.Helper()
	listener, err := net.Listen("tcp", frontAddress.String()+":0")
	if err != nil {
		t.Skip("no second loopback address here:", err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handle}}
	server.Start()
	t.Cleanup(server.Close)
	port = uint16(listener.Addr().(*net.TCPAddr).Port)
	return fmt.Sprintf("http://%s:%d", frontName, port), port
}

// config allows the front alone, and resolves any other name as the laxest of resolvers would.
func config(ports ...uint16) fetch.Config {
	return fetch.Config{
		Ports: ports, Time: 2 * time.Minute,
		Allowed: []netip.Prefix{netip.PrefixFrom(frontAddress, 32)},
		Resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
			if name == frontName+"." {
				return []netip.Addr{frontAddress}, nil
			}
			return []netip.Addr{lenient(name)}, nil
		},
	}
}

func TestHostileURLsReachNothing(t *testing.T) {
	tr := newTrap(t)
	f := fetch.New(config(tr.port))
	all := urlsFor(tr)
	for _, text := range all {
		if got, err := f.Get(t.Context(), text); !errors.Is(err, fetch.ErrRefused) {
			t.Errorf("%q: %q, %v, want it refused", text, got, err)
		}
		if _, _, err := f.Post(t.Context(), text, nil, []byte("x")); !errors.Is(err, fetch.ErrRefused) {
			t.Errorf("POST %q: %v, want it refused", text, err)
		}
	}
	if n := tr.connections(); n != 0 {
		t.Errorf("%d connections by %d URLs, want none", n, len(all))
	}
	if len(all) < 250 {
		t.Errorf("%d URLs, want 250 at least", len(all))
	}
}

func urlsFor(tr *trap) (all []string) {
	for _, text := range hostile() {
		all = append(all, strings.ReplaceAll(text, "PORT", fmt.Sprint(tr.port)))
	}
	return all
}

// TestTrapIsReachedWithoutTheGuard holds the test before to its word: what a careless client makes of
// the same URLs ends in the trap.
func TestTrapIsReachedWithoutTheGuard(t *testing.T) {
	tr := newTrap(t)
	client := &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		ip, err := netip.ParseAddr(host)
		if err != nil {
			ip = lenient(host)
		}
		if ip = ip.Unmap(); !ip.IsLoopback() && !ip.IsUnspecified() {
			return nil, errors.New("elsewhere")
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(ip.String(), port))
	}}}
	for _, text := range urlsFor(tr) {
		if response, err := client.Get(text); err == nil {
			response.Body.Close()
		}
	}
	if n := tr.connections(); n < 150 {
		t.Errorf("%d connections, want 150 at least", n)
	}
}

func TestHostileRedirectsReachNothing(t *testing.T) {
	tr := newTrap(t)
	all := urlsFor(tr)
	statuses := []int{301, 302, 303, 307, 308}
	base, port := newFront(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		w.Header()["Location"] = []string{all[n]}
		w.WriteHeader(statuses[n%len(statuses)])
	})
	f := fetch.New(config(tr.port, port))
	for n, text := range all {
		if got, err := f.Get(t.Context(), fmt.Sprintf("%s/%d", base, n)); err == nil {
			t.Errorf("redirected to %q: %q, want an error", text, got)
		}
	}
	if n := tr.connections(); n != 0 {
		t.Errorf("%d connections by %d redirects, want none", n, len(all))
	}
}

func TestAddressThatWasJudgedIsTheOneDialled(t *testing.T) {
	tr := newTrap(t)
	base, port := newFront(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "picture") })
	c := config(tr.port, port)
	var asked atomic.Int64
	c.Resolve = func(context.Context, string) ([]netip.Addr, error) {
		if asked.Add(1)%2 == 1 {
			return []netip.Addr{frontAddress}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	f := fetch.New(c)
	for n := range 20 {
		got, err := f.Get(t.Context(), base)
		if again := n%2 == 1; again != errors.Is(err, fetch.ErrRefused) || !again && string(got) != "picture" {
			t.Errorf("time %d: %q, %v", n, got, err)
		}
	}
	if n := asked.Load(); n != 20 {
		t.Errorf("the name was resolved %d times for 20 fetches", n)
	}
	if n := tr.connections(); n != 0 {
		t.Errorf("%d connections to the address that was not judged", n)
	}
}

func TestNameWithOneForbiddenAddressIsRefused(t *testing.T) {
	tr := newTrap(t)
	var served atomic.Int64
	base, port := newFront(t, func(http.ResponseWriter, *http.Request) { served.Add(1) })
	for _, other := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "fe80::1%lo"} {
		c := config(tr.port, port)
		c.Resolve = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{frontAddress, netip.MustParseAddr(other)}, nil
		}
		if _, err := fetch.New(c).Get(t.Context(), base); !errors.Is(err, fetch.ErrRefused) {
			t.Errorf("a name that means %s too: %v, want it refused", other, err)
		}
	}
	if n := tr.connections() + served.Load(); n != 0 {
		t.Errorf("%d connections, want none", n)
	}
}

func TestProxiesOfTheEnvironmentAreNotAsked(t *testing.T) {
	tr := newTrap(t)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "http://"+tr.addr)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	base, port := newFront(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "picture") })
	f := fetch.New(config(port))
	if got, err := f.Get(t.Context(), base); err != nil || string(got) != "picture" {
		t.Errorf("%q, %v", got, err)
	}
	f.Get(t.Context(), strings.Replace(base, "http:", "https:", 1))
	if n := tr.connections(); n != 0 {
		t.Errorf("%d connections to the proxy", n)
	}
}

func TestDocumentsAreBounded(t *testing.T) {
	hops := 0
	base, port := newFront(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long": // with no length in its header
			for range 11 {
				w.Write(bytes.Repeat([]byte{1}, 100))
				w.(http.Flusher).Flush()
			}
		case "/fits":
			w.Header().Set("Content-Type", "text/html")
			w.Write(bytes.Repeat([]byte{1}, 1000))
		case "/breaks":
			w.Header().Set("Content-Length", "900")
			w.Write([]byte("short"))
		case "/missing":
			w.WriteHeader(404)
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("as it is"))
		case "/hops":
			hops++
			http.SetCookie(w, &http.Cookie{Name: "who", Value: "you"})
			if r.Header.Get("Cookie")+r.Header.Get("Referer") != "" {
				t.Error("a cookie or a referrer was sent:", r.Header)
			}
			http.Redirect(w, r, "/hops", http.StatusFound)
		case "/hop":
			http.Redirect(w, r, "fits", http.StatusFound)
		}
	})
	c := config(port)
	c.Bytes = 1000
	f := fetch.New(c)
	for path, want := range map[string]int{"/fits": 1000, "/hop": 1000, "/packed": 8} {
		if got, err := f.Get(t.Context(), base+path); err != nil || len(got) != want {
			t.Errorf("%s: %d bytes, %v, want %d", path, len(got), err, want)
		}
	}
	if _, err := f.Get(t.Context(), base+"/long"); !isLimit(err, "fetch_bytes") {
		t.Errorf("a document over the limit: %v", err)
	}
	for _, path := range []string{"/breaks", "/missing", "/hops"} {
		if _, err := f.Get(t.Context(), base+path); !errors.Is(err, fetch.ErrFailed) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if hops != 4 {
		t.Errorf("%d requests, want the first and 3 redirects", hops)
	}
}

func isLimit(err error, name string) bool {
	limit, ok := errors.AsType[*hashindex.LimitError](err)
	return ok && limit.Limit == name
}

func TestSilentServerIsGivenUp(t *testing.T) {
	done := make(chan struct{})
	base, port := newFront(t, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	c := config(port)
	c.Time = 50 * time.Millisecond
	if _, err := fetch.New(c).Get(t.Context(), base); !errors.Is(err, fetch.ErrFailed) {
		t.Errorf("a server that says nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetch.New(c).Get(ctx, base); !errors.Is(err, context.Canceled) {
		t.Errorf("given up by the caller: %v", err)
	}
}

func TestPostSendsTheBodyAndFollowsNothing(t *testing.T) {
	var got []string
	base, port := newFront(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Name")+" "+string(body))
		w.Header().Set("Retry-After", "7")
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	status, answered, err := fetch.New(config(port)).Post(t.Context(), base+"/hook", http.Header{"X-Name": {"it"}}, []byte("body"))
	if err != nil || status != 307 || answered.Get("Retry-After") != "7" || len(got) != 1 || got[0] != "POST /hook it body" {
		t.Errorf("%d, %v, %q", status, err, got)
	}
}

// FuzzURL: what is let through names its host in one way only, as a plain address or in ASCII, and
// says the same when it is read again.
func FuzzURL(f *testing.F) {
	for _, text := range append(hostile(), "https://example.com/a?b#c", "http://bücher.example:80/ü") {
		f.Add(strings.ReplaceAll(text, "PORT", "80"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := fetch.Parse(text)
		if err != nil {
			return
		}
		again, err := fetch.Parse(u.String())
		if err != nil || again.String() != u.String() || u.User != nil {
			t.Errorf("%q is %q, and that is %v, %v", text, u, again, err)
		}
		host := u.Hostname()
		if ip, err := netip.ParseAddr(host); err == nil && ip.String() != host {
			t.Errorf("%q has the host %q, which is %v", text, host, ip)
		}
		for _, c := range []byte(host) {
			if c <= ' ' || c >= 0x7f || strings.IndexByte(`%@/\?#`, c) >= 0 {
				t.Errorf("%q has the host %q", text, host)
			}
		}
	})
}

// Servers that know no ranges hand out all of it; those that do may hand out more, or another part.
func TestAPartIsThatPartWhateverTheServerKnows(t *testing.T) {
	const document = "0123456789"
	answers := map[string]http.HandlerFunc{
		"/ranges": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(document))
		},
		"/whole": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, document) },
		"/more": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 3-9/10")
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, document[3:])
		},
		"/other": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-3/10")
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, document[:4])
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answers[r.URL.Path](w, r) }))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	fetcher := fetch.New(fetch.Config{Ports: []uint16{uint16(port)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Bytes: 8, Time: time.Minute})
	for _, path := range []string{"/ranges", "/whole", "/more"} {
		if d, err := fetcher.Part(t.Context(), server.URL+path, fetch.Span{From: 3, Length: 4}); err != nil || string(d.Bytes) != "3456" || d.URL != server.URL+path {
			t.Errorf("%s: %q of %s, %v, want 3456", path, d.Bytes, d.URL, err)
		}
	}
	if d, err := fetcher.Part(t.Context(), server.URL+"/other", fetch.Span{From: 3, Length: 4}); !errors.Is(err, fetch.ErrFailed) {
		t.Errorf("another part than was asked for: %q, %v", d.Bytes, err)
	}
	if d, err := fetcher.Part(t.Context(), server.URL+"/ranges", fetch.Span{Length: 9}); !isLimit(err, "fetch_bytes") {
		t.Errorf("a part of 9 bytes where 8 are fetched: %q, %v", d.Bytes, err)
	}
	if d, err := fetcher.Part(t.Context(), server.URL+"/ranges", fetch.Span{From: -1, Length: 2}); !errors.Is(err, fetch.ErrRefused) {
		t.Errorf("a part before the document: %q, %v", d.Bytes, err)
	}
}

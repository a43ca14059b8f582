package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/pflag"

	"touchstone/api"
)

// doorway is how clients reach the server.
type doorway struct {
	listen            string
	tlsCert, tlsKey   string   // files
	proxies           []string // networks
	drain             time.Duration
	certificate       *tlsPair
	behind            []netip.Prefix
	reachedFromAbroad bool // by other machines, straight or through a proxy
}

func addDoorwayFlags(flags *pflag.FlagSet) *doorway {
	d := &doorway{}
	flags.StringVar(&d.listen, "listen", cmp.Or(os.Getenv("TOUCHSTONE_LISTEN"), defaultListen), "`address` to listen on (or TOUCHSTONE_LISTEN)")
	flags.StringVar(&d.tlsCert, "tls-cert", "", "`file` of the certificate chain, PEM; read anew when it changes")
	flags.StringVar(&d.tlsKey, "tls-key", "", "`file` of its private key, PEM")
	flags.StringSliceVar(&d.proxies, "behind-proxy", nil, "`network`, such as 10.0.0.0/8, of the proxies that do TLS and say in X-Forwarded-For who asks; repeated or with commas")
	flags.DurationVar(&d.drain, "drain", 0, "how long a server that stops says so at /readyz before it lets nobody in, up to "+maxDrain.String())
	return d
}

const (
	// stopsWithin bounds a stop: what drain leaves of it is for requests under way.
	stopsWithin = 20 * time.Second
	maxDrain    = 15 * time.Second
)

// check refuses what would let strangers in, or keys travel where anybody can read them.
func (d *doorway) check() (err error) {
	host, _, err := net.SplitHostPort(d.listen)
	if err != nil {
		return fmt.Errorf("--listen %q is no address such as %s", d.listen, defaultListen)
	}
	if d.drain < 0 || d.drain > maxDrain {
		return fmt.Errorf("--drain %s is not within 0..%s", d.drain, maxDrain)
	}
	if err := errors.Join(d.readCertificate(), d.readProxies()); err != nil {
		return err
	}
	d.reachedFromAbroad = !loopback(host) || len(d.behind) > 0
	if d.reachedFromAbroad && d.certificate == nil && len(d.behind) == 0 {
		return fmt.Errorf("--listen %s: other machines could reach this server, and keys would travel in the clear: give --tls-cert and --tls-key, or put a proxy that does TLS before it and name its network with --behind-proxy, or listen on a loopback address, such as %s", d.listen, defaultListen)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *doorway) readCertificate() error {
	if d.tlsCert == "" && d.tlsKey == "" {
		return nil
	}
	if d.tlsCert == "" || d.tlsKey == "" {
		return errors.New("--tls-cert and --tls-key belong together")
	}
	read, err := readPair(d.tlsCert, d.tlsKey, time.Now)
	if err != nil {
		return fmt.Errorf("--tls-cert %s, --tls-key %s: %w", d.tlsCert, d.tlsKey, err)
	}
	d.certificate = read
	return nil
}

func (d *doorway) readProxies() error {
	for _, text := range d.proxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("--behind-proxy %q is no network such as 10.0.0.0/8 or 192.0.2.7/32", text)
		}
		d.behind = append(d.behind, network.Masked())
	}
	return nil
}

// config is what the server has to know of it.
func (d *doorway) config() api.Config {
	config := api.Config{Proxies: d.behind, Drain: d.drain, Grace: stopsWithin - d.drain}
	if d.reachedFromAbroad {
		config.Access = api.KeysRequired
	}
	if d.certificate != nil {
		config.TLS = &tls.Config{GetCertificate: d.certificate.get, MinVersion: tls.VersionTLS12}
	}
	return config
}

// checkKeys refuses a server that other machines reach and none of them could ask.
func (d *doorway) checkKeys(usable int) error {
	if !d.reachedFromAbroad || usable > 0 {
		return nil
	}
	return errors.New("other machines could reach this server, and there is no key yet that opens it: make one first: touchstone keys create --name operator --scope admin")
}

func (d *doorway) scheme() string {
	if d.certificate != nil {
		return "https"
	}
	return "http"
}

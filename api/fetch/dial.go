package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"

	"code.dny.dev/ssrf"
)

// dialer connects to addresses that it has judged itself.
type dialer struct {
	guard   *ssrf.Guardian
	allowed []netip.Prefix
	resolve func(context.Context, string) ([]netip.Addr, error)
	net     net.Dialer
}

// The library denies what the registries of IANA set apart, and all of IPv6 outside 2000::/3: loopback,
// private and link-local networks, documentation, multicast, 6to4, Teredo, NAT64 and mapped IPv4.
var (
	platform = netip.MustParsePrefix("168.63.129.16/32") // Azure's own services, on a public address

	// 6bone, given back: whoever still routes it does so inside.
	sixBone = netip.MustParsePrefix("3ffe::/16")
)

func newDialer(c Config) *dialer {
	four, six := byFamily(c.Allowed)
	d := &dialer{
		guard: ssrf.New(ssrf.WithPorts(c.Ports...), ssrf.WithAllowedV4Prefixes(four...), ssrf.WithAllowedV6Prefixes(six...),
			ssrf.WithDeniedV4Prefixes(platform), ssrf.WithDeniedV6Prefixes(sixBone)),
		allowed: c.Allowed, resolve: c.Resolve,
		net: net.Dialer{Timeout: c.Time / 2}, // or an address that does not answer leaves the next one no time
	}
	// Judged again where the kernel is told: whatever this package may come to do before it, no
	// other address gets a connection.
	d.net.Control = func(network, address string, conn syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return d.judge(target)
	}
	return d
}

func byFamily(prefixes []netip.Prefix) (four, six []netip.Prefix) {
	for _, p := range prefixes {
		if p.Addr().Is4() {
			four = append(four, p)
		} else {
			six = append(six, p)
		}
	}
	return four, six
}

// dial connects to host:port. All addresses of the host must be allowed before one is tried.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	ips, err := d.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	targets := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		targets[i] = netip.AddrPortFrom(ip, uint16(number))
		if err := d.judge(targets[i]); err != nil {
			return nil, err
		}
	}
	return d.first(ctx, targets)
}

// first is a connection to the first of the addresses that takes one.
func (d *dialer) first(ctx context.Context, targets []netip.AddrPort) (conn net.Conn, err error) {
	err = fmt.Errorf("%w: its host has no address", ErrFailed)
	for _, target := range targets {
		if conn, err = d.net.DialContext(ctx, "tcp", target.String()); err == nil || ctx.Err() != nil {
			return conn, err
		}
	}
	return nil, err
}

func (d *dialer) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ips, err := d.resolve(ctx, host+".") // with the dot, no domain of the machine's own is tried behind it
	for i := range ips {
		ips[i] = ips[i].Unmap() // resolvers hand out IPv4 either way
	}
	return ips, err
}

func resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// judge is nil for an address that may be connected to.
func (d *dialer) judge(target netip.AddrPort) error {
	ip := target.Addr()
	if err := d.guard.SafeAddrPort(target); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if slices.ContainsFunc(d.allowed, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	if isISATAP(ip) || isOwn(ip) {
		return fmt.Errorf("%w: %v is not a permitted destination", ErrRefused, ip)
	}
	return nil
}

// isISATAP reports whether the address leads through a tunnel to the IPv4 address in its last four
// bytes (RFC 5214, section 6.1). Any prefix can hold such addresses.
func isISATAP(ip netip.Addr) bool {
	if !ip.Is6() {
		return false
	}
	b := ip.As16()
	return b[8]&^0x03 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// isOwn reports whether the address is one of this machine's: a public one is no less a door to what
// listens here. When the system does not say, every address counts as such.
func isOwn(ip netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, each := range all {
		if prefix, err := netip.ParsePrefix(each.String()); err == nil && prefix.Addr() == ip {
			return true
		}
	}
	return false
}

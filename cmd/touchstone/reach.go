package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/pflag"

	"touchstone/api/fetch"
)

// reach says what may be connected to for whoever names a URL.
type reach struct {
	fetch    bool
	networks []string // though they are not public
	ports    []uint
}

func (r *reach) flags(flags *pflag.FlagSet) {
	flags.BoolVar(&r.fetch, "fetch", false, "fetch pictures that requests name by a URL, from public addresses")
	r.wider(flags, "for pictures and by webhooks")
}

// wider are the flags that let more than public addresses be reached.
func (r *reach) wider(flags *pflag.FlagSet, why string) {
	flags.StringSliceVar(&r.networks, "fetch-allow", nil, "`networks` that may be reached "+why+" though they are not public, such as 10.1.0.0/16")
	flags.UintSliceVar(&r.ports, "fetch-port", []uint{80, 443}, "`ports` that may be reached "+why)
}

func (r *reach) fetcher(config fetch.Config) (*fetch.Fetcher, error) {
	for _, text := range r.networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--fetch-allow %q is no network such as 10.1.0.0/16", text)
		}
		config.Allowed = append(config.Allowed, network)
	}
	for _, port := range r.ports {
		if port == 0 || port > 65535 {
			return nil, fmt.Errorf("--fetch-port %d is not within 1..65535", port)
		}
		config.Ports = append(config.Ports, uint16(port))
	}
	return fetch.New(config), nil
}

// ifAsked is nil when requests must not have anything fetched.
func (r *reach) ifAsked(f *fetch.Fetcher) *fetch.Fetcher {
	if !r.fetch {
		return nil
	}
	return f
}

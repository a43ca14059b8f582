package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/pflag"

	"touchstone/api/fetch"
)

// reach says what a server may connect to for its clients.
type reach struct {
	fetch    bool
	networks []string // though they are not public
	ports    []uint
}

func (r *reach) flags(flags *pflag.FlagSet) {
	flags.BoolVar(&r.fetch, "fetch", false, "fetch pictures that requests name by a URL, from public addresses")
	flags.StringSliceVar(&r.networks, "fetch-allow", nil, "`networks` that may be reached for pictures and by webhooks though they are not public, such as 10.1.0.0/16")
	flags.UintSliceVar(&r.ports, "fetch-port", []uint{80, 443}, "`ports` that may be reached for pictures and by webhooks")
}

func (r *reach) fetcher() (*fetch.Fetcher, error) {
	var config fetch.Config
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

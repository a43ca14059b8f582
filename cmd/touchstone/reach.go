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
	flags.StringSliceVar(&r.networks, "fetch-allow", nil, "`networks` that may be reached though they are not public, such as 10.1.0.0/16")
	flags.UintSliceVar(&r.ports, "fetch-port", []uint{80, 443}, "`ports` that may be reached")
}

// fetcher is nil when nothing is to be fetched.
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
	if !r.fetch {
		return nil, nil
	}
	return fetch.New(config), nil
}

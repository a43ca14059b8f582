package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"touchstone/api/client"
)

// timingSplit says where the time of an import went, in seconds summed over all workers. It comes
// from the server's metrics, so on a busy server it holds what others asked for too.
type timingSplit struct {
	DecodeAndHash float64 `json:"decode_and_hash"`
	Rest          float64 `json:"rest"` // of the requests: arrival, waiting for a core, commit, look-alikes
}

// timings are those of the server so far, or nil when nobody asked for them.
func (im *importer) timings(ctx context.Context, asked bool) *timingSplit {
	if !asked {
		return nil
	}
	return timingsOf(ctx, im.client)
}

func timingsOf(ctx context.Context, c *client.Client) *timingSplit {
	metrics, err := c.Metrics(ctx)
	if err != nil {
		return nil // it is no reason to stop an import
	}
	var t timingSplit
	for line := range strings.Lines(metrics) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		seconds, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == "touchstone_decode_duration_seconds_sum":
			t.DecodeAndHash = seconds
		case strings.HasPrefix(name, "touchstone_http_request_duration_seconds_sum{") && strings.Contains(name, "/references\""):
			t.Rest += seconds
		}
	}
	t.Rest -= t.DecodeAndHash
	return &t
}

// since is what was added after before was taken.
func (t *timingSplit) since(before *timingSplit) *timingSplit {
	if t == nil || before == nil {
		return nil
	}
	return &timingSplit{t.DecodeAndHash - before.DecodeAndHash, t.Rest - before.Rest}
}

func (t *timingSplit) text() string {
	return fmt.Sprintf("time over all workers: %.1f s decoding and hashing, %.1f s for the rest of the requests (waiting for a core, commit, look-alikes)",
		t.DecodeAndHash, t.Rest)
}

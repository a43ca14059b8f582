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
	Decode   float64 `json:"decode"`
	Hash     float64 `json:"hash"`
	Features float64 `json:"features"`
	Rest     float64 `json:"rest"` // of the requests: arrival, waiting for a core, commit, look-alikes
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
		case name == `touchstone_picture_stage_duration_seconds_sum{stage="decode"}`:
			t.Decode = seconds
		case name == `touchstone_picture_stage_duration_seconds_sum{stage="hash"}`:
			t.Hash = seconds
		case name == `touchstone_picture_stage_duration_seconds_sum{stage="features"}`:
			t.Features = seconds
		case strings.HasPrefix(name, "touchstone_http_request_duration_seconds_sum{") && strings.Contains(name, "/references\""):
			t.Rest += seconds
		}
	}
	t.Rest -= t.Decode + t.Hash + t.Features
	return &t
}

// since is what was added after before was taken.
func (t *timingSplit) since(before *timingSplit) *timingSplit {
	if t == nil || before == nil {
		return nil
	}
	return &timingSplit{t.Decode - before.Decode, t.Hash - before.Hash, t.Features - before.Features, t.Rest - before.Rest}
}

func (t *timingSplit) text() string {
	return fmt.Sprintf("time over all workers: %.1f s decoding, %.1f s hashing, %.1f s finding features, %.1f s for the rest of the requests (waiting for a core, commit, look-alikes)",
		t.Decode, t.Hash, t.Features, t.Rest)
}

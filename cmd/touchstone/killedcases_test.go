package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/fixtures"
)

// killedCases are hits that a client has recorded, by showing a picture in ever new listings, and decided.
type killedCases struct {
	picture  []byte
	listings int
	recorded map[string]string // hit by listing
	decided  map[string]bool   // of the hits those whose decision was acknowledged
	odd      []error
}

// newKilledCases adds the picture to the data folder.
func newKilledCases(t *testing.T, data string) *killedCases {
	t.Helper()
	c := &killedCases{picture: fixtures.EncodePNG(fixtures.Noise(1, 64, 64)), recorded: map[string]string{}, decided: map[string]bool{}}
	file := filepath.Join(t.TempDir(), "picture.png")
	if err := os.WriteFile(file, c.picture, 0o600); err != nil {
		t.Fatal(err)
	}
	touchstone(t, exitOK, "add", "-c", "bags", "--purpose", "brand", "--data", data, file)
	return c
}

// work shows and decides for as long as it is answered, and calls first after the first time. It is one client: the next
// step waits for the one before.
func (c *killedCases) work(ctx context.Context, to *client.Client, first func()) {
	defer first()
	for {
		c.listings++
		if !c.step(ctx, to, fmt.Sprint("listing-", c.listings)) {
			return
		}
		first()
	}
}

// step reports whether the server has answered.
func (c *killedCases) step(ctx context.Context, to *client.Client, listing string) bool {
	answer, err := to.Match(ctx, []client.Image{{Content: c.picture}}, client.MatchOptions{Effort: "fast", Collections: []string{"bags"}, Subject: listing})
	if err != nil {
		return c.answered(err)
	}
	matches := answer.Results[0].Matches
	if len(matches) != 1 || matches[0].HitID == "" {
		c.odd = append(c.odd, fmt.Errorf("%s: %+v, want one hit", listing, answer))
		return false
	}
	id := matches[0].HitID
	if known := c.recorded[listing]; known != "" && known != id {
		c.odd = append(c.odd, fmt.Errorf("%s is hit %s and then hit %s", listing, known, id))
	}
	c.recorded[listing] = id
	decided, err := to.DecideHits(ctx, wire.BulkOrder{Hits: []string{id}, Order: wire.Order{Action: "confirm", Reason: "stolen_image"}})
	if err != nil {
		return c.answered(err)
	}
	if r := decided.Results[0]; r.Problem != nil {
		c.odd = append(c.odd, fmt.Errorf("hit %s: %+v", id, *r.Problem))
	}
	c.decided[id] = true
	return true
}

// answered keeps what a server that is not killed should not say.
func (c *killedCases) answered(err error) bool {
	if errors.Is(err, client.ErrUnreachable) || errors.Is(err, context.Canceled) {
		return false
	}
	if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Status != 503 {
		c.odd = append(c.odd, err)
	}
	return false
}

// verify compares the hits that the server holds with what it has acknowledged. A listing whose answer was lost is
// there once or not at all.
func (c *killedCases) verify(ctx context.Context, from *client.Client) error {
	held, ids := map[string]string{}, map[string]string{} // state by hit, hit by listing
	for hit, err := range from.AllHits(ctx, nil) {
		if err != nil {
			return err
		}
		if other := ids[hit.Subject.Listing]; other != "" {
			return fmt.Errorf("%s has two hits, %s and %s", hit.Subject.Listing, other, hit.ID)
		}
		held[hit.ID], ids[hit.Subject.Listing] = hit.State, hit.ID
	}
	for listing, id := range c.recorded {
		if ids[listing] != id {
			return fmt.Errorf("%s was acknowledged as hit %s and is %q", listing, id, ids[listing])
		}
		if c.decided[id] && held[id] != "confirmed" {
			return fmt.Errorf("hit %s was acknowledged as confirmed and is %s", id, held[id])
		}
	}
	if len(held) > c.listings {
		return fmt.Errorf("%d hits of %d listings", len(held), c.listings)
	}
	return errors.Join(c.odd...)
}

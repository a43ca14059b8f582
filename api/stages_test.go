package api_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"touchstone/api"
	"touchstone/api/wire"
)

// TestScrapeCountsWhatWasDone: cases, requests under a key, and backups.
func TestScrapeCountsWhatWasDone(t *testing.T) {
	fails := false
	h := openWith(t, api.Config{Backup: func(_ context.Context, to io.Writer) error {
		if fails {
			return errors.New("the disk")
		}
		_, err := to.Write([]byte("whole"))
		return err
	}}).ready()
	hits := noticed(h, 1)
	h.json("POST", "/v1/notices", wire.NewNotice{Holder: "acme", Hits: hits, Text: "ours", Submit: true}).want(201)
	const bags, shoes = `{"name":"bags","purpose":"brand"}`, `{"name":"shoes","purpose":"brand"}`
	h.keyed("one", "POST", "/v1/collections", bags).want(201)
	h.keyed("one", "POST", "/v1/collections", bags).want(201)
	h.keyed("one", "POST", "/v1/collections", shoes).problem(422, "idempotency_key_reused")
	if got := metric(h, "touchstone_backup_last_success_timestamp_seconds"); got != "0" {
		t.Errorf("a backup at %s, before there was one", got)
	}
	h.get("/v1/backup").want(200)
	fails = true
	h.get("/v1/backup").want(500)
	for series, want := range map[string]string{
		`touchstone_case_matches_total{kind="near",standing="hit"}`: "",
		`touchstone_case_decisions_total{action="confirm"}`:         "1",
		`touchstone_case_decisions_total{action="reject"}`:          "0",
		`touchstone_case_notices_total{state="submitted"}`:          "1",
		`touchstone_idempotent_requests_total{outcome="first"}`:     "1",
		`touchstone_idempotent_requests_total{outcome="repeated"}`:  "1",
		`touchstone_idempotent_requests_total{outcome="other"}`:     "1",
		`touchstone_idempotent_requests_total{outcome="busy"}`:      "0",
		`touchstone_idempotency_records`:                            "1",
		`touchstone_backups_total{outcome="whole"}`:                 "1",
		`touchstone_backups_total{outcome="broken"}`:                "1",
		`touchstone_case_matches_total{kind="copy",standing="hit"}`: "1",
	} {
		if got := metric(h, series); got != want {
			t.Errorf("%s is %q, want %q", series, got, want)
		}
	}
	if got := metric(h, "touchstone_backup_last_success_timestamp_seconds"); got == "0" {
		t.Error("no time of the backup")
	}
}

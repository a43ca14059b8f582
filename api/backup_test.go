package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/hashindex"
	"touchstone/hashindex/store/archive"
	"touchstone/hashindex/store/bolt"
)

func openBolt(t *testing.T, folder string) *bolt.Store {
	t.Helper()
	store, err := bolt.Open(folder, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// TestBackupOfAServerIsRestoredWhole, and the restored store answers as the server does.
func TestBackupOfAServerIsRestoredWhole(t *testing.T) {
	store := openBolt(t, t.TempDir())
	h := serve(t, openIndex(t, store), api.Config{Backup: backupOf(store)}).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1), product(2))
	a := h.get("/v1/backup").want(200)
	if got := h.do(h.request("HEAD", "/v1/backup", "", nil)).want(200); len(got.body) != 0 || got.header.Get("Content-Type") != a.header.Get("Content-Type") {
		t.Errorf("HEAD: %d bytes, %v", len(got.body), got.header)
	}
	h.add("shoes", product(3)) // after the backup
	folder := filepath.Join(t.TempDir(), "restored")
	if _, err := bolt.Restore(t.Context(), folder, bytes.NewReader(a.body)); err != nil {
		t.Fatal(err)
	}
	restored := serve(t, openIndex(t, openBolt(t, folder)), api.Config{}).ready()
	for _, path := range []string{"/v1/changes?limit=3", "/v1/references/2", "/v1/references/3/image"} {
		got, want := restored.get(path).want(200), h.get(path).want(200)
		got.body, want.body = withoutSeq(got.body), withoutSeq(want.body)
		if !bytes.Equal(got.body, want.body) {
			t.Errorf("%s: restored\n%.500s\nwant\n%.500s", path, got.body, want.body)
		}
	}
	restored.get("/v1/references/4").problem(404, "reference_not_found")
}

// withoutSeq leaves out where the history ends: the server's went on.
func withoutSeq(body []byte) []byte {
	before, _, _ := bytes.Cut(body, []byte(`,"seq":4`))
	before, _, _ = bytes.Cut(before, []byte(`,"seq":3}`+"\n"))
	return before
}

func backupOf(store *bolt.Store) func(context.Context, io.Writer) error {
	return func(ctx context.Context, to io.Writer) error {
		_, err := store.Backup(ctx, to)
		return err
	}
}

func TestBackupThatFailsIsNeverTakenForWhole(t *testing.T) {
	broken := errors.New("the disk, at /a/secret/path")
	before := func(context.Context, io.Writer) error { return broken }
	h := openWith(t, api.Config{Backup: before}).ready()
	p := h.get("/v1/backup").problem(500, "internal_error")
	if strings.Contains(p.Detail, "secret") {
		t.Errorf("the client is told %q", p.Detail)
	}

	midway := func(_ context.Context, to io.Writer) error {
		w := archive.NewWriter(to)
		return errors.Join(w.File("touchstone.db", 300_000, strings.NewReader(strings.Repeat("x", 300_000))), broken)
	}
	h = openWith(t, api.Config{Backup: midway}).ready()
	response, err := h.client.Do(h.request("GET", "/v1/backup", "", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, err = archive.Read(response.Body, func(string, int64, io.Reader) error { return nil })
	if err == nil {
		t.Error("half an archive was read without an error")
	}
}

func TestBackupsAreMadeOneAtATime(t *testing.T) {
	under, over := make(chan struct{}), make(chan struct{})
	h := openWith(t, api.Config{Backup: func(context.Context, io.Writer) error { close(under); <-over; return hashindex.ErrClosed }}).ready()
	done := make(chan answer)
	go func() { done <- h.get("/v1/backup") }()
	<-under
	h.get("/v1/backup").problem(503, "overloaded")
	close(over)
	(<-done).problem(503, "stopping")
}

func TestStoreInMemoryHasNoBackup(t *testing.T) {
	open(t).ready().get("/v1/backup").problem(501, "backup_unavailable")
}

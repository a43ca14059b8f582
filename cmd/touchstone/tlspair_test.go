package main

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// TestRenewedCertificateIsShownWithoutARestart, and one that cannot be read leaves the old one in place.
func TestRenewedCertificateIsShownWithoutARestart(t *testing.T) {
	chain, key := certificate(t)
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	pair, err := readPair(chain, key, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	shown := func() []byte {
		t.Helper()
		got, err := pair.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Certificate[0]
	}
	old := shown()
	nextChain, nextKey := certificate(t)
	modified := at
	replace := func(path, by string) {
		t.Helper()
		content, err := os.ReadFile(by)
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		modified = modified.Add(time.Hour) // the file system's clock may be too coarse to tell two writes apart
		if err == nil {
			err = os.Chtimes(path, modified, modified)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	replace(chain, nextChain)
	at = at.Add(lookAgain)
	if !bytes.Equal(shown(), old) {
		t.Error("a chain without its key is shown")
	}
	replace(key, nextKey)
	if !bytes.Equal(shown(), old) {
		t.Error("files are read before it is time to")
	}
	at = at.Add(lookAgain)
	fresh := shown()
	if bytes.Equal(fresh, old) {
		t.Error("the renewed certificate is not shown")
	}
	replace(chain, key)
	at = at.Add(-time.Hour) // the clock goes back, and the next look must not be an hour away
	if !bytes.Equal(shown(), fresh) {
		t.Error("a file that is no certificate took the place of one")
	}
	replace(chain, nextChain)
	at = at.Add(-time.Hour)
	if !bytes.Equal(shown(), fresh) {
		t.Error("the certificate is another than its file")
	}
}

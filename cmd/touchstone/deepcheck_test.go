package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"touchstone/fixtures"
	"touchstone/hashindex"
)

// deepFolder is a data folder with pictures and what is planted in some: a hash that is not the picture's, a quality,
// features, and a picture whose bytes are damaged.
func deepFolder(t *testing.T, pictures int) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "data")
	h, err := openHouse(t.Context(), folder, writing)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if _, _, err := h.index.CreateCollection(t.Context(), "", hashindex.Collection{Name: "bags", Purpose: hashindex.Brand, Policy: hashindex.DefaultPolicy()}); err != nil {
		t.Fatal(err)
	}
	news := make([]hashindex.NewReference, pictures)
	for n := range news {
		encoded := fixtures.EncodeJPEG(fixtures.Logo(n), 80)
		picture, err := h.workers.Stored(t.Context(), encoded)
		if err != nil {
			t.Fatal(err)
		}
		news[n] = hashindex.NewReference{ExternalID: fmt.Sprint("picture-", n), Picture: picture, Encoded: encoded}
	}
	news[0].Picture.Frames[0].Hashes[hashindex.PDQ] = news[5].Picture.Frames[0].Hashes[hashindex.PDQ]
	news[1].Picture.Frames[0].Quality--
	news[2].Picture.Frames[0].Features = hashindex.Features{}
	if _, _, err := h.index.AddReferences(t.Context(), "", "bags", news); err != nil {
		t.Fatal(err)
	}
	return folder
}

func checkDeep(t *testing.T, folder, share string, code int) checked {
	t.Helper()
	var result checked
	if err := json.Unmarshal([]byte(touchstone(t, code, "check", "--deep", share, "--json", "--data", folder)), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestDeepCheckFindsWhatIsNotThePictures(t *testing.T) {
	const pictures = 8
	folder := deepFolder(t, pictures)
	touchstone(t, exitOK, "check", "--data", folder) // every checksum is right
	all := checkDeep(t, folder, "1/1", exitDamage)
	if all.Deep == nil || all.Deep.Pictures != pictures || len(all.Findings) != 3 {
		t.Fatalf("%+v of %+v", all.Findings, all.Deep)
	}
	planted := map[string]string{"picture-0": "hashes", "picture-1": "frames", "picture-2": "features"}
	for name, part := range planted {
		if !named(all.Findings, name, part) {
			t.Errorf("%s has other %s, which is not among %+v", name, part, all.Findings)
		}
	}

	// Each picture is in the share that its digest says, and in no other.
	const shares = 2
	for n := range shares {
		want, code := 0, exitOK
		for i := range pictures {
			d := hashindex.DigestOf(fixtures.EncodeJPEG(fixtures.Logo(i), 80))
			if binary.BigEndian.Uint64(d[:])%shares != uint64(n) {
				continue
			}
			if want++; i < len(planted) {
				code = exitDamage
			}
		}
		if part := checkDeep(t, folder, fmt.Sprintf("%d/%d", n+1, shares), code); part.Deep.Pictures != want {
			t.Errorf("share %d of %d: %+v, want %d pictures", n+1, shares, part.Deep, want)
		}
	}

	victim := fixtures.EncodeJPEG(fixtures.Logo(3), 80)
	name := hashindex.DigestOf(victim).String()
	victim[len(victim)/2] ^= 1
	if err := os.WriteFile(filepath.Join(folder, "blobs", name[:2], name), victim, 0o600); err != nil {
		t.Fatal(err)
	}
	result := checkDeep(t, folder, "1/1", exitDamage)
	if !named(result.Findings, "picture of reference 5", "damaged") {
		t.Errorf("%+v", result.Findings)
	}
}

func TestShareThatIsNoneIsRefused(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	touchstone(t, exitOK, "collections", "create", "list", "--purpose", "work", "--data", folder)
	for _, share := range []string{"0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/2/3"} {
		touchstone(t, exitUsage, "check", "--deep", share, "--data", folder)
	}
}

func named(findings []finding, parts ...string) bool {
	for _, f := range findings {
		has := true
		for _, part := range parts {
			has = has && strings.Contains(f.What, part)
		}
		if has {
			return true
		}
	}
	return false
}

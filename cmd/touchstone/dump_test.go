package main

import (
	"strings"
	"testing"
	"time"

	"touchstone/api/wire"
)

func TestDumpShowsNotesOnOneLine(t *testing.T) {
	text := changeText(wire.Change{
		Seq: 7, Time: time.Unix(0, 0), Actor: "lab", Kind: "noted", Digest: strings.Repeat("ab", 32),
		Note: &wire.Note{Topic: "right", Subject: "a\nb", Body: []byte(`{"to":1}`)},
	})
	if want := `7  1970-01-01T00:00:00Z  abababab  noted  by lab  right "a\nb"  {"to":1}`; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

package idempotency

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"touchstone/hashindex"
)

func TestRecordComesBackAndNothingElseIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := record{
			at:    time.UnixMicro(rapid.Int64Range(0, 1<<50).Draw(t, "at")).UTC(),
			asked: hashindex.DigestOf([]byte(rapid.String().Draw(t, "asked"))),
			Answer: Answer{
				Status: rapid.IntRange(200, 599).Draw(t, "status"), Location: rapid.String().Draw(t, "location"),
				Body: []byte(rapid.String().Draw(t, "body")),
			},
		}
		raw := want.append(nil)
		got, err := parseRecord(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
		cut := rapid.IntRange(0, recordHead+len(want.Location)-1).Draw(t, "cut")
		if _, err := parseRecord(raw[:cut]); !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(raw), err)
		}
		raw[0]++
		if _, err := parseRecord(raw); !errors.Is(err, hashindex.ErrNewer) {
			t.Errorf("of a later version: %v", err)
		}
	})
}

// TestSumTellsApartWhatIsAskedFor: parts count by their names, contents and order, however they are read.
func TestSumTellsApartWhatIsAskedFor(t *testing.T) {
	sum := func(head string, parts ...string) hashindex.Digest {
		s := NewSum(strings.Fields(head)...)
		for i, part := range parts {
			name, content, _ := strings.Cut(part, "=")
			var from io.Reader = strings.NewReader(content)
			if i%2 == 0 {
				from = iotest.DataErrReader(iotest.OneByteReader(from))
			}
			from = s.Part(name, from)
			for range 2 { // read on beyond its end
				if _, err := io.Copy(io.Discard, from); err != nil {
					t.Fatal(err)
				}
			}
		}
		return s.Digest()
	}
	first := sum("POST /a", "image=abc", "meta=1")
	if again := sum("POST /a", "image=abc", "meta=1"); again != first {
		t.Errorf("%v, then %v", first, again)
	}
	for name, other := range map[string]hashindex.Digest{
		"path": sum("POST /b", "image=abc", "meta=1"), "shift": sum("POST/ a", "image=abc", "meta=1"),
		"content": sum("POST /a", "image=abd", "meta=1"), "name": sum("POST /a", "images=abc", "meta=1"),
		"order": sum("POST /a", "meta=1", "image=abc"), "less": sum("POST /a", "image=abc"),
		"border": sum("POST /a", "image=ab", "cmeta=1"),
	} {
		if other == first {
			t.Errorf("another %s has the same sum", name)
		}
	}
	var none *Sum
	if got, err := io.ReadAll(none.Part("x", strings.NewReader("content"))); string(got) != "content" || err != nil {
		t.Errorf("without a sum: %q, %v", got, err)
	}
}

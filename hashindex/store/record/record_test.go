package record_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
	"touchstone/hashindex/store/storetest"
)

func TestDecodeIsTheInverseOfAppend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawChange(t)
		raw, err := record.Append(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := record.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("\n got %+v\nwant %+v", got, want)
		}
	})
}

// Any cut or change of a byte is refused or is the one encoding of another change.
func TestEveryOtherEncodingIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, err := record.Append(nil, drawChange(t))
		if err != nil {
			t.Fatal(err)
		}
		if cut := rapid.IntRange(0, len(raw)-1).Draw(t, "cut"); canonical(raw[:cut]) == nil {
			t.Errorf("%x, cut to %d bytes, was read", raw, cut)
		}
		if canonical(append(raw[:len(raw):len(raw)], 0)) == nil {
			t.Errorf("%x and a zero byte was read", raw)
		}
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if err := canonical(raw); errors.Is(err, errNotCanonical) {
			t.Error(err)
		}
	})
}

var errNotCanonical = errors.New("read, but not written like that")

// canonical is nil for bytes that are read and written back as they are.
func canonical(raw []byte) error {
	c, err := record.Decode(raw)
	if err != nil {
		if !errors.Is(err, hashindex.ErrDamaged) && !errors.Is(err, hashindex.ErrNewer) {
			return fmt.Errorf("%x: %w: an error of another kind: %v", raw, errNotCanonical, err)
		}
		return err
	}
	again, err := record.Append(nil, c)
	if err != nil || string(again) != string(raw) {
		return fmt.Errorf("%x: %w: %x, %v", raw, errNotCanonical, again, err)
	}
	return nil
}

func TestOutlineIsPartOfWhatDecodeReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, err := record.Append(nil, drawChange(t))
		if err != nil {
			t.Fatal(err)
		}
		checkOutline(t, raw)
		checkOutline(t, raw[:rapid.IntRange(0, len(raw)).Draw(t, "cut")])
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		checkOutline(t, raw)
	})
}

// checkOutline asks for each frame, and one more, of a record that may be damaged.
func checkOutline(t interface{ Fatalf(string, ...any) }, raw []byte) {
	c, wrong := record.Decode(raw)
	for n := range len(c.Reference.Frames) + 1 {
		for _, a := range hashindex.Algorithms() {
			got, err := record.DecodeOutline(raw, n, a)
			if wrong != nil { // perhaps behind what an outline reads
				if err != nil && !errors.Is(err, hashindex.ErrDamaged) && !errors.Is(err, hashindex.ErrNewer) {
					t.Fatalf("%x: %v", raw, err)
				}
				continue
			}
			want := record.Outline{Seq: c.Seq, Kind: c.Kind, ID: c.Reference.ID, Frame: n < len(c.Reference.Frames)}
			want.Collection, want.ExternalID, want.DisabledUntil = c.Reference.Collection, c.Reference.ExternalID, c.Reference.DisabledUntil
			if want.Frame {
				want.Hash = c.Reference.Frames[n].Hashes[a]
			}
			if err != nil || got != want {
				t.Fatalf("%x: frame %d, %v:\n got %+v, %v\nwant %+v", raw, n, a, got, err, want)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for kind := hashindex.CollectionCreated; kind <= hashindex.ReferenceRemoved; kind++ {
		example := exampleOf(kind)
		raw, err := record.Seal(nil, &example, 3, hashindex.DigestOf([]byte("before")))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		if raw, err = record.Append(nil, ofVersion2(kind)); err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	right := storetest.Note("right", "7", `{"to":{"holder":"lab"}}`)
	note, err := record.Seal(nil, &right, 3, hashindex.Digest{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(note)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := canonical(raw); errors.Is(err, errNotCanonical) {
			t.Error(err)
		}
		checkOutline(t, raw)
	})
}

func exampleOf(kind hashindex.ChangeKind) hashindex.Change {
	if kind.OfCollection() {
		return storetest.CollectionChange(kind, 1, "brand")
	}
	c := storetest.Addition(1, "shoe-1", 5)
	c.Kind = kind
	c.Reference.ID = 2
	c.Reference.Meta = map[string]string{"a": "1", "b": "2"}
	c.Reference.Content = hashindex.DigestOf([]byte("picture"))
	c.Reference.Frames = append(c.Reference.Frames, c.Reference.Frames[0])
	c.Reference.Frames[1].Recipe = "other"
	return c
}

// ofVersion2 is the example with what version 1 cannot hold.
func ofVersion2(kind hashindex.ChangeKind) hashindex.Change {
	c := exampleOf(kind)
	c.Seq = 3
	if kind.OfCollection() {
		c.Collection.Policy.Partial = hashindex.PartialPolicy{MinCoverage: 0.25}
	} else {
		c.Reference.Frames[1].Features = hashindex.DigestOf([]byte("features"))
	}
	return c
}

// TestOldestVersionThatCanHoldAChangeIsWritten: a history keeps its digests whichever binary writes it.
func TestOldestVersionThatCanHoldAChangeIsWritten(t *testing.T) {
	for kind := hashindex.CollectionCreated; kind <= hashindex.ReferenceRemoved; kind++ {
		plain := exampleOf(kind)
		plain.Seq = 3
		for want, c := range map[byte]hashindex.Change{1: plain, 2: ofVersion2(kind)} {
			raw, err := record.Append(nil, c)
			if err != nil || raw[0] != want {
				t.Errorf("%v: version %d, want %d, %v", kind, raw[0], want, err)
				continue
			}
			raw[0] = 3 - raw[0]
			if _, err := record.Decode(raw); !errors.Is(err, hashindex.ErrDamaged) {
				t.Errorf("%v in version %d was read: %v", kind, raw[0], err)
			}
		}
	}
}

func TestNoteIsOfVersion3(t *testing.T) {
	note := storetest.Note("right", "7", "{}")
	raw, err := record.Seal(nil, &note, 3, hashindex.Digest{})
	if err != nil || raw[0] != 3 {
		t.Fatalf("%x, %v", raw, err)
	}
	for _, version := range []byte{1, 2} {
		raw[0] = version
		if _, err := record.Decode(raw); !errors.Is(err, hashindex.ErrDamaged) {
			t.Errorf("in version %d it was read: %v", version, err)
		}
	}
}

func TestHashOnlyReferenceIsSmall(t *testing.T) {
	addition := storetest.Addition(7, "listing-000123456", 5)
	raw, err := record.Seal(nil, &addition, 10_000_000, hashindex.DigestOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 130 {
		t.Errorf("%d bytes", len(raw))
	}
	t.Logf("%d bytes", len(raw))
}

// TestExampleOfFormatPage holds the page to its word.
func TestExampleOfFormatPage(t *testing.T) {
	c := hashindex.Change{
		Time: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), Actor: "lab", Kind: hashindex.ReferenceAdded,
		Reference: hashindex.Reference{
			Collection: 1, ExternalID: "shoe-1", Meta: map[string]string{"sku": "42"},
			Added: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
			Frames: []hashindex.StoredFrame{{
				Recipe: "pdq/1", Quality: 100,
				Hashes: hashindex.Hashes{hashindex.PHash: hashindex.Hash64(0x8f373714acfcf4d0)},
			}},
		},
	}
	raw, err := record.Seal(nil, &c, 2, hashindex.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	page := readPage(t, "../bolt/FORMAT.md")
	if example := hexAfter(page, "### Example"); example != hex.EncodeToString(raw) {
		t.Errorf("the page says\n%s\nand the code\n%x", example, raw)
	}
	if !strings.Contains(page, c.Digest.String()) {
		t.Errorf("the page does not name the digest %v", c.Digest)
	}
}

func TestUnwritableFieldIsNamed(t *testing.T) {
	for field, spoil := range map[string]func(*hashindex.Change){
		"kind":           func(c *hashindex.Change) { c.Kind = 99 },
		"width":          func(c *hashindex.Change) { c.Reference.Width = -1 },
		"height":         func(c *hashindex.Change) { c.Reference.Height = 1 << 40 },
		"quality":        func(c *hashindex.Change) { c.Reference.Frames[0].Quality = 101 },
		"at":             func(c *hashindex.Change) { c.Reference.Frames[0].At = -1 },
		"hashes":         func(c *hashindex.Change) { c.Reference.Frames[0].Hashes[hashindex.PDQ] = hashindex.Hash64(1) },
		"time":           func(c *hashindex.Change) { c.Time = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) },
		"added":          func(c *hashindex.Change) { c.Reference.Added = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"disabled_until": func(c *hashindex.Change) { c.Reference.DisabledUntil = time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		c := exampleOf(hashindex.ReferenceAdded)
		spoil(&c)
		_, err := record.Seal(nil, &c, 3, hashindex.Digest{})
		var input *hashindex.InputError
		if !errors.As(err, &input) || input.Field != field {
			t.Errorf("%s: error %v", field, err)
		}
	}
}

// drawChange draws a change as a store would have sealed it.
func drawChange(t *rapid.T) hashindex.Change {
	seq := rapid.Uint64Range(1, 1<<63-1).Draw(t, "seq")
	c := hashindex.Change{
		Seq: hashindex.Seq(seq), Time: drawTime(t), Actor: rapid.String().Draw(t, "actor"),
		Kind: hashindex.ChangeKind(rapid.IntRange(1, 7).Draw(t, "kind")),
		Prev: hashindex.DigestOf([]byte(rapid.String().Draw(t, "prev"))),
	}
	if c.Kind.OfCollection() {
		c.Collection = hashindex.Collection{
			ID: hashindex.CollectionID(rapid.Uint32().Draw(t, "id")), Name: rapid.String().Draw(t, "name"),
			Purpose: rapid.SampledFrom(hashindex.Purposes()).Draw(t, "purpose"),
			Policy: hashindex.Policy{Radius: rapid.IntRange(0, 256).Draw(t, "radius"), Radius64: 6, Partial: hashindex.PartialPolicy{
				Enabled: rapid.Bool().Draw(t, "enabled"), MinCoverage: rapid.SampledFrom([]float64{0, 0.1, 0.25, 1}).Draw(t, "coverage"),
			}},
		}
		return c
	}
	if c.Kind == hashindex.Noted {
		c.Note = hashindex.Note{
			Topic: rapid.String().Draw(t, "topic"), Subject: rapid.String().Draw(t, "subject"),
			Body: []byte(rapid.String().Draw(t, "body")),
		}
		return c
	}
	c.Reference = hashindex.Reference{
		ID:         hashindex.ReferenceID(rapid.Uint64Range(1, seq).Draw(t, "id")),
		Collection: hashindex.CollectionID(rapid.Uint32().Draw(t, "collection")),
		ExternalID: rapid.String().Draw(t, "external id"), Note: rapid.String().Draw(t, "note"),
		Added: drawTime(t), DisabledUntil: drawTime(t),
		Format: rapid.SampledFrom([]string{"", "jpeg"}).Draw(t, "format"),
		Width:  rapid.IntRange(0, 1<<31-1).Draw(t, "width"), Height: rapid.IntRange(0, 9).Draw(t, "height"),
	}
	if meta := rapid.MapOfN(rapid.String(), rapid.String(), 0, 4).Draw(t, "meta"); len(meta) > 0 {
		c.Reference.Meta = meta
	}
	if rapid.Bool().Draw(t, "picture") {
		c.Reference.Content = hashindex.DigestOf([]byte("picture"))
	}
	for range rapid.IntRange(0, 5).Draw(t, "frames") {
		c.Reference.Frames = append(c.Reference.Frames, drawFrame(t))
	}
	return c
}

func drawFrame(t *rapid.T) hashindex.StoredFrame {
	f := hashindex.StoredFrame{
		At:      time.Duration(rapid.Int64Range(0, 1<<63-1).Draw(t, "at")),
		Recipe:  rapid.SampledFrom([]hashindex.Recipe{"", "a/1", "b/2"}).Draw(t, "recipe"),
		Quality: rapid.IntRange(-1, 100).Draw(t, "quality"),
	}
	for _, a := range hashindex.Algorithms() {
		if !rapid.Bool().Draw(t, "has") {
			continue
		}
		word := rapid.Uint64().Draw(t, "word")
		f.Hashes[a] = hashindex.Hash64(word)
		if a.Bits() == 256 {
			f.Hashes[a] = hashindex.Hash256([4]uint64{word, ^word, 1, word << 7})
		}
	}
	if rapid.Bool().Draw(t, "features") {
		f.Features = hashindex.DigestOf([]byte("features"))
	}
	return f
}

func drawTime(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "no time") {
		return time.Time{}
	}
	return time.UnixMicro(rapid.Int64Range(-62135596800_000_000, 253402300799_999_999).Draw(t, "time")).UTC()
}

package storetest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"touchstone/hashindex"
)

// RunModel uses the store at random beside plain maps and compares them. With reopens, it also
// closes the store and opens its folder again, which must change nothing.
func RunModel(t *testing.T, open Opener, reopens bool) {
	rapid.Check(t, func(rt *rapid.T) {
		folder, err := os.MkdirTemp(t.TempDir(), "model")
		if err != nil {
			rt.Fatal(err)
		}
		m := &machine{t: t, open: open, folder: folder, model: newModel()}
		m.store = open(t, folder)
		defer func() { m.store.Close() }()
		actions := map[string]func(*rapid.T){"": m.compare, "update": m.update}
		if reopens {
			actions["reopen"] = m.reopen
		}
		rt.Repeat(actions)
		clean(rt, m.store)
	})
}

func clean(rt *rapid.T, s hashindex.Store) {
	err := s.Check(rt.Context(), func(f hashindex.Finding) { rt.Errorf("check: %s: %s", f.Invariant, f.What) })
	if err != nil {
		rt.Fatal(err)
	}
}

type machine struct {
	t      *testing.T
	open   Opener
	folder string
	store  Store
	model  model
}

func (m *machine) reopen(rt *rapid.T) {
	if err := m.store.Close(); err != nil {
		rt.Fatal(err)
	}
	m.store = m.open(m.t, m.folder)
}

// update appends some changes in one transaction, and now and then has it fail.
func (m *machine) update(rt *rapid.T) {
	after := m.model.clone()
	fail := rapid.IntRange(0, 4).Draw(rt, "fail") == 0
	err := m.store.Update(func(w hashindex.Writer) error {
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			c := m.draw(rt, after)
			stored, err := w.Append(c)
			if want := after.expects(c); want != (err == nil) {
				rt.Fatalf("%v %+v %+v: admitted %v, want %v: %v", c.Kind, c.Collection, c.Reference, err == nil, want, err)
			}
			if err == nil {
				after.apply(c)
				if stored.Seq != after.head {
					rt.Fatalf("seq %d, want %d", stored.Seq, after.head)
				}
			}
			m.writeRow(rt, w, after)
			if rapid.IntRange(0, 3).Draw(rt, "look") == 0 {
				compare(rt, w, after)
			}
		}
		if fail {
			return errOnPurpose
		}
		return nil
	})
	if fail != (err != nil) {
		rt.Fatalf("update: %v, want failure %v", err, fail)
	}
	if !fail {
		m.model = after
	}
}

// writeRow puts or removes one of few rows.
func (m *machine) writeRow(rt *rapid.T, w hashindex.Writer, now model) {
	table, key := rapid.SampledFrom([]string{"t", "u"}).Draw(rt, "table"), rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "key")
	size := rapid.SampledFrom([]int{-1, 0, 1, 5000}).Draw(rt, "size")
	var err error
	if size < 0 {
		delete(now.rows, table+"/"+key)
		err = w.RemoveRow(table, key)
	} else {
		value := strings.Repeat(string(rapid.SampledFrom([]rune("xyz")).Draw(rt, "value")), size)
		now.rows[table+"/"+key] = value
		err = w.PutRow(table, key, []byte(value))
	}
	if err != nil {
		rt.Fatal(err)
	}
}

// draw makes a change out of few names and ids, so that they often meet.
func (m *machine) draw(rt *rapid.T, now model) hashindex.Change {
	kind := hashindex.ChangeKind(rapid.SampledFrom([]int{1, 2, 3, 4, 4, 4, 4, 5, 5, 6, 6, 7}).Draw(rt, "kind"))
	collection := hashindex.CollectionID(rapid.IntRange(0, int(now.created)+1).Draw(rt, "collection"))
	if kind == hashindex.Noted {
		return Note("topic", rapid.StringN(0, 5, 20).Draw(rt, "subject"), `{"n":1}`)
	}
	if kind.OfCollection() {
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "name")
		if was, ok := now.collections[collection]; ok && kind == hashindex.CollectionRemoved {
			name = was.Name
		}
		return CollectionChange(kind, collection, name)
	}
	if kind == hashindex.ReferenceAdded {
		externalID := rapid.SampledFrom([]string{"", "x", "y", "z", "w"}).Draw(rt, "external id")
		c := Addition(collection, externalID, rapid.Uint64().Draw(rt, "bits"))
		if n := rapid.IntRange(0, 3).Draw(rt, "content"); n > 0 {
			c.Reference.Content = m.blob(rt, n)
		}
		if n := rapid.SampledFrom([]int{0, 1, 3000, 20_000}).Draw(rt, "features"); n > 0 {
			c = Featured(c, strings.Repeat("corner", n)[:n])
		}
		return c
	}
	known := slices.Sorted(maps.Keys(now.references))
	if len(known) == 0 || rapid.IntRange(0, 9).Draw(rt, "unknown") == 0 {
		return Later(kind, Addition(collection, "x", 1).Reference)
	}
	r := now.references[rapid.SampledFrom(known).Draw(rt, "reference")]
	if kind == hashindex.ReferenceChanged {
		r.Note = rapid.StringN(0, 5, 20).Draw(rt, "note")
	}
	return Later(kind, r)
}

func (m *machine) blob(rt *rapid.T, n int) hashindex.Digest {
	content := []byte(fmt.Sprint("picture ", n))
	if err := m.store.PutBlobs(rt.Context(), [][]byte{content}); err != nil {
		rt.Fatal(err)
	}
	return hashindex.DigestOf(content)
}

func (m *machine) compare(rt *rapid.T) {
	err := m.store.View(func(r hashindex.Reader) error {
		compare(rt, r, m.model)
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
}

// compare asks the store everything that the model knows, and for what it should not know.
func compare(rt *rapid.T, r hashindex.Reader, want model) {
	same := func(what string, got, want any, err error) {
		if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
			rt.Fatalf("%s:\n got %s (%v)\nwant %s", what, g, err, w)
		}
	}
	head, _ := r.Head()
	same("head", head, want.head, nil)
	for id := hashindex.CollectionID(1); id <= want.created; id++ {
		c, there := want.collections[id]
		n, err := r.Count(id)
		same("count", n, len(want.members(id)), err)
		same("count known", err == nil, there, err)
		if !there {
			continue
		}
		got, err := r.CollectionNamed(c.Name)
		same("collection", got, c, err)
		same("members", listed(rt, r, id), want.members(id), nil)
		for _, name := range []string{"x", "y", "z", "w", "never"} {
			found, err := r.ReferenceNamed(id, name)
			same("named "+name, found.ID, want.external(id, name), err)
		}
	}
	for id := hashindex.ReferenceID(1); id <= hashindex.ReferenceID(want.head); id++ {
		got, err := r.Reference(id)
		same("reference", got, want.references[id], err)
		encoded, err := r.Features(hashindex.FrameOf(id, 0))
		same("features", digestOf(encoded), want.features(id), err)
		for n := range len(got.Frames) + 1 {
			for _, a := range hashindex.Algorithms() {
				label, err := r.Label(hashindex.FrameOf(id, n), a)
				same("label", label, labelOf(want.references[id], n, a), err)
				same("label known", err == nil, n < len(got.Frames), err)
			}
		}
	}
	for _, table := range []string{"t", "u", "never"} {
		from := rapid.SampledFrom([]string{"", "b", "bb", "e"}).Draw(rt, "from")
		got := []string{}
		for row, err := range r.Rows(table, from) {
			same("row of "+table, err, nil, err)
			got = append(got, row.Key+"="+string(row.Value))
		}
		same("rows of "+table, got, want.listed(table, from), nil)
	}
	for n := 1; n <= 3; n++ {
		d := hashindex.DigestOf([]byte(fmt.Sprint("picture ", n)))
		held, err := r.Holds(d)
		same("holds", held, want.holds(d), err)
	}
}

// digestOf is zero for no bytes.
func digestOf(encoded []byte) (d hashindex.Digest) {
	if encoded != nil {
		d = hashindex.DigestOf(encoded)
	}
	return d
}

// labelOf is what a store should say; zero for a frame that is not there.
func labelOf(r hashindex.Reference, frame int, a hashindex.Algorithm) hashindex.Label {
	if frame >= len(r.Frames) {
		return hashindex.Label{}
	}
	return hashindex.Label{Collection: r.Collection, ExternalID: r.ExternalID, Hash: r.Frames[frame].Hashes[a], DisabledUntil: r.DisabledUntil}
}

func listed(rt *rapid.T, r hashindex.Reader, c hashindex.CollectionID) []hashindex.ReferenceID {
	all := []hashindex.ReferenceID{}
	for found, err := range r.References(c, 0) {
		if err != nil {
			rt.Fatal(err)
		}
		all = append(all, found.ID)
	}
	return all
}

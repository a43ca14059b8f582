package memory

import (
	"maps"
	"slices"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// state is a history and what is looked up in it. Lists are in ascending order.
type state struct {
	records    [][]byte           // record of change n+1
	digests    []hashindex.Digest // its digest
	references map[hashindex.ReferenceID][]version
	members    map[hashindex.CollectionID][]hashindex.ReferenceID // ever added
	named      map[externalName][]hashindex.ReferenceID           // ever added
	content    map[hashindex.Digest][]hashindex.ReferenceID       // ever added
	features   map[hashindex.FrameID][]byte                       // ever added

	collections map[hashindex.CollectionID][]version
	counts      map[hashindex.CollectionID][]count
	created     hashindex.CollectionID // how many collections ever
}

// version says which change describes a thing from its Seq on, or that it is gone.
type version struct {
	seq  hashindex.Seq
	gone bool
}

type count struct {
	seq hashindex.Seq
	n   int
}

type externalName struct {
	collection hashindex.CollectionID
	id         string
}

func newState() *state {
	return &state{
		references:  map[hashindex.ReferenceID][]version{},
		members:     map[hashindex.CollectionID][]hashindex.ReferenceID{},
		named:       map[externalName][]hashindex.ReferenceID{},
		content:     map[hashindex.Digest][]hashindex.ReferenceID{},
		features:    map[hashindex.FrameID][]byte{},
		collections: map[hashindex.CollectionID][]version{},
		counts:      map[hashindex.CollectionID][]count{},
	}
}

// replay makes the state that these records left, with their features among these.
func replay(records [][]byte, features map[hashindex.FrameID][]byte) *state {
	s := newState()
	s.features = maps.Clone(features)
	maps.DeleteFunc(s.features, func(f hashindex.FrameID, _ []byte) bool { return int(f.Reference()) > len(records) })
	for _, raw := range records {
		c, err := record.Decode(raw)
		if err != nil {
			panic("memory: a record of our own: " + err.Error())
		}
		c.Digest = hashindex.DigestOf(raw)
		s.carryOut(c, raw)
	}
	return s
}

func (s *state) carryOut(c hashindex.Change, raw []byte) {
	s.records = append(s.records, raw)
	s.digests = append(s.digests, c.Digest)
	id, of := c.Collection.ID, c.Reference.Collection
	switch c.Kind {
	case hashindex.CollectionCreated:
		s.created++
		s.collections[id] = append(s.collections[id], version{seq: c.Seq})
		s.counts[id] = append(s.counts[id], count{seq: c.Seq})
	case hashindex.CollectionChanged:
		s.collections[id] = append(s.collections[id], version{seq: c.Seq})
	case hashindex.CollectionRemoved:
		s.collections[id] = append(s.collections[id], version{seq: c.Seq, gone: true})
	case hashindex.ReferenceAdded:
		s.add(c.Reference, c.Features)
		s.count(of, c.Seq, 1)
		s.describe(c, false)
	case hashindex.ReferenceChanged:
		s.describe(c, false)
	case hashindex.ReferenceRemoved:
		s.count(of, c.Seq, -1)
		s.describe(c, true)
	}
}

func (s *state) add(r hashindex.Reference, features [][]byte) {
	for n, encoded := range features {
		if len(encoded) > 0 {
			s.features[hashindex.FrameOf(r.ID, n)] = slices.Clone(encoded)
		}
	}
	s.members[r.Collection] = append(s.members[r.Collection], r.ID)
	if r.ExternalID != "" {
		name := externalName{r.Collection, r.ExternalID}
		s.named[name] = append(s.named[name], r.ID)
	}
	if !r.Content.IsZero() {
		s.content[r.Content] = append(s.content[r.Content], r.ID)
	}
}

func (s *state) describe(c hashindex.Change, gone bool) {
	id := c.Reference.ID
	s.references[id] = append(s.references[id], version{seq: c.Seq, gone: gone})
}

func (s *state) count(id hashindex.CollectionID, seq hashindex.Seq, more int) {
	counts := s.counts[id]
	s.counts[id] = append(counts, count{seq, counts[len(counts)-1].n + more})
}

// at is the version that holds at that Seq; false when there is none or it is gone.
func at(versions []version, head hashindex.Seq) (version, bool) {
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].seq <= head {
			return versions[i], !versions[i].gone
		}
	}
	return version{}, false
}

package storetest

import (
	"maps"
	"slices"
	"strings"

	"touchstone/hashindex"
)

// model is a store too simple to be wrong.
type model struct {
	head        hashindex.Seq
	created     hashindex.CollectionID
	collections map[hashindex.CollectionID]hashindex.Collection
	references  map[hashindex.ReferenceID]hashindex.Reference
	rows        map[string]string // by table and key, with a slash between
}

func newModel() model {
	return model{
		collections: map[hashindex.CollectionID]hashindex.Collection{},
		references:  map[hashindex.ReferenceID]hashindex.Reference{},
		rows:        map[string]string{},
	}
}

func (m model) clone() model {
	m.collections, m.references, m.rows = maps.Clone(m.collections), maps.Clone(m.references), maps.Clone(m.rows)
	return m
}

// listed is the table's rows from that key on, as key=value.
func (m model) listed(table, from string) []string {
	all := []string{}
	for place, value := range m.rows {
		if t, key, _ := strings.Cut(place, "/"); t == table && key >= from {
			all = append(all, key+"="+value)
		}
	}
	slices.Sort(all)
	return all
}

func (m model) named(name string) hashindex.CollectionID {
	for id, c := range m.collections {
		if c.Name == name {
			return id
		}
	}
	return 0
}

func (m model) external(c hashindex.CollectionID, externalID string) hashindex.ReferenceID {
	for id, r := range m.references {
		if externalID != "" && r.Collection == c && r.ExternalID == externalID {
			return id
		}
	}
	return 0
}

func (m model) members(c hashindex.CollectionID) []hashindex.ReferenceID {
	all := []hashindex.ReferenceID{}
	for id, r := range m.references {
		if r.Collection == c {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all
}

func (m model) holds(d hashindex.Digest) bool {
	for _, r := range m.references {
		if r.Content == d {
			return true
		}
	}
	return false
}

// features is the digest of the features of the reference's only frame; zero when there are none.
func (m model) features(id hashindex.ReferenceID) (d hashindex.Digest) {
	for _, frame := range m.references[id].Frames {
		d = frame.Features
	}
	return d
}

// expects is whether the change is admitted.
func (m model) expects(c hashindex.Change) bool {
	_, known := m.collections[c.Collection.ID]
	_, knownOf := m.collections[c.Reference.Collection]
	same := m.named(c.Collection.Name)
	switch c.Kind {
	case hashindex.CollectionCreated:
		return same == 0
	case hashindex.CollectionChanged:
		return known && (same == 0 || same == c.Collection.ID)
	case hashindex.CollectionRemoved:
		return known && len(m.members(c.Collection.ID)) == 0
	case hashindex.ReferenceAdded:
		return knownOf && m.external(c.Reference.Collection, c.Reference.ExternalID) == 0
	case hashindex.Noted:
		return true
	}
	was, there := m.references[c.Reference.ID]
	return there && was.Collection == c.Reference.Collection && was.ExternalID == c.Reference.ExternalID &&
		was.Content == c.Reference.Content
}

func (m *model) apply(c hashindex.Change) {
	m.head++
	switch c.Kind {
	case hashindex.CollectionCreated:
		m.created++
		c.Collection.ID = m.created
		m.collections[m.created] = c.Collection
	case hashindex.CollectionChanged:
		m.collections[c.Collection.ID] = c.Collection
	case hashindex.CollectionRemoved:
		delete(m.collections, c.Collection.ID)
	case hashindex.ReferenceAdded:
		c.Reference.ID = hashindex.ReferenceID(m.head)
		c.Reference.Frames = slices.Clone(c.Reference.Frames)
		for n, encoded := range c.Features {
			c.Reference.Frames[n].Features = hashindex.DigestOf(encoded)
		}
		m.references[c.Reference.ID] = c.Reference
	case hashindex.ReferenceChanged:
		m.references[c.Reference.ID] = c.Reference
	case hashindex.ReferenceRemoved:
		delete(m.references, c.Reference.ID)
	}
}

package casework

import (
	"slices"

	"touchstone/hashindex"
)

// Visible says which collections a caller may see, by name; nil: all of them. A caller that may see some
// sees no hit, right or licence that belongs to others alone (C5).
type Visible []string

// Everything is the sight of whoever runs the place.
var Everything Visible

func (v Visible) all() bool { return v == nil }

// Sees reports whether the collection of that name is in sight.
func (v Visible) Sees(name string) bool { return v.all() || slices.Contains(v, name) }

// sight is Visible with names made numbers: a collection made anew under the name of one that was removed
// is another.
type sight struct {
	all   bool
	names map[hashindex.CollectionID]string // of those in sight
}

func (v Visible) resolve(r hashindex.Reader) (sight, error) {
	collections, err := r.Collections()
	s := sight{all: v.all(), names: map[hashindex.CollectionID]string{}}
	for _, c := range collections {
		if v.Sees(c.Name) {
			s.names[c.ID] = c.Name
		}
	}
	return s, err
}

func (s sight) sees(c hashindex.CollectionID) bool {
	_, known := s.names[c]
	return s.all || known
}

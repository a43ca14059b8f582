package hashindex

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// catalog is an unchanging list of the collections, replaced as a whole by apply.
type catalog struct {
	byName map[string]Collection
	byID   map[CollectionID]Collection
}

func newCatalog(collections []Collection) *catalog {
	c := &catalog{byName: map[string]Collection{}, byID: map[CollectionID]Collection{}}
	for _, each := range collections {
		c.byName[each.Name], c.byID[each.ID] = each, each
	}
	return c
}

// after is the catalogue once the changes are carried out; itself when they concern no collection.
func (c *catalog) after(changes []Change) *catalog {
	next := c
	for i := range changes {
		change := &changes[i]
		if !change.Kind.OfCollection() {
			continue
		}
		if next == c {
			next = &catalog{byName: maps.Clone(c.byName), byID: maps.Clone(c.byID)}
		}
		next.carryOut(change)
	}
	return next
}

func (c *catalog) carryOut(change *Change) {
	of := change.Collection
	if change.Kind == CollectionRemoved {
		delete(c.byName, of.Name)
		delete(c.byID, of.ID)
		return
	}
	c.byName[of.Name], c.byID[of.ID] = of, of
}

// named lists the collections of these names, or all when there are none. Those outside within are as
// if they were not there.
func (c *catalog) named(names []string, within Within) ([]Collection, error) {
	if len(names) == 0 {
		return slices.DeleteFunc(c.all(), func(each Collection) bool { return !within.holds(each.Name) }), nil
	}
	var found []Collection
	for _, name := range names {
		each, ok := c.byName[name]
		if !ok || !within.holds(name) {
			return nil, fmt.Errorf("collection %.80q: %w", name, ErrNotFound)
		}
		found = append(found, each)
	}
	return found, nil
}

func (c *catalog) all() []Collection {
	return slices.SortedFunc(maps.Values(c.byID), func(a, b Collection) int { return strings.Compare(a.Name, b.Name) })
}

func (ix *Index) loadCatalog() error {
	return ix.store.View(func(r Reader) error {
		collections, err := r.Collections()
		if err != nil {
			return err
		}
		seq, _ := r.Head()
		ix.catalog.Store(newCatalog(collections))
		ix.applied.Store(uint64(seq))
		return nil
	})
}

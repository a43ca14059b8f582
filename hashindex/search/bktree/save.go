package bktree

import (
	"cmp"
	"slices"

	"touchstone/hashindex"
)

// Save notes what the tree holds now, which must be the history up to that change, and returns what
// writes it. Edits and searches go on meanwhile. The function must be called, once; after an error the
// next one writes what this one did not.
func (t *Tree) Save(upTo hashindex.Seq) (write func() error) {
	t.saving.Lock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tails[len(t.tails)-1].upTo = upTo
	t.tails = append(t.tails, newTail(t.bits))
	return func() error {
		defer t.saving.Unlock()
		return t.save(upTo)
	}
}

func (t *Tree) save(upTo hashindex.Seq) error {
	var c content
	err := t.saved(func(l *layers) (err error) {
		c, err = l.gather(l.mergeFrom())
		return err
	})
	if err != nil {
		return err
	}
	if err := t.store.SaveRun(t.name, c.after, upTo, c.pages(t.bits)); err != nil {
		return err
	}
	return t.settle(upTo)
}

// saved calls see with the layers that are to be saved: all but the tail that takes edits. They do not
// change, so mu is not held meanwhile.
func (t *Tree) saved(see func(*layers) error) error {
	t.mu.RLock()
	tails := t.tails[:len(t.tails)-1]
	t.mu.RUnlock()
	return t.view(func(l *layers) error {
		l.tails = slices.DeleteFunc(l.tails, func(tail *tail) bool { return !slices.Contains(tails, tail) })
		if err := l.freeze(); err != nil {
			return err
		}
		return see(l)
	})
}

// settle lets go of what is in the runs now.
func (t *Tree) settle(upTo hashindex.Seq) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.usable = everything
	t.tails = slices.DeleteFunc(t.tails, func(tail *tail) bool { return tail.upTo <= upTo })
	return t.store.ViewRuns(t.name, func(runs []hashindex.Run) error {
		current := map[uint64]bool{}
		for _, r := range runs {
			h, err := t.head(r)
			if err != nil {
				return err
			}
			current[r.ID] = true
			t.newest = max(t.newest, h.last)
		}
		t.heads.Range(func(id, _ any) bool {
			if !current[id.(uint64)] {
				t.heads.Delete(id)
			}
			return true
		})
		return nil
	})
}

// mergeFrom is the first layer of those that become one run: all after the last run that is more
// than twice as long as they are together, so that each entry is rewritten a few times at most. A tree
// that has lost half of its entries is made anew.
func (l *layers) mergeFrom() int {
	entries, removed := 0, 0
	for i := range l.runs {
		entries, removed = entries+l.runs[i].entries, removed+l.runs[i].removed
	}
	n := 0
	for i := range l.tails {
		n += len(l.added[i])
		removed += len(l.gone[i])
	}
	if 2*removed > entries+n {
		return 0
	}
	from := len(l.runs)
	for from > 0 && l.runs[from-1].entries <= 2*n {
		from--
		n += l.runs[from].entries
	}
	return from
}

// content is what a run is made of.
type content struct {
	after       hashindex.Seq
	words       int
	hashes      []uint64 // so many words each, in the order of frames, as are the next two
	frames      []hashindex.FrameID
	collections []hashindex.CollectionID
	gone        []hashindex.FrameID
}

// gather makes one of the layers from the one given on.
func (l *layers) gather(from int) (content, error) {
	c := content{words: l.bits / 64}
	n := 0
	for i := from; i < len(l.runs); i++ {
		n += l.runs[i].entries
	}
	for _, added := range l.added {
		n += len(added)
	}
	c.grow(n)
	if from > 0 {
		c.after = l.runs[from-1].run.UpTo
	}
	// A removal is done with when it met its entry in these layers; the others are for those before.
	met := map[hashindex.FrameID]int{}
	err := l.each(from, func(e hashindex.Entry) error { c.add(e); return nil }, func(f hashindex.FrameID) { met[f]++ })
	if err != nil {
		return c, err
	}
	gone, err := l.allGone(from)
	for _, f := range merged(gone) {
		if met[f] > 0 {
			met[f]--
		} else {
			c.gone = append(c.gone, f)
		}
	}
	c.sort()
	return c, err
}

func (c *content) grow(n int) {
	c.hashes = make([]uint64, 0, n*c.words)
	c.frames = make([]hashindex.FrameID, 0, n)
	c.collections = make([]hashindex.CollectionID, 0, n)
}

func (c *content) add(e hashindex.Entry) {
	c.hashes = append(c.hashes, e.Hash.Words[:c.words]...)
	c.frames = append(c.frames, e.Frame)
	c.collections = append(c.collections, e.Collection)
}

// sort puts the entries in the order of frames, in which the layers of a history already are.
func (c *content) sort() {
	if slices.IsSorted(c.frames) {
		return
	}
	order := make([]int, len(c.frames))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(c.frames[a], c.frames[b]) })
	was := *c
	c.grow(len(order))
	for _, i := range order {
		c.hashes = append(c.hashes, was.hashes[i*c.words:][:c.words]...)
		c.frames = append(c.frames, was.frames[i])
		c.collections = append(c.collections, was.collections[i])
	}
}

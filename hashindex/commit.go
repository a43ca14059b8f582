package hashindex

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// committer gathers the proposals of concurrent writers into one transaction (group commit):
// whoever holds lead carries out all that wait, so that a hundred writers cost one sync of the disk.
// Lock order: lead before queue.
type committer struct {
	lead  sync.Mutex // held through commit and apply, while the disk syncs too
	mu    sync.Mutex // guards queue
	queue []*proposal

	// underway is set while the store may hold changes that searches do not see yet.
	underway atomic.Bool

	took               durations
	proposals, changes atomic.Uint64 // carried by transactions, made durable
}

func (c *committer) figures() CommitStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CommitStats{Durations: c.took.histogram(), Proposals: c.proposals.Load(), Changes: c.changes.Load(), Waiting: len(c.queue)}
}

// proposal is one writer's wish. Its changes are committed all together or not at all.
type proposal struct {
	actor   string
	plan    func(*ledger) error // reads what is there and writes, or refuses
	changes []Change            // as committed
	err     error
	done    bool // guarded by lead
}

// maxGroup bounds how many proposals one transaction carries, and so how long the last one waits.
const maxGroup = 512

// commit carries out plan and returns the changes that it appended once they are durable and every
// searcher holds them (I1). Plan may run more than once.
func (ix *Index) commit(ctx context.Context, actor string, plan func(*ledger) error) ([]Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &proposal{actor: actor, plan: plan}
	ix.commits.enqueue(p)
	ix.commits.lead.Lock()
	defer ix.commits.lead.Unlock()
	for !p.done {
		ix.commitGroup(ix.commits.take())
	}
	return p.changes, p.err
}

func (c *committer) enqueue(p *proposal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, p)
}

func (c *committer) take() []*proposal {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.queue), maxGroup)
	group := c.queue[:n:n]
	c.queue = c.queue[n:]
	return group
}

// commitGroup commits the group. A proposal that fails after it wrote something spoils the transaction,
// so the rest is tried again without it.
func (ix *Index) commitGroup(group []*proposal) {
	ix.commits.proposals.Add(uint64(len(group)))
	if ix.closed {
		ix.settle(group, ErrClosed)
		return
	}
	for len(group) > 0 {
		culprit, err := ix.tryGroup(group)
		if culprit == nil {
			ix.settle(group, err)
			return
		}
		culprit.err, culprit.changes, culprit.done = err, nil, true
		group = without(group, culprit)
	}
}

func (ix *Index) tryGroup(group []*proposal) (culprit *proposal, err error) {
	ix.commits.underway.Store(true)
	begun := ix.now()
	defer func() { ix.commits.took.add(ix.now().Sub(begun)) }()
	err = ix.store.Update(func(w Writer) error {
		for _, p := range group {
			l := &ledger{Writer: w, actor: p.actor, now: ix.now}
			p.err = p.plan(l)
			p.changes = l.changes
			if p.err != nil && l.wrote {
				culprit = p
				return p.err
			} // without writes the others go on
		}
		return nil
	})
	return culprit, err
}

// ledger is the Writer that a plan is given: it signs and dates what the plan appends, keeps it for apply, and
// knows whether there is anything to undo.
type ledger struct {
	Writer
	actor   string
	now     func() time.Time
	at      time.Time // of all changes of the plan; zero before the first
	changes []Change
	wrote   bool
}

// Append implements Writer.
func (l *ledger) Append(c Change) (Change, error) {
	l.sign(&c)
	appended, err := l.Writer.Append(c)
	if err == nil {
		l.wrote = true
		l.changes = append(l.changes, appended)
	}
	return appended, err
}

// AppendAll implements Writer. What it is given first becomes the ledger's own: a list adds ten thousand
// changes at a time.
func (l *ledger) AppendAll(changes []Change) error {
	for i := range changes {
		l.sign(&changes[i])
	}
	head, _ := l.Head()
	err := l.Writer.AppendAll(changes)
	after, _ := l.Head()
	l.wrote = l.wrote || after > head
	if err != nil {
		return err
	}
	if l.changes == nil {
		l.changes = changes
	} else {
		l.changes = append(l.changes, changes...)
	}
	return nil
}

func (l *ledger) sign(c *Change) {
	if l.at.IsZero() {
		l.at = l.now().UTC()
	}
	c.Actor, c.Time = l.actor, l.at
}

// PutRow implements Writer.
func (l *ledger) PutRow(table, key string, value []byte) error {
	l.wrote = true
	return l.Writer.PutRow(table, key, value)
}

// RemoveRow implements Writer.
func (l *ledger) RemoveRow(table, key string) error {
	l.wrote = true
	return l.Writer.RemoveRow(table, key)
}

// settle makes what is durable visible, and only then lets the writers go (I1).
func (ix *Index) settle(group []*proposal, err error) {
	for _, p := range group {
		if err != nil {
			p.changes, p.err = nil, err
		}
		p.done = true
	}
	if changes := changesOf(group); len(changes) > 0 {
		ix.commits.changes.Add(uint64(len(changes)))
		ix.apply(changes)
	}
	ix.commits.underway.Store(false)
	if err != nil {
		ix.move() // for those who were shown what a failing disk took back
	}
}

// changesOf are those of all proposals that were carried out, in order. Those of a list, which is alone as a
// rule, are not copied.
func changesOf(group []*proposal) []Change {
	if len(group) == 1 {
		return group[0].changes
	}
	var changes []Change
	for _, p := range group {
		changes = append(changes, p.changes...)
	}
	return changes
}

// apply feeds committed changes to all that is derived. The caller holds lead.
func (ix *Index) apply(changes []Change) {
	has := algorithmsOf(changes)
	for _, f := range ix.all() {
		if f.live.Load() { // else the loader reads them from the store
			f.feedTo(f.feed, ix.recipe, changes, has)
		}
	}
	ix.applyPartial(changes)
	ix.catalog.Store(ix.catalog.Load().after(changes))
	ix.applied.Store(uint64(changes[len(changes)-1].Seq))
	ix.move()
	ix.saveSoon()
}

func without(group []*proposal, one *proposal) []*proposal {
	var rest []*proposal
	for _, p := range group {
		if p != one {
			rest = append(rest, p)
		}
	}
	return rest
}

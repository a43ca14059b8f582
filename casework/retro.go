package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"touchstone/hashindex"
)

// Retro says what looking back for a reference found.
type Retro struct {
	Sightings int // that match it
	Hits      int // that were recorded for them: one for each subject that is new, and may not do so

	Truncated bool // more match than are looked at, or some may that cannot be: Sightings says at least
}

// maxRetro is how many sightings of each of the eight ways to turn a frame are looked at, with few more that tell of
// there being more: beyond that it is a flood.
const maxRetro = 10_000

// Remember writes, in the transaction that adds references, that sightings are still to be searched for
// them: a crash before that is done loses nothing. It is an option of AddReferences.
func Remember(w hashindex.Writer, added []hashindex.Change) error {
	if len(added) == 0 {
		return nil
	}
	return hashindex.SaveRow(w, retroRows, numberKey(uint64(added[0].Reference.ID)), added[len(added)-1].Reference.ID)
}

// LookBack searches past sightings for references just added with Remember, in one step, and records hits
// that are marked retro. ErrNotReady while sightings are loading; after any error the clerk does it later.
func (d *Desk) LookBack(ctx context.Context, actor string, added []hashindex.Reference) (found []Retro, err error) {
	if len(added) == 0 {
		return nil, nil
	}
	defer func() {
		if err != nil {
			d.LookBackLater(added)
		} else {
			d.retro.did(added[0].ID)
		}
	}()
	if err := d.searched(ctx); err != nil {
		return nil, err
	}
	found = make([]Retro, len(added))
	for i, reference := range added {
		if found[i], err = d.lookBack(ctx, actor, reference); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// searched is nil once sightings are searched, else ErrNotReady.
func (d *Desk) searched(ctx context.Context) error {
	if d.lazy {
		return d.loadSightings(ctx)
	}
	if !d.Loaded() {
		return fmt.Errorf("sightings: %w", hashindex.ErrNotReady)
	}
	return nil
}

// LookBackLater leaves it to the clerk, for references added with Remember in one step.
func (d *Desk) LookBackLater(added []hashindex.Reference) {
	if len(added) > 0 {
		d.retro.leave(added[0].ID, added[len(added)-1].ID)
		d.wake()
	}
}

// retro is what is to be looked back for, and what has been but is still remembered in the store.
type retro struct {
	mu    sync.Mutex                                      // guards what follows
	later map[hashindex.ReferenceID]hashindex.ReferenceID // the first and the last of a step
	done  []hashindex.ReferenceID                         // the first of a step
}

func (r *retro) leave(first, last hashindex.ReferenceID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.later == nil {
		r.later = map[hashindex.ReferenceID]hashindex.ReferenceID{}
	}
	r.later[first] = last
}

func (r *retro) did(first hashindex.ReferenceID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.later, first)
	r.done = append(r.done, first)
}

// next is a step to look back for; false when there is none.
func (r *retro) next() (first, last hashindex.ReferenceID, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for first, last = range r.later {
		return first, last, true
	}
	return 0, 0, false
}

// remember reads what a process that ended has left to be done.
func (r *retro) remember(in hashindex.Reader) error {
	for row, err := range in.Rows(retroRows, "") {
		if err != nil {
			return err
		}
		first, err := numberOf(row.Key)
		if err != nil {
			return fmt.Errorf("row %q of %s: %w", row.Key, retroRows, hashindex.ErrDamaged)
		}
		last, err := hashindex.DecodeRow[hashindex.ReferenceID](retroRows, row)
		if err != nil {
			return err
		}
		r.leave(hashindex.ReferenceID(first), last)
	}
	return nil
}

// lookBackForOthers does what was left to the clerk.
func (d *Desk) lookBackForOthers(ctx context.Context) error {
	for d.Loaded() {
		first, last, ok := d.retro.next()
		if !ok {
			return nil
		}
		// Whatever is seen from here on finds the references in the index.
		for id := first; id <= last && d.sightings.Stats().Entries > 0; id++ {
			if err := d.lookBackFor(ctx, id); err != nil {
				return err
			}
		}
		d.retro.did(first)
	}
	return nil
}

// flushRetro lets the store forget what was done.
func (d *Desk) flushRetro(ctx context.Context) error {
	d.retro.mu.Lock()
	done := d.retro.done
	d.retro.done = nil
	d.retro.mu.Unlock()
	if len(done) == 0 {
		return nil
	}
	_, err := d.index.Transact(ctx, "", func(w hashindex.Writer) error {
		for _, first := range done {
			if err := w.RemoveRow(retroRows, numberKey(uint64(first))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.retro.mu.Lock()
		defer d.retro.mu.Unlock()
		d.retro.done = append(d.retro.done, done...)
	}
	return err
}

func (d *Desk) lookBackFor(ctx context.Context, id hashindex.ReferenceID) error {
	reference, _, err := d.index.Reference(id)
	if errors.Is(err, hashindex.ErrNotFound) {
		return nil // removed, or another change has this number
	}
	if err == nil {
		_, err = d.lookBack(ctx, "", reference)
	}
	return err
}

// past is a sighting that a reference matches, with the best of the ways that it does.
type past struct {
	Sighting
	match hashindex.Match
}

func (d *Desk) lookBack(ctx context.Context, actor string, reference hashindex.Reference) (Retro, error) {
	matches, truncated, err := d.pastOf(ctx, reference)
	result := Retro{Sightings: len(matches), Truncated: truncated}
	if err != nil || len(matches) == 0 {
		return result, err
	}
	for batch := range slices.Chunk(bySubject(matches), 500) {
		rulings, err := d.Record(ctx, actor, batch)
		if err != nil {
			return result, err
		}
		for _, each := range rulings {
			for _, ruling := range each {
				result.Hits += one(ruling.New)
			}
		}
	}
	return result, nil
}

// bySubject makes one observation of all sightings of a subject: of the best match, from the first time to
// the last.
func bySubject(matches []past) (all []Observation) {
	at := map[string]int{}
	for _, m := range matches {
		key := m.Subject.key()
		i, known := at[key]
		if !known {
			at[key] = len(all)
			all = append(all, Observation{Subject: m.Subject, At: m.At, Last: m.At, Count: 1, Retro: true, Hash: m.Hash, Matches: []hashindex.Match{m.match}})
			continue
		}
		o := &all[i]
		o.Count++
		if m.At.Before(o.At) {
			o.At = m.At
		}
		o.Last = maxTime(o.Last, m.At)
		if m.match.Score > o.Matches[0].Score {
			o.Matches[0], o.Hash = m.match, m.Hash
		}
	}
	return all
}

// pastOf are the sightings that the reference matches in the tiers copy and near, turned and mirrored ones
// included: exactly those whose hash, or a variant derived from it, is within the collection's radius of a
// frame's. Deriving moves and inverts bits, which keeps distances: so the variants of the reference find what
// the reference would find among the variants of each sighting. Truncated says that there are more.
func (d *Desk) pastOf(ctx context.Context, reference hashindex.Reference) (matches []past, truncated bool, err error) {
	collection, err := d.collectionOf(ctx, reference.Collection)
	if err != nil || collection.Purpose == hashindex.Benign || d.now().Before(reference.DisabledUntil) {
		return nil, false, err
	}
	best := map[uint64]past{}
	for n, frame := range reference.Frames {
		if !searchable(frame, d.index.Recipe()) {
			truncated = truncated || byPHash(frame, d.index.Recipe())
			continue
		}
		found, more, err := d.near(ctx, frame.Hashes[hashindex.PDQ], collection.Policy.Radius)
		if err != nil {
			return nil, false, err
		}
		truncated = truncated || more
		waiting := d.sightings.waiting()
		err = d.index.View(ctx, func(r hashindex.Reader) error {
			for _, number := range found {
				s, there, err := waiting.sighting(r, number)
				if err != nil {
					return err
				}
				if !there {
					continue
				}
				m := d.pastMatch(reference, collection, n, s)
				if before, known := best[number]; !known || m.Score > before.match.Score {
					best[number] = past{s, m}
				}
			}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
	}
	numbers := make([]uint64, 0, len(best))
	for n := range best {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		matches = append(matches, best[n])
	}
	return matches, truncated, nil
}

func searchable(f hashindex.StoredFrame, recipe hashindex.Recipe) bool {
	return answered(f, recipe) && !f.Hashes[hashindex.PDQ].IsZero()
}

// byPHash reports whether pictures match the frame by its pHash, for want of a PDQ hash: sightings have none to be
// searched by.
func byPHash(f hashindex.StoredFrame, recipe hashindex.Recipe) bool {
	return answered(f, recipe) && f.Hashes[hashindex.PDQ].IsZero() && !f.Hashes[hashindex.PHash].IsZero()
}

func answered(f hashindex.StoredFrame, recipe hashindex.Recipe) bool {
	return f.Recipe == recipe && (f.Quality == hashindex.QualityUnknown || f.Quality >= hashindex.PoorQuality)
}

// near are the numbers of the sightings within the radius of the hash or of one of its variants, ascending.
// Truncated says that a variant has more of them than maxRetro.
func (d *Desk) near(ctx context.Context, hash hashindex.Hash, radius int) (numbers []uint64, truncated bool, err error) {
	var scope hashindex.Scope
	scope.Allow(sightingSpace, radius)
	scope.Limit = maxRetro + 1
	variants := d.variants(hash)
	found, err := d.sightings.Search(ctx, variants[:], scope, nil)
	if err != nil {
		return nil, false, err
	}
	numbers = make([]uint64, len(found))
	var each [hashindex.TransformCount]int
	for i, f := range found {
		numbers[i] = uint64(f.Entry.Frame)
		each[f.Probe]++
		truncated = truncated || each[f.Probe] > maxRetro
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), truncated, nil
}

// pastMatch is the match that asking about the sighting would have answered.
func (d *Desk) pastMatch(reference hashindex.Reference, collection hashindex.Collection, n int, s Sighting) hashindex.Match {
	frame := reference.Frames[n]
	e := hashindex.Evidence{
		Recipe: frame.Recipe, Algorithm: hashindex.PDQ, ReferenceHash: frame.Hashes[hashindex.PDQ],
		Radius: collection.Policy.Radius, CopyRadius: collection.Policy.CopyRadius, ReferenceFrame: n,
		QueryQuality: hashindex.QualityUnknown, ReferenceQuality: frame.Quality,
		QueryContent: s.Content, ReferenceContent: reference.Content,
	}
	for t, variant := range d.variants(s.Hash) {
		if distance := variant.Distance(e.ReferenceHash); t == 0 || distance < e.Distance {
			e.Transform, e.QueryHash, e.Distance = hashindex.Transform(t), variant, distance
		}
	}
	e.Kind = hashindex.Near
	if e.Transform == hashindex.Upright && (e.SameBytes() || e.Distance <= e.CopyRadius) {
		e.Kind = hashindex.Copy
	}
	lies := e.Transform.Alignment()
	return hashindex.Match{
		Reference: reference, Collection: collection, Evidence: e, Score: e.Score(),
		QueryQuad: lies.QueryQuad, ReferenceCoverage: lies.ReferenceCoverage, QueryCoverage: lies.QueryCoverage,
	}
}

func (d *Desk) collectionOf(ctx context.Context, id hashindex.CollectionID) (c hashindex.Collection, err error) {
	err = d.index.View(ctx, func(r hashindex.Reader) error {
		all, err := r.Collections()
		at := slices.IndexFunc(all, func(c hashindex.Collection) bool { return c.ID == id })
		if err == nil && at < 0 {
			err = fmt.Errorf("collection %d: %w", id, hashindex.ErrNotFound)
		}
		if err == nil {
			c = all[at]
		}
		return err
	})
	return c, err
}

// WouldFind is how many past sightings a picture would match as a reference of the collection: what an
// addition would look back to. Truncated says at least so many. ErrNotReady while sightings are loading.
func (d *Desk) WouldFind(ctx context.Context, collection hashindex.Collection, p hashindex.Picture) (sightings int, truncated bool, err error) {
	if err := d.searched(ctx); err != nil {
		return 0, false, err
	}
	var all []uint64
	for _, f := range p.Frames {
		stored := hashindex.StoredFrame{Recipe: f.Recipe, Quality: f.Quality, Hashes: f.Hashes}
		if collection.Purpose == hashindex.Benign {
			continue
		}
		if !searchable(stored, d.index.Recipe()) {
			truncated = truncated || byPHash(stored, d.index.Recipe())
			continue
		}
		found, more, err := d.near(ctx, f.Hashes[hashindex.PDQ], collection.Policy.Radius)
		if err != nil {
			return 0, false, err
		}
		all, truncated = append(all, found...), truncated || more
	}
	slices.Sort(all)
	return len(slices.Compact(all)), truncated, nil
}

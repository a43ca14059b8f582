package memory

import (
	"fmt"
	"iter"
	"slices"

	"touchstone/hashindex"
)

// SaveRun implements hashindex.Pages.
func (s *Store) SaveRun(name string, after, upTo hashindex.Seq, pages iter.Seq[[]byte]) error {
	var copies [][]byte
	for page := range pages {
		copies = append(copies, slices.Clone(page))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return hashindex.ErrClosed
	}
	runs := slices.Clone(s.runs[name]) // views go on with the old list
	for len(runs) > 0 && runs[len(runs)-1].After >= after {
		runs = runs[:len(runs)-1]
	}
	if len(runs) > 0 && runs[len(runs)-1].UpTo != after || len(runs) == 0 && after != 0 || upTo < after {
		return fmt.Errorf("a run after change %d up to %d does not follow those of %q: %w", after, upTo, name, hashindex.ErrInvalid)
	}
	s.lastRun++
	run := hashindex.Run{ID: s.lastRun, After: after, UpTo: upTo, Pages: len(copies)}
	run.Page = func(n int) ([]byte, error) { return copies[n], nil }
	if s.runs == nil {
		s.runs = map[string][]hashindex.Run{}
	}
	s.runs[name] = append(runs, run)
	return nil
}

// ViewRuns implements hashindex.Pages.
func (s *Store) ViewRuns(name string, read func([]hashindex.Run) error) error {
	s.mu.RLock()
	runs, closed := s.runs[name], s.closed
	s.mu.RUnlock()
	if closed {
		return hashindex.ErrClosed
	}
	return read(runs)
}

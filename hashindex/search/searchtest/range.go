package searchtest

import (
	"context"
	"errors"
	"testing"

	"touchstone/hashindex"
)

func everyRadius(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	for name, set := range shapes(bits) {
		t.Run(name, func(t *testing.T) {
			s, m := fresh(), model{}
			s.Apply(addAll(set, 1))
			m.apply(addAll(set, 1))
			checkHeld(t, s, m)
			for radius := 0; radius <= bits/4; radius++ {
				var scope hashindex.Scope
				scope.Allow(1, radius)
				check(t, s, m, probesOf(uint64(radius), bits, set), scope)
			}
		})
	}
}

func scopes(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	s, m := fresh(), model{}
	set := Codes(2, bits, 5000)
	s.Apply(addAll(set, 5))
	m.apply(addAll(set, 5))
	probes := probesOf(3, bits, set)
	for _, radii := range []map[hashindex.CollectionID]int{
		{},                                    // the zero scope allows nothing
		{2: 0},                                // radius 0 is not "absent"
		{1: bits / 8, 3: 3, 4: 0},             // 2 and 5 are absent
		{5: bits / 4, 9: bits / 4},            // nobody is in 9
		{1: bits, 2: bits, 3: bits, 4: 1},     // all there is, but not in 4 and 5
		{1: 1, 2: 2, 3: 3, 4: 4, 5: bits / 4}, // all differ
	} {
		var scope hashindex.Scope
		for c, radius := range radii {
			scope.Allow(c, radius)
		}
		check(t, s, m, probes, scope)
		check(t, s, m, nil, scope)
	}
}

// An expiring context has ended when it is asked for the third time.
type expiring struct {
	context.Context
	looks int
}

func (e *expiring) Err() error {
	if e.looks++; e.looks > 2 {
		return context.Canceled
	}
	return nil
}

func cancelled(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	s, set := fresh(), Codes(4, bits, 500)
	s.Apply(addAll(set, 1))
	var scope hashindex.Scope
	scope.Allow(1, bits/8)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Search(ctx, set[:1], scope, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: error %v, want %v", err, context.Canceled)
	}
	late := &expiring{Context: context.Background()}
	if _, err := s.Search(late, set, scope, nil); !errors.Is(err, context.Canceled) || late.looks != 3 {
		t.Errorf("cancelled meanwhile: error %v after %d looks at ctx, want %v after 3", err, late.looks, context.Canceled)
	}
}

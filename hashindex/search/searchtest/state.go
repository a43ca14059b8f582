package searchtest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"touchstone/hashindex"
)

func saved(t *testing.T, s hashindex.Searcher) hashindex.SavedSearcher {
	saved, ok := s.(hashindex.SavedSearcher)
	if !ok {
		t.Skip("has no state")
	}
	return saved
}

func savedState(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	for name, set := range shapes(bits) {
		t.Run(name, func(t *testing.T) {
			s, m := saved(t, fresh()), model{}
			s.Apply(addAll(set, 2))
			m.apply(addAll(set, 2))
			state := s.AppendState([]byte("before"))
			if !bytes.HasPrefix(state, []byte("before")) {
				t.Fatal("AppendState did not append")
			}
			loaded := saved(t, fresh())
			loaded.Apply(addAll(Codes(11, bits, 10), 1)) // goes when the state comes
			if err := loaded.LoadState(state[len("before"):]); err != nil {
				t.Fatal(err)
			}
			checkHeld(t, loaded, m)
			if again := loaded.AppendState(nil); !bytes.Equal(again, state[len("before"):]) {
				t.Error("a loaded searcher saves another state")
			}
			var scope hashindex.Scope
			scope.Allow(1, bits/8)
			scope.Allow(2, 2)
			check(t, loaded, m, probesOf(12, bits, set), scope)
		})
	}
}

func damagedState(t *testing.T, bits int, fresh func() hashindex.Searcher) {
	s, m := saved(t, fresh()), model{}
	held := addAll(Codes(13, bits, 100), 1)
	s.Apply(held)
	m.apply(held)

	large := saved(t, fresh())
	large.Apply(addAll(Codes(14, bits, 3000), 1))
	state := large.AppendState(nil)
	refuse := func(what string, bad []byte) {
		t.Helper()
		if err := s.LoadState(bad); !errors.Is(err, hashindex.ErrDamaged) {
			t.Fatalf("%s: error %v, want %v", what, err, hashindex.ErrDamaged)
		}
	}
	refuse("nothing", nil)
	refuse("a text", []byte("external_id,pdq\n"))
	refuse("one byte more", append(bytes.Clone(state), 0))
	rng := rand.New(rand.NewPCG(15, 15))
	for range 300 {
		at := rng.IntN(len(state))
		refuse("cut", state[:at])
		bad := bytes.Clone(state)
		bad[at] ^= 1 << rng.IntN(8)
		refuse("a bit changed", bad)
	}
	checkHeld(t, s, m)
	var scope hashindex.Scope
	scope.Allow(1, bits/8)
	check(t, s, m, probesOf(16, bits, Codes(13, bits, 100)), scope)
}

package multiindex

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/searchtest"
)

// FuzzLoadState gives the bytes a right checksum, so that what stands behind it is tried too.
func FuzzLoadState(f *testing.F) {
	for _, bits := range []int{64, 256} {
		for _, n := range []int{0, 1, 100} {
			ix := New(bits)
			ix.Apply(additions(searchtest.Codes(11, bits, n)))
			state := ix.AppendState(nil)
			f.Add(state[:len(state)-sumSize])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		state := binary.LittleEndian.AppendUint32(slices.Clone(body), crc32.Checksum(body, castagnoli))
		for _, bits := range []int{64, 256} {
			checkLoaded(t, bits, state)
		}
	})
}

// checkLoaded wants ErrDamaged and no change, or the same state saved again.
func checkLoaded(t *testing.T, bits int, state []byte) {
	ix := New(bits)
	ix.Apply(additions(searchtest.Codes(12, bits, 3)))
	before := slices.Collect(ix.Entries)
	err := ix.LoadState(state)
	switch {
	case err == nil:
		if !slices.Equal(ix.AppendState(nil), state) {
			t.Errorf("%d bits: saves another state than was loaded", bits)
		}
		answers(t, ix, []hashindex.Hash{zero(bits)}, bits/4)
	case !errors.Is(err, hashindex.ErrDamaged):
		t.Errorf("%d bits: %v, want %v", bits, err, hashindex.ErrDamaged)
	case !slices.Equal(slices.Collect(ix.Entries), before):
		t.Errorf("%d bits: entries changed although the state was refused", bits)
	}
}

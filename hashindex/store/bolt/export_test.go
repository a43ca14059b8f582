package bolt

import (
	"testing"
	"time"

	"touchstone/hashindex"
)

// IdentityOfFormat is the identity that a binary of that format would write.
func IdentityOfFormat(format uint32) []byte {
	return appendChecksum(identityKey, identity{format: format, created: time.Unix(0, 0)}.append(nil))
}

// RunCount and HintCount look at what lookups go through.
func RunCount(t testing.TB, s *Store) int { return len(hintRunsOf(t, s)) }

func HintCount(t testing.TB, s *Store) (n int) {
	for _, run := range hintRunsOf(t, s) {
		n += run.len()
	}
	return n
}

func hintRunsOf(t testing.TB, s *Store) (runs []run) {
	t.Helper()
	err := s.View(func(r hashindex.Reader) (err error) {
		runs, err = r.(*reader).hintRuns()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// SealedRow is how the row lies in the file.
func SealedRow(table, key string, value []byte) []byte { return sealRow(table, key, value) }

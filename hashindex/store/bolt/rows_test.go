package bolt_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
)

// TestMissingAndOldRowsAreFound changes tables behind the store's back so that every entry of the file is still
// whole: what a page that was never written, or is there again from before, would look like.
func TestMissingAndOldRowsAreFound(t *testing.T) {
	for name, spoil := range map[string]func(rows *bbolt.Bucket) error{
		"a row is missing":   func(rows *bbolt.Bucket) error { return rows.Bucket([]byte("t")).Delete([]byte("a")) },
		"a table is missing": func(rows *bbolt.Bucket) error { return rows.DeleteBucket([]byte("t")) },
		"an old row is back": func(rows *bbolt.Bucket) error {
			return rows.Bucket([]byte("t")).Put([]byte("a"), rows.Bucket([]byte("old")).Get([]byte("a")))
		},
		"a table is in another's place": func(rows *bbolt.Bucket) error {
			if err := rows.DeleteBucket([]byte("t")); err != nil {
				return err
			}
			t, err := rows.CreateBucket([]byte("t"))
			if err != nil {
				return err
			}
			other := rows.Bucket([]byte("other"))
			if err := t.SetSequence(other.Sequence()); err != nil {
				return err
			}
			return other.ForEach(t.Put)
		},
		"what is there has no table": func(rows *bbolt.Bucket) error { return rows.Put([]byte("loose"), []byte("row")) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s := openBolt(t, folder)
			var old []byte
			for _, value := range []string{"1", "2"} {
				err := s.Update(func(w hashindex.Writer) error {
					for _, row := range []string{"t a " + value, "t b 3", "other a 4", "other b 5"} {
						of := strings.Fields(row)
						if err := w.PutRow(of[0], of[1], []byte(of[2])); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if old == nil {
					old = rawRow(t, s)
				}
			}
			s.Close()
			inRows(t, folder, func(rows *bbolt.Bucket) error {
				aside, err := rows.CreateBucket([]byte("old"))
				if err != nil {
					return err
				}
				if err := aside.Put([]byte("a"), old); err != nil {
					return err
				}
				if err := spoil(rows); err != nil {
					return err
				}
				return rows.DeleteBucket([]byte("old"))
			})
			s = openBolt(t, folder)
			defer s.Close()
			var found []string
			if err := s.Check(t.Context(), func(f hashindex.Finding) { found = append(found, f.What) }); err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || !strings.Contains(found[0], "table") && !strings.Contains(found[0], "rows") {
				t.Errorf("found %q, want one thing about rows", found)
			}
		})
	}
}

// rawRow is row a of table t with its checksum.
func rawRow(t *testing.T, s *bolt.Store) (raw []byte) {
	t.Helper()
	err := s.View(func(r hashindex.Reader) error {
		value, err := r.Row("t", "a")
		raw = bolt.SealedRow("t", "a", value)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// inRows changes the bucket of all tables of a closed store.
func inRows(t *testing.T, folder string, change func(*bbolt.Bucket) error) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(folder, "touchstone.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bbolt.Tx) error { return change(tx.Bucket([]byte("rows"))) }); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkPutRow replaces rows of 200 bytes in a table of 100,000, a hundred a commit.
func BenchmarkPutRow(b *testing.B) {
	s := openBolt(b, b.TempDir())
	defer s.Close()
	const rows, together = 100_000, 100
	value := []byte(strings.Repeat("v", 200))
	write := func(from, n int) {
		err := s.Update(func(w hashindex.Writer) error {
			for i := range n {
				if err := w.PutRow("t", fmt.Sprintf("%08d", (from+i)*7919%rows), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	write(0, rows)
	at := 0
	for b.Loop() {
		write(at, together)
		at += together
	}
	b.ReportMetric(float64(b.N)*together/b.Elapsed().Seconds(), "rows/s")
}

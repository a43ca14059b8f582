package bolt_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

const batch = 10_000

// BenchmarkAppend commits hash-only references in batches of 10,000, as an import does. External
// ids that ascend are put at the end; random ones (UUIDs) go everywhere.
func BenchmarkAppend(b *testing.B) {
	for _, names := range []struct {
		name string
		of   func(i int) string
	}{
		{"ascending", func(i int) string { return fmt.Sprintf("sku-%09d", i) }},
		{"random", func(i int) string { h := sha256.Sum256([]byte(fmt.Sprint(i))); return fmt.Sprintf("%x", h[:16]) }},
		{"none", func(int) string { return "" }},
	} {
		b.Run(names.name, func(b *testing.B) { benchmarkAppend(b, names.of) })
	}
}

func benchmarkAppend(b *testing.B, nameOf func(int) string) {
	s := openBolt(b, b.TempDir())
	defer s.Close()
	c := createCollection(b, s)
	rows := 0
	b.StopTimer()
	for range b.N {
		additions := additionsFrom(c, rows, nameOf)
		rows += batch
		b.StartTimer()
		appendAll(b, s, additions)
		b.StopTimer()
	}
	info, err := s.Info()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(info.Pages*info.PageSize)/float64(rows), "B/row")
	b.ReportMetric(float64(info.FreePages*info.PageSize)/float64(rows), "free-B/row")
}

func additionsFrom(c hashindex.CollectionID, first int, nameOf func(int) string) []hashindex.Change {
	additions := make([]hashindex.Change, batch)
	for i := range additions {
		additions[i] = storetest.Addition(c, nameOf(first+i), uint64(first+i))
	}
	return additions
}

func appendAll(tb testing.TB, s *bolt.Store, additions []hashindex.Change) {
	tb.Helper()
	err := s.Update(func(w hashindex.Writer) error { return w.AppendAll(slices.Clone(additions)) })
	if err != nil {
		tb.Fatal(err)
	}
}

func createCollection(tb testing.TB, s *bolt.Store) hashindex.CollectionID {
	tb.Helper()
	var id hashindex.CollectionID
	err := s.Update(func(w hashindex.Writer) error {
		c, err := w.Append(storetest.CollectionChange(hashindex.CollectionCreated, 0, "bench"))
		id = c.Collection.ID
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// BenchmarkMillion reads a store of a million references, whose file the page cache holds.
func BenchmarkMillion(b *testing.B) {
	const rows = 1_000_000
	name := func(i int) string { return fmt.Sprintf("sku-%09d", i) }
	folder := b.TempDir()
	s := openBolt(b, folder)
	c := createCollection(b, s)
	for first := 0; first < rows; first += batch {
		appendAll(b, s, additionsFrom(c, first, name))
	}
	s.Close()

	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			openBolt(b, folder).Close()
		}
	})
	s = openBolt(b, folder)
	defer s.Close()
	view := func(b *testing.B, read func(hashindex.Reader) error) {
		if err := s.View(read); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("reference", func(b *testing.B) {
		view(b, func(r hashindex.Reader) error {
			for i := 0; b.Loop(); i++ {
				if _, err := r.Reference(hashindex.ReferenceID(2 + i*7919%rows)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("named", func(b *testing.B) {
		view(b, func(r hashindex.Reader) error {
			for i := 0; b.Loop(); i++ {
				if _, err := r.ReferenceNamed(c, name(i*7919%rows)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("changes", func(b *testing.B) {
		view(b, func(r hashindex.Reader) error {
			for b.Loop() { // a million at a time
				for _, err := range r.Changes(0) {
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	b.Run("add", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			appendAll(b, s, []hashindex.Change{storetest.Addition(c, fmt.Sprint("one-", i), 1)})
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			storetest.Clean(b, s)
		}
	})
}

// BenchmarkFeatures adds references with features of 16 KiB, one and a hundred in a commit, and reads
// twenty at random as a query does: as they lie, and decoded.
func BenchmarkFeatures(b *testing.B) {
	const rows = 20_000
	r := rand.New(rand.NewPCG(1, 1))
	features := hashindex.Features{Width: 640, Height: 480, Luma: hashindex.Luma{Width: 80, Height: 60, Pix: make([]uint8, 80*60)}}
	for range hashindex.MaxStoredKeypoints {
		features.Keypoints = append(features.Keypoints, hashindex.Keypoint{
			X: uint16(r.IntN(640 * 64)), Y: uint16(r.IntN(480 * 64)), Descriptor: hashindex.Descriptor{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()},
		})
	}
	encoded := features.AppendStored(nil)
	s := openBolt(b, b.TempDir())
	defer s.Close()
	c := createCollection(b, s)
	additions := func(n int) []hashindex.Change {
		list := make([]hashindex.Change, n)
		for i := range list {
			list[i] = storetest.Featured(storetest.Addition(c, "", uint64(i)), string(encoded))
		}
		return list
	}
	for range rows / 100 {
		appendAll(b, s, additions(100))
	}
	info, err := s.Info()
	if err != nil {
		b.Fatal(err)
	}
	perRow := float64(info.Pages*info.PageSize) / rows
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint("add/", n), func(b *testing.B) {
			list := additions(n)
			for b.Loop() {
				appendAll(b, s, list)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(perRow, "B/row")
		})
	}
	for _, parse := range []bool{false, true} {
		b.Run(fmt.Sprint("read/20/parsed=", parse), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				err := s.View(func(r hashindex.Reader) error { return readTwenty(r, i*104729, rows, parse) })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func readTwenty(r hashindex.Reader, from, rows int, parse bool) error {
	for k := range 20 {
		encoded, err := r.Features(hashindex.FrameOf(hashindex.ReferenceID(2+(from+k*7919)%rows), 0))
		if err == nil && parse {
			_, err = hashindex.ParseFeatures(encoded)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

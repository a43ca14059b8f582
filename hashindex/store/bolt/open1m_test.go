package bolt_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

func TestMeasure1M(t *testing.T) {
	folder := os.Getenv("MEASURE")
	if folder == "" {
		t.Skip()
	}
	if _, err := os.Stat(folder + "/touchstone.db"); err != nil {
		s := openBolt(t, folder)
		c := createCollection(t, s)
		st := time.Now()
		for i := 0; i < 100; i++ {
			appendAll(t, s, additionsFrom(c, i*batch, func(i int) string { return fmt.Sprintf("sku-%09d", i) }))
		}
		fmt.Println("1M in", time.Since(st))
		s.Close()
	}
	st := time.Now()
	s, err := bolt.Open(folder, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("open", time.Since(st))
	info, _ := s.Info()
	fmt.Printf("%+v live B/row %.1f\n", info, float64(info.Pages-info.FreePages)*4096/1e6)
	st = time.Now()
	s.View(func(r hashindex.Reader) error {
		n := 0
		for _, err := range r.References(1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		fmt.Println("references", n, time.Since(st))
		st = time.Now()
		for _, err := range r.Changes(0) {
			if err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println("changes", time.Since(st))
		st = time.Now()
		for i := 0; i < 100000; i++ {
			if _, err := r.ReferenceNamed(1, fmt.Sprintf("sku-%09d", i*10)); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println("named each", time.Since(st)/100000)
		st = time.Now()
		for i := 0; i < 100000; i++ {
			if _, err := r.Reference(hashindex.ReferenceID(2 + i*10)); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println("reference each", time.Since(st)/100000)
		return nil
	})
	st = time.Now()
	s.Check(t.Context(), func(f hashindex.Finding) { t.Error(f) })
	fmt.Println("check", time.Since(st))
	state := make([]byte, 40<<20)
	st = time.Now()
	s.SaveSnapshot("tree", 1, state)
	fmt.Println("save 40 MB", time.Since(st))
	st = time.Now()
	s.LoadSnapshot("tree")
	fmt.Println("load 40 MB", time.Since(st))
	st = time.Now()
	var n int
	for ; time.Since(st) < 2*time.Second; n++ {
		appendAll(t, s, []hashindex.Change{storetest.Addition(1, fmt.Sprint("one-", n), 1)})
	}
	fmt.Println("single adds/s", n/2)
	s.Close()
}

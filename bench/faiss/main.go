// Command faiss is our side of the comparison that bench/faiss/run makes: it makes codes and queries,
// writes them for the other side to read, and answers from our searchers when it is told to, so that both
// sides are asked in turn.
//
// It reads one JSON object a line and answers each with one.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"touchstone/bench/cputime"
	"touchstone/bench/naive"
	"touchstone/hashindex"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "faiss:", err)
		os.Exit(1)
	}
}

// order is a line that is read.
type order struct {
	Do string `json:"do"` // make, search

	// Of make:
	Bits        int    `json:"bits"`
	N           int    `json:"n"`
	Queries     int    `json:"queries"`
	Naive       bool   `json:"naive"`        // with the naive tree
	CodesFile   string `json:"codes_file"`   // written: each code most significant byte first
	QueriesFile string `json:"queries_file"` // likewise

	// Of search:
	Searcher string `json:"searcher"`
	Radius   int    `json:"radius"`
	First    int    `json:"first"` // of the queries, which are taken round and round
	Count    int    `json:"count"`
	Threads  int    `json:"threads"`
	FoundIn  string `json:"found_file"` // written, if named: pairs of query and code, 4 bytes little-endian each, sorted
}

// report is a line that is written.
type report struct {
	Seconds  float64            `json:"seconds"`
	CPU      float64            `json:"cpu"`
	Found    int                `json:"found"`
	BytesOf  map[string]float64 `json:"bytes_a_hash,omitempty"`
	BuildsIn map[string]float64 `json:"builds_in_seconds,omitempty"`
}

func serve(in io.Reader, out io.Writer) error {
	var b bench
	lines, replies := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		r, err := b.carryOut(o)
		if err != nil {
			return err
		}
		if err := replies.Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

// bench is what the last make left.
type bench struct {
	queries   []hashindex.Hash
	searchers map[string]hashindex.Searcher
}

func (b *bench) carryOut(o order) (report, error) {
	switch o.Do {
	case "make":
		return b.make(o)
	case "search":
		return b.search(o)
	}
	return report{}, fmt.Errorf("unknown order %q", o.Do)
}

func (b *bench) make(o order) (report, error) {
	codes := searchtest.Codes(1, o.Bits, o.N)
	b.queries = searchtest.Queries(2, codes, o.Queries)
	if err := errors.Join(writeHashes(o.CodesFile, codes), writeHashes(o.QueriesFile, b.queries)); err != nil {
		return report{}, err
	}
	b.searchers = map[string]hashindex.Searcher{"multiindex": multiindex.New(o.Bits), "bktree": bktree.New(memory.New(), "tree", o.Bits), "linear": linear.New(o.Bits)}
	if o.Naive {
		b.searchers["naive"] = new(naive.Tree)
	}
	r := report{BytesOf: map[string]float64{}, BuildsIn: map[string]float64{}}
	for name, s := range b.searchers {
		begun := time.Now()
		if err := addAll(s, codes); err != nil {
			return report{}, err
		}
		r.BuildsIn[name] = time.Since(begun).Seconds()
		stats := s.Stats()
		r.BytesOf[name] = float64(stats.Bytes+stats.Stored) / float64(max(1, stats.Entries))
	}
	runtime.GC()
	return r, nil
}

// addAll gives all codes to a searcher that can take them at once, as a start of the service does and as
// FAISS is given them. What can be kept in the store is searched there.
func addAll(s hashindex.Searcher, codes []hashindex.Hash) error {
	entries := entriesOf(codes)
	if bulk, ok := s.(hashindex.BulkSearcher); ok {
		bulk.Load(len(entries), slices.Values(entries))
		return nil
	}
	const step = 100_000
	for part := range slices.Chunk(entries, step) {
		edits := make([]hashindex.Edit, len(part))
		for i, e := range part {
			edits[i].Entry = e
		}
		s.Apply(edits)
	}
	if kept, ok := s.(hashindex.KeptSearcher); ok {
		return kept.Save(hashindex.Seq(len(codes)))()
	}
	return nil
}

// entriesOf names each code by its place plus one.
func entriesOf(codes []hashindex.Hash) []hashindex.Entry {
	entries := make([]hashindex.Entry, len(codes))
	for i, h := range codes {
		entries[i] = hashindex.Entry{Frame: hashindex.FrameOf(hashindex.ReferenceID(i+1), 0), Collection: 1, Hash: h}
	}
	return entries
}

func writeHashes(path string, hashes []hashindex.Hash) error {
	var raw []byte
	for _, h := range hashes {
		raw = h.AppendBytes(raw)
	}
	return os.WriteFile(path, raw, 0o600)
}

func (b *bench) search(o order) (report, error) {
	searcher := b.searchers[o.Searcher]
	if searcher == nil {
		return report{}, fmt.Errorf("unknown searcher %q", o.Searcher)
	}
	var probes []hashindex.Hash
	for i := range o.Count {
		probes = append(probes, b.queries[(o.First+i)%len(b.queries)])
	}
	runtime.GOMAXPROCS(o.Threads)
	begun, before := time.Now(), cputime.Process()
	found := searchAll(searcher, probes, o.Radius, o.Threads)
	r := report{Seconds: time.Since(begun).Seconds(), CPU: (cputime.Process() - before).Seconds()}
	for _, each := range found {
		r.Found += len(each.pairs)
	}
	if o.FoundIn == "" {
		return r, nil
	}
	return r, writeFound(o.FoundIn, found)
}

// answers are what one thread found, in the form that FAISS hands out: who, and how far.
type answers struct {
	pairs     []uint64 // the probe's place among all, and the code's
	distances []int32
}

// searchAll gives each thread every so manieth part of 64 probes.
func searchAll(s hashindex.Searcher, probes []hashindex.Hash, radius, threads int) []answers {
	const part = 64
	var scope hashindex.Scope
	scope.Allow(1, radius)
	all := make([]answers, threads)
	var wait sync.WaitGroup
	for t := range threads {
		wait.Go(func() {
			var found []hashindex.Found
			for first := t * part; first < len(probes); first += threads * part {
				found, _ = s.Search(context.Background(), probes[first:min(first+part, len(probes))], scope, found[:0])
				all[t].keep(found, first)
			}
		})
	}
	wait.Wait()
	return all
}

// keep takes over what was found for the probes from first on.
func (a *answers) keep(found []hashindex.Found, first int) {
	for _, f := range found {
		a.pairs = append(a.pairs, uint64(first+f.Probe)<<32|uint64(f.Entry.Frame.Reference()-1))
		a.distances = append(a.distances, int32(f.Distance))
	}
}

func writeFound(path string, found []answers) error {
	var pairs []uint64
	for _, each := range found {
		pairs = append(pairs, each.pairs...)
	}
	slices.Sort(pairs)
	var raw []byte
	for _, p := range pairs {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(p>>32))
		raw = binary.LittleEndian.AppendUint32(raw, uint32(p))
	}
	return os.WriteFile(path, raw, 0o600)
}

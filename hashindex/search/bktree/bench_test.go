package bktree_test

import (
	"context"
	"fmt"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
)

// naive is the BK-tree that most Go packages have: a node for each hash and a map of children.
type naive struct {
	root *naiveNode
	size int
}

type naiveNode struct {
	entry    hashindex.Entry
	children map[int]*naiveNode
}

func (n *naive) add(e hashindex.Entry) {
	n.size++
	if n.root == nil {
		n.root = &naiveNode{entry: e}
		return
	}
	at := n.root
	for {
		d := at.entry.Hash.Distance(e.Hash)
		next, ok := at.children[d]
		if !ok {
			if at.children == nil {
				at.children = map[int]*naiveNode{}
			}
			at.children[d] = &naiveNode{entry: e}
			return
		}
		at = next
	}
}

func (n *naiveNode) search(probe hashindex.Hash, radius int, found []hashindex.Found) []hashindex.Found {
	d := n.entry.Hash.Distance(probe)
	if d <= radius {
		found = append(found, hashindex.Found{Entry: n.entry, Distance: d})
	}
	for at, child := range n.children {
		if d-radius <= at && at <= d+radius {
			found = child.search(probe, radius, found)
		}
	}
	return found
}

// Search has no scope to look at: less than the others do.
func (n *naive) Search(_ context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	for _, probe := range probes {
		found = n.root.search(probe, scope.MaxRadius(), found)
	}
	return found, nil
}

func (n *naive) Apply(edits []hashindex.Edit) {
	for _, e := range edits {
		n.add(e.Entry)
	}
}
func (n *naive) Entries(func(hashindex.Entry) bool) {}
func (n *naive) Stats() hashindex.SearcherStats {
	return hashindex.SearcherStats{Name: "naive", Entries: n.size}
}

// BenchmarkSearch looks up one probe an operation, or eight (a picture's symmetries) where it says so.
func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		for bits, radii := range map[int][]int{64: {4, 8, 10}, 256: {16, 31, 48}} {
			codes := searchtest.Codes(1, bits, n)
			queries := searchtest.Queries(2, codes, 1<<10)
			for _, s := range []hashindex.Searcher{linear.New(bits), bktree.New(memory.New(), "tree", bits), &naive{}} {
				b.Run(fmt.Sprintf("bits=%d/n=%d/%s", bits, n, s.Stats().Name), func(b *testing.B) { benchSearcher(b, s, codes, queries, radii) })
			}
		}
	}
}

func benchSearcher(b *testing.B, s hashindex.Searcher, codes, queries []hashindex.Hash, radii []int) {
	if s.Stats().Entries == 0 {
		s.Apply(edits(codes))
		if kept, ok := s.(hashindex.KeptSearcher); ok {
			if err := kept.Save(1)(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, radius := range radii {
		var scope hashindex.Scope
		scope.Allow(1, radius)
		for _, probes := range []int{1, 8} {
			b.Run(fmt.Sprintf("r=%d/probes=%d", radius, probes), func(b *testing.B) {
				benchRadius(b, s, queries, scope, probes)
			})
		}
	}
}

func benchRadius(b *testing.B, s hashindex.Searcher, queries []hashindex.Hash, scope hashindex.Scope, probes int) {
	var found []hashindex.Found
	looked, matches := 0, 0
	for b.Loop() {
		at := looked % (len(queries) - probes + 1)
		found, _ = s.Search(context.Background(), queries[at:at+probes], scope, found[:0])
		looked += probes
		matches += len(found)
	}
	b.ReportMetric(float64(looked)/b.Elapsed().Seconds(), "lookups/s")
	b.ReportMetric(float64(matches)/float64(looked), "found/lookup")
	if stats := s.Stats(); stats.Bytes > 0 {
		b.ReportMetric(float64(stats.Bytes+stats.Stored)/float64(stats.Entries), "B/hash")
	}
}

func edits(codes []hashindex.Hash) []hashindex.Edit {
	all := make([]hashindex.Edit, len(codes))
	for i, h := range codes {
		all[i].Entry = hashindex.Entry{Frame: hashindex.FrameOf(hashindex.ReferenceID(i+1), 0), Collection: 1, Hash: h}
	}
	return all
}

package bktree_test

import (
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
)

func TestTreeEqualsTheScan(t *testing.T) {
	searchtest.Run(t, func(bits int) hashindex.Searcher { return bktree.New(memory.New(), "tree", bits) })
}

package bktree_test

import (
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/searchtest"
)

func TestSearcher(t *testing.T) {
	searchtest.Run(t, func(bits int) hashindex.Searcher { return bktree.New(bits) })
}

package multiindex_test

import (
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/search/searchtest"
)

func TestSearcher(t *testing.T) {
	searchtest.Run(t, func(bits int) hashindex.Searcher { return multiindex.New(bits) })
}

func TestACrowdTakesLittleMemory(t *testing.T) {
	searchtest.Bounded(t, func(bits int) hashindex.Searcher { return multiindex.New(bits) })
}

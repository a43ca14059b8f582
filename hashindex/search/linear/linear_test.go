package linear_test

import (
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
)

func TestSearcher(t *testing.T) {
	searchtest.Run(t, func(bits int) hashindex.Searcher { return linear.New(bits) })
}

func TestACrowdTakesLittleMemory(t *testing.T) {
	searchtest.Bounded(t, func(bits int) hashindex.Searcher { return linear.New(bits) })
}

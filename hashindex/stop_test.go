package hashindex_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"touchstone/hashindex"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

// held is a searcher that says when it is fed, and takes nothing in until the gate opens.
type held struct {
	hashindex.Searcher
	once    *sync.Once
	entered chan struct{}
	gate    chan struct{}
}

func (h held) Apply(edits []hashindex.Edit) {
	h.once.Do(func() { close(h.entered) })
	<-h.gate
	h.Searcher.Apply(edits)
}

// TestIndexThatIsClosedWhileItLoadsHasNothingWrong closes one while what is in memory is loaded from what is kept.
func TestIndexThatIsClosedWhileItLoadsHasNothingWrong(t *testing.T) {
	store := memory.New()
	before := openOn(t, store, recipe)
	before.collection("shoes", hashindex.Brand)
	r := seeded(t)
	for range 3 {
		before.add("shoes", picture(r))
	}
	before.close()
	var log bytes.Buffer
	once, entered, gate := new(sync.Once), make(chan struct{}), make(chan struct{})
	index, err := hashindex.Open(hashindex.Config{
		Store: store, Recipe: recipe, NewKept: newTree, Log: slog.New(slog.NewTextHandler(&log, nil)),
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher {
			return held{linear.New(a.Bits()), once, entered, gate}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	closed := make(chan error)
	go func() { closed <- index.Close() }()
	for err := error(nil); !errors.Is(err, hashindex.ErrClosed); { // until Close has begun
		_, err = index.RemoveCollection(t.Context(), "", "nowhere")
	}
	close(gate)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := index.WaitLoaded(t.Context()); err != nil && !errors.Is(err, hashindex.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if strings.Contains(log.String(), "ERROR") || strings.Contains(log.String(), "canceled") {
		t.Errorf("the log makes an error of it:\n%s", &log)
	}
}

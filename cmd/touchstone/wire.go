package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"touchstone/api"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/memory"
)

// house is a store with the index over it and the handler in front.
type house struct {
	storage hashindex.Storage
	index   *hashindex.Index
	server  *api.Server
	handler http.Handler
}

// openHouse opens the data folder as far as the verb needs it.
func openHouse(ctx context.Context, folder string, need access) (*house, error) {
	h, err := open(folder, need, defaultSearcher, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if need == searching || need == writing {
		if err := h.index.WaitReady(ctx); err != nil {
			return nil, errors.Join(err, h.close())
		}
	}
	return h, nil
}

// open is openHouse without waiting for the searchers.
func open(folder string, need access, searcher string, log *slog.Logger) (*house, error) {
	storage, err := openStorage(folder, need)
	if err != nil {
		return nil, err
	}
	h, err := build(storage, searcher, log)
	if err != nil {
		return nil, errors.Join(err, storage.Close())
	}
	return h, nil
}

func openStorage(folder string, need access) (hashindex.Storage, error) {
	switch need {
	case noStore:
		return memory.New(), nil
	case changing:
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", folder, hashindex.ErrNotFound)
		}
	}
	return bolt.Open(folder, bolt.Options{ReadOnly: need == reading || need == searching})
}

// searchers are those that an operator can choose. All give the same answers.
var searchers = map[string]func(bits int) hashindex.Searcher{
	"multiindex": func(bits int) hashindex.Searcher { return multiindex.New(bits) },
	"bktree":     func(bits int) hashindex.Searcher { return bktree.New(bits) },
	"linear":     func(bits int) hashindex.Searcher { return linear.New(bits) },
}

// defaultSearcher is the fastest of them at a million references, forty times and more, and as fast
// as any at a thousand: BenchmarkSearch of package multiindex.
const defaultSearcher = "multiindex"

// build puts the parts together: the one place where they are chosen.
func build(storage hashindex.Storage, searcher string, log *slog.Logger) (*house, error) {
	newSearcher := searchers[searcher]
	if newSearcher == nil {
		return nil, unknownSearcher(searcher)
	}
	index, err := hashindex.Open(hashindex.Config{
		Store:       storage,
		Recipe:      fingerprint.Recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return newSearcher(a.Bits()) },
		Log:         log,
	})
	if err != nil {
		return nil, err
	}
	maker := fingerprint.New(fingerprint.Limits{})
	server, err := api.New(api.Config{
		Index:       index,
		Fingerprint: maker,
		Variants:    pdq.Derive,
		Limits:      api.Limits{Pictures: pictureLimits(maker.Limits())},
		Version:     thisBuild().Version,
		Log:         log,
	})
	if err != nil {
		return nil, errors.Join(err, index.Close())
	}
	return &house{storage: storage, index: index, server: server, handler: server}, nil
}

func unknownSearcher(name string) error {
	return fmt.Errorf("--searcher %q is not one of %s", name, strings.Join(slices.Sorted(maps.Keys(searchers)), ", "))
}

// pictureLimits are the fingerprinter's limits under the names that its errors give them.
func pictureLimits(l fingerprint.Limits) map[string]int64 {
	return map[string]int64{
		"image_pixels": l.ImagePixels, "decode_bytes": l.DecodeBytes, "jpeg_scans": l.JPEGScans,
		"animation_frames": l.AnimationFrames, "animation_pixels": l.AnimationPixels,
	}
}

// close closes the index, then the store.
func (h *house) close() error { return errors.Join(h.index.Close(), h.storage.Close()) }

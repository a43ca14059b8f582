package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"touchstone/api"
	"touchstone/bench/quality"
	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/fingerprint/video"
	decoding "touchstone/hashindex/fingerprint/worker"
	"touchstone/hashindex/search/bktree"
	"touchstone/hashindex/search/keypoint"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/multiindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/memory"
)

// house is a store with the index over it and the handler in front.
type house struct {
	storage hashindex.Storage
	index   *hashindex.Index
	desk    *casework.Desk
	workers *decoding.Pool // decode what is risky
	server  *api.Server
	handler http.Handler
}

// openHouse opens the data folder as far as the verb needs it.
func openHouse(ctx context.Context, folder string, need access) (*house, error) {
	return openTaking(ctx, folder, need, false)
}

// ownTime is for a request of a verb to its own folder: there whoever asks waits, and a slow disk is no reason to give up.
const ownTime = time.Hour

// openTaking is openHouse, and takes TIFF pictures too if told to.
func openTaking(ctx context.Context, folder string, need access, tiff bool) (*house, error) {
	h, err := open(folder, need, plan{searcher: defaultSearcher, lazy: true, tiff: tiff, config: api.Config{Access: api.Trusted, Limits: api.Limits{Request: ownTime}}}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	switch need {
	case asking:
		err = h.index.WaitHashes(ctx)
	case searching, writing:
		err = h.index.WaitReady(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// plan says how searches are answered.
type plan struct {
	searcher string     // the one in memory
	lazy     bool       // load it only when the questions are many
	config   api.Config // of the server, but for what build puts in
	tiff     bool       // take TIFF pictures
}

// open is openHouse without waiting for the searchers.
func open(folder string, need access, p plan, log *slog.Logger) (*house, error) {
	storage, err := openStorage(folder, need)
	if err != nil {
		return nil, err
	}
	h, err := build(storage, p, log)
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
	return bolt.Open(folder, bolt.Options{ReadOnly: need == reading || need == asking || need == searching})
}

// searchers are those in memory that an operator can choose. All give the same answers.
var searchers = map[string]func(hashindex.Algorithm) hashindex.Searcher{
	"multiindex": func(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) },
	"linear":     func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) },
	"bktree":     nil, // none: the tree in the store answers
}

// defaultSearcher is the fastest of them at a million references, forty times and more, and as fast
// as any at a thousand: BenchmarkSearch of package multiindex.
const defaultSearcher = "multiindex"

// candidates are the searchers between which the index chooses, as it lists them, with their costs.
func candidates(a hashindex.Algorithm) (names []string, costs []hashindex.Costs) {
	for _, s := range []hashindex.Searcher{searchers[defaultSearcher](a), newTree(memory.New(), "", a)} {
		if priced, ok := s.(hashindex.PricedSearcher); ok {
			names, costs = append(names, s.Stats().Name), append(costs, priced.Costs())
		}
	}
	return names, costs
}

func newTree(in hashindex.Pages, name string, a hashindex.Algorithm) hashindex.KeptSearcher {
	return bktree.New(in, name, a.Bits())
}

// build puts the parts together: the one place where they are chosen.
func build(storage hashindex.Storage, p plan, log *slog.Logger) (*house, error) {
	newSearcher, known := searchers[p.searcher]
	if !known {
		return nil, unknownSearcher(p.searcher)
	}
	index, err := hashindex.Open(hashindex.Config{
		Store:       storage,
		Recipe:      fingerprint.Recipe,
		NewKept:     newTree,
		NewSearcher: newSearcher,
		Lazy:        p.lazy,
		Log:         log,

		NewPartialSearcher: func() hashindex.PartialSearcher { return keypoint.New() },
		NewAligner:         align.New,
	})
	if err != nil {
		return nil, err
	}
	desk, err := casework.Open(casework.Config{
		Index: index, Variants: pdq.Derive, Lazy: p.lazy, Log: log,
		NewSearcher: searchers[defaultSearcher],
	})
	if err != nil {
		return nil, errors.Join(err, index.Close())
	}
	workers := decoding.New(decoding.Options{Maker: fingerprint.Options{TIFF: p.tiff}, Log: log})
	config := p.config
	config.Index, config.Fingerprint, config.Casework = index, workers, desk
	config.History = historyCodec
	config.Variants, config.NewAligner = pdq.Derive, align.New
	config.Videos = video.New(fingerprint.New(fingerprint.Limits{}), video.Limits{})
	config.Limits.Pictures = pictureLimits(workers.Limits())
	config.Children = func() api.Children {
		s := workers.Stats()
		return api.Children{InFlight: s.InFlight, Pictures: s.Pictures, Took: s.Took, Starts: s.Starts, Deaths: s.Deaths}
	}
	if kept, ok := storage.(*bolt.Store); ok {
		config.Store = func() (api.StoreSize, error) {
			info, err := kept.Info()
			return api.StoreSize{File: info.FileBytes, Free: info.FileBytes - int64(info.Pages-info.FreePages)*int64(info.PageSize)}, err
		}
		config.Backup = func(ctx context.Context, to io.Writer) error { _, err := kept.Backup(ctx, to); return err }
	}
	config.Version, config.Log = thisBuild().Version, log
	server, err := api.New(config)
	if err != nil {
		return nil, errors.Join(err, workers.Close(), desk.Close(), index.Close())
	}
	return &house{storage: storage, index: index, workers: workers, desk: desk, server: server, handler: server}, nil
}

// newLaying is what the tier partial of an index is made of, to be measured alone.
func newLaying() quality.Laying {
	return quality.Laying{Searcher: keypoint.New(), NewAligner: align.New, Proposals: hashindex.MaxProposals}
}

// scoreTerms are what scores are fitted by.
func scoreTerms(a hashindex.Alignment) ([]float64, float64) {
	terms, against := align.Terms(a)
	return terms[:], against
}

func unknownSearcher(name string) error {
	return fmt.Errorf("--searcher %q is not one of %s", name, strings.Join(slices.Sorted(maps.Keys(searchers)), ", "))
}

// pictureLimits are the fingerprinter's limits under the names that its errors give them.
func pictureLimits(l fingerprint.Limits) map[string]int64 {
	return map[string]int64{
		"image_pixels": l.ImagePixels, "decode_bytes": l.DecodeBytes, "decode_ratio": l.DecodeRatio, "jpeg_scans": l.JPEGScans,
		"animation_frames": l.AnimationFrames, "animation_pixels": l.AnimationPixels,
	}
}

// close ends the workers, closes the desk, then the index, then the store.
func (h *house) close() error {
	return errors.Join(h.workers.Close(), h.desk.Close(), h.index.Close(), h.storage.Close())
}

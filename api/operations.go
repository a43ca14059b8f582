package api

import (
	"errors"
	"math"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

// live answers for as long as the process can: it asks nothing of the index.
func (s *Server) live(c echo.Context) error { return c.JSON(200, wire.Health{Status: "live"}) }

// ready answers 200 exactly while match would: from the data folder, before the searchers in memory are
// loaded.
func (s *Server) ready(c echo.Context) error {
	if s.stopping.Err() != nil {
		return errStopping
	}
	switch err := s.index.Ready(); {
	case err == nil:
		return c.JSON(200, wire.Health{Status: "ready"})
	case errors.Is(err, hashindex.ErrNotReady):
		return fail(notReady, "the searchers are still loading")
	}
	return fail(notReady, "the searchers cannot load; the server's log says why")
}

func (s *Server) stats(c echo.Context) error {
	stats, err := s.index.Stats()
	if err != nil {
		return err
	}
	answer := wire.Stats{
		Version: s.config.Version, Recipe: string(stats.Recipe), Seq: uint64(stats.Seq), Ready: stats.Ready,
		Uptime:      s.config.Now().Sub(s.started).Seconds(),
		Collections: wireCollections(stats.Collections),
		Searchers:   converted(stats.Searchers, wireSearcher),
		Partial:     wirePartialStats(stats.Partial),
	}
	for _, c := range stats.Collections {
		answer.References += c.References
	}
	return c.JSON(200, answer)
}

func wirePartialStats(p hashindex.PartialStats) wire.PartialStats {
	return wire.PartialStats{Queries: p.Queries, Proposals: p.Proposals, Aligned: p.Aligned, Matched: p.Matched, Seconds: p.Took.Seconds()}
}

func wireSearcher(s hashindex.SpaceStats) wire.Searcher {
	return wire.Searcher{Space: s.Space, Name: s.Name, Entries: s.Entries, Bytes: s.Bytes, Stored: s.Stored, Answers: s.Answers, Lookups: s.Lookups}
}

func (s *Server) changes(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.integer("after", 0, 0, math.MaxInt), o.integer("limit", defaultPage, 1, maxPage)
	if o.err != nil {
		return o.err
	}
	list, err := s.index.Changes(c.Request().Context(), hashindex.Seq(after), limit)
	if err != nil {
		return err
	}
	collections, err := s.collectionsByID()
	if err != nil {
		return err
	}
	convert := func(change hashindex.Change) wire.Change { return s.wireChange(change, collections) }
	return c.JSON(200, wire.Changes{Changes: converted(list, convert), Seq: uint64(s.index.Seq())})
}

func (s *Server) collectionsByID() (map[hashindex.CollectionID]hashindex.Collection, error) {
	infos, err := s.index.Collections()
	byID := make(map[hashindex.CollectionID]hashindex.Collection, len(infos))
	for _, info := range infos {
		byID[info.ID] = info.Collection
	}
	return byID, err
}

func (s *Server) wireChange(change hashindex.Change, collections map[hashindex.CollectionID]hashindex.Collection) wire.Change {
	out := wire.Change{
		Seq: uint64(change.Seq), Time: change.Time, Actor: change.Actor, Kind: change.Kind.String(),
		Prev: change.Prev.String(), Digest: change.Digest.String(),
	}
	switch {
	case change.Kind.OfCollection():
		collection := wireCollection(hashindex.CollectionInfo{Collection: change.Collection})
		out.Collection = &collection
	case change.Kind.OfReference():
		reference := wireReference(change.Reference, collections[change.Reference.Collection], s.index.Recipe())
		out.Reference = &reference
	default:
		out.Note = &wire.Note{Topic: change.Note.Topic, Subject: change.Note.Subject, Body: change.Note.Body}
	}
	return out
}

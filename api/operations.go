package api

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

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
	who := callerOf(c)
	stats.Collections = who.visible(stats.Collections)
	answer := wire.Stats{
		Version: s.config.Version, Recipe: string(stats.Recipe), Seq: uint64(stats.Seq), Ready: stats.Ready,
		Uptime:      s.config.Now().Sub(s.started).Seconds(),
		Collections: wireCollections(stats.Collections),
		Searchers:   []wire.Searcher{},
	}
	if who.whole { // what follows counts everybody's
		answer.Searchers = converted(stats.Searchers, wireSearcher)
		answer.Partial = wirePartialStats(stats.Partial)
	}
	for _, c := range stats.Collections {
		answer.References += c.References
	}
	return c.JSON(200, answer)
}

func wirePartialStats(p hashindex.PartialStats) *wire.PartialStats {
	return &wire.PartialStats{Queries: p.Took.Count, Proposals: p.Proposals, Aligned: p.Aligned, Matched: p.Matched, Seconds: p.Took.Sum.Seconds()}
}

func wireSearcher(s hashindex.SpaceStats) wire.Searcher {
	return wire.Searcher{Space: s.Space, Name: s.Name, Entries: s.Entries, Bytes: s.Bytes, Stored: s.Stored, Answers: s.Answers, Lookups: s.Lookups}
}

func (s *Server) changes(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.integer("after", 0, 0, math.MaxInt), o.integer("limit", defaultPage, 1, maxPage)
	wait := o.integer("wait", 0, 0, maxWait)
	if o.err != nil {
		return o.err
	}
	if err := s.await(c, hashindex.Seq(after), time.Duration(wait)*time.Second); err != nil {
		return err
	}
	list, err := s.index.Changes(c.Request().Context(), hashindex.Seq(after), limit)
	if err != nil {
		return err
	}
	collections, err := s.collectionsByID()
	if err != nil {
		return err
	}
	page := wire.Changes{Next: uint64(after), Seq: uint64(s.index.Seq())}
	if len(list) > 0 {
		page.Next = uint64(list[len(list)-1].Seq)
	}
	who := callerOf(c)
	list = slices.DeleteFunc(list, func(change hashindex.Change) bool { return !who.seesChange(change, collections) })
	page.Changes = converted(list, func(change hashindex.Change) wire.Change { return s.wireChange(change, collections) })
	return c.JSON(200, page)
}

// seesChange reports whether the caller may know of the change. One of a reference whose collection is
// gone has no name any more to tell by.
func (w caller) seesChange(change hashindex.Change, collections map[hashindex.CollectionID]hashindex.Collection) bool {
	switch {
	case w.whole:
		return true
	case change.Kind.OfCollection():
		return w.sees(change.Collection.Name)
	case change.Kind.OfReference():
		return w.sees(collections[change.Reference.Collection].Name)
	}
	return false
}

// await returns once there is a change after that one, but not later than after so long, nor when the
// server stops: the list is empty then.
func (s *Server) await(c echo.Context, after hashindex.Seq, long time.Duration) error {
	if long == 0 {
		return nil
	}
	ctx := c.Request().Context()
	bodyOf(c.Request()).clock.extend(long)
	stepOut(c)
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-s.index.Beyond(after):
	case <-timer.C:
	case <-s.stopping.Done():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return begin(c)
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

package api

import (
	"errors"
	"math"
	"slices"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

// dryRun is the option that asks what would come of an addition.
func dryRun(c echo.Context) (bool, error) {
	o := optionsOf(c)
	dry := o.oneOf("dry_run", "false", "true") == "true"
	return dry, o.err
}

// tryAdditions says what would come of the additions, and adds nothing.
func (s *Server) tryAdditions(c echo.Context, name string, news []hashindex.NewReference) error {
	if len(news) > maxResembled {
		return &hashindex.LimitError{Limit: "resembled", Max: maxResembled, Got: int64(len(news))}
	}
	collection, err := s.collection(c, name)
	if err != nil {
		return err
	}
	s.resembling <- struct{}{}
	defer func() { <-s.resembling }()
	answer := wire.DryRun{DryRun: true, References: make([]wire.DryAddition, len(news)), Seq: uint64(s.index.Seq())}
	for i, n := range news {
		if answer.References[i], err = s.tryAddition(c, collection.Collection, n); err != nil {
			return err
		}
	}
	return c.JSON(200, answer)
}

func (s *Server) tryAddition(c echo.Context, collection hashindex.Collection, n hashindex.NewReference) (wire.DryAddition, error) {
	ctx := c.Request().Context()
	quality := hashindex.QualityUnknown
	for _, f := range n.Picture.Frames {
		quality = max(quality, f.Quality)
	}
	tried := wire.DryAddition{
		ExternalID: n.ExternalID, Width: n.Picture.Width, Height: n.Picture.Height, Quality: wireQuality(quality),
		Searchable: quality == hashindex.QualityUnknown || quality >= hashindex.PoorQuality,
	}
	// Every reference that is there came before one of this id.
	later := hashindex.Reference{ID: math.MaxUint64, Collection: collection.ID}
	who, picture := callerOf(c), s.withVariants(n.Picture)
	result, err := s.index.Resembling(ctx, later, picture, who.within())
	if err == nil && !who.whole {
		tried.ClaimedElsewhere, err = s.claimedElsewhere(ctx, who, later, picture)
	}
	if err != nil {
		return tried, err
	}
	tried.NearDuplicates = converted(result.NearDuplicates, wireResembling)
	if tried.Conflicts, err = s.conflicts(c, collection, result.Conflicts); err != nil {
		return tried, err
	}
	sightings, truncated, err := s.desk.WouldFind(ctx, collection, n.Picture)
	if errors.Is(err, hashindex.ErrNotReady) {
		return tried, nil
	}
	tried.Sightings, tried.Truncated = &sightings, truncated
	return tried, err
}

// conflicts says of each whose it is: other holders' are what a lab wants to know of.
func (s *Server) conflicts(c echo.Context, collection hashindex.Collection, matches []hashindex.Match) ([]wire.Conflict, error) {
	rights, err := s.desk.Rights(c.Request().Context(), visible(c), casework.RightFilter{})
	if err != nil {
		return nil, err
	}
	holders := map[string][]string{} // by collection
	for _, right := range rights {
		for _, name := range right.Collections {
			holders[name] = append(holders[name], right.Holder)
		}
	}
	return converted(matches, func(m hashindex.Match) wire.Conflict {
		others := []string{}
		for _, holder := range holders[m.Collection.Name] {
			if !slices.Contains(holders[collection.Name], holder) && !slices.Contains(others, holder) {
				others = append(others, holder)
			}
		}
		return wire.Conflict{Resembling: wireResembling(m), Holders: others}
	}), nil
}

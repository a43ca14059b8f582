package api

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (s *Server) createCollection(c echo.Context) error {
	var asked wire.NewCollection
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	if !callerOf(c).sees(asked.Name) {
		return fail(forbidden, "the key is restricted to other collections")
	}
	collection := hashindex.Collection{Name: asked.Name, Purpose: hashindex.Purpose(asked.Purpose), Policy: hashindex.DefaultPolicy()}
	revise(&collection.Policy, asked.Policy)
	location := "/v1/collections/" + collection.Name
	created, seq, err := s.index.CreateCollection(c.Request().Context(), actor(c), collection, s.keep(c, 201, location, func(of []hashindex.Change) any {
		return wireNewCollection(of[0].Collection, of[0].Seq)
	})...)
	if err != nil {
		return aboutCollection(err)
	}
	return s.answerOnce(c, 201, location, wireNewCollection(created, seq))
}

func wireNewCollection(created hashindex.Collection, seq hashindex.Seq) wire.Collection {
	answer := wireCollection(hashindex.CollectionInfo{Collection: created})
	answer.Seq = uint64(seq)
	return answer
}

// revise sets what is given. A smaller radius takes a copy radius that was not given
// along, so that tightening a collection takes one number.
func revise(policy *hashindex.Policy, asked *wire.Policy) {
	if asked == nil {
		return
	}
	set(&policy.Radius, asked.Radius)
	set(&policy.CopyRadius, asked.CopyRadius)
	set(&policy.Radius64, asked.Radius64)
	if asked.Partial != nil {
		set(&policy.Partial.Enabled, asked.Partial.Enabled)
		set(&policy.Partial.MinCoverage, asked.Partial.MinCoverage)
	}
	if asked.CopyRadius == nil && policy.Radius >= 0 {
		policy.CopyRadius = min(policy.CopyRadius, policy.Radius)
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *Server) listCollections(c echo.Context) error {
	infos, err := s.index.Collections()
	if err != nil {
		return err
	}
	return c.JSON(200, wire.Collections{Collections: wireCollections(callerOf(c).visible(infos))})
}

// visible are those that the caller may know of.
func (w caller) visible(infos []hashindex.CollectionInfo) []hashindex.CollectionInfo {
	return slices.DeleteFunc(infos, func(info hashindex.CollectionInfo) bool { return !w.sees(info.Name) })
}

func (s *Server) showCollection(c echo.Context) error {
	info, err := s.collection(c, pathParameter(c, "name"))
	if err != nil {
		return err
	}
	return c.JSON(200, wireCollection(info))
}

func (s *Server) changeCollection(c echo.Context) error {
	var patch wire.CollectionPatch
	if err := s.readJSON(c, &patch); err != nil {
		return err
	}
	name := pathParameter(c, "name")
	if _, err := s.collection(c, name); err != nil {
		return err
	}
	changed, seq, err := s.index.ChangeCollection(c.Request().Context(), actor(c), name, func(c *hashindex.Collection) {
		revise(&c.Policy, patch.Policy)
		if patch.Purpose != nil {
			c.Purpose = hashindex.Purpose(*patch.Purpose)
		}
	})
	if err != nil {
		return aboutCollection(err)
	}
	info, err := s.index.Collection(name)
	if err != nil {
		return aboutCollection(err)
	}
	info.Collection = changed
	answer := wireCollection(info)
	answer.Seq = uint64(seq)
	return c.JSON(200, answer)
}

func (s *Server) removeCollection(c echo.Context) error {
	o := optionsOf(c)
	emptied := o.oneOf("references", "keep", "remove") == "remove"
	if o.err != nil {
		return o.err
	}
	ctx, name := c.Request().Context(), pathParameter(c, "name")
	if _, err := s.collection(c, name); err != nil {
		return err
	}
	if emptied {
		if err := s.empty(ctx, actor(c), name); err != nil {
			return aboutCollection(err)
		}
	}
	seq, err := s.index.RemoveCollection(ctx, actor(c), name)
	if err != nil {
		return aboutCollection(err)
	}
	return c.JSON(200, wire.Removed{Seq: uint64(seq)})
}

// empty removes the collection's references one by one, many at a time so that they share commits.
// It is not one step: what is removed when it fails stays removed, and asking again goes on.
func (s *Server) empty(ctx context.Context, actor, name string) error {
	for {
		references, err := s.index.References(ctx, name, 0, maxPage)
		if err != nil || len(references) == 0 {
			return err
		}
		if err := s.removeAll(ctx, actor, references); err != nil {
			return err
		}
	}
}

func (s *Server) removeAll(ctx context.Context, actor string, references []hashindex.Reference) error {
	errs := make([]error, len(references))
	var removals sync.WaitGroup
	for i, r := range references {
		removals.Go(func() {
			_, errs[i] = s.index.RemoveReference(ctx, actor, r.ID)
			if errors.Is(errs[i], hashindex.ErrNotFound) {
				errs[i] = nil // somebody else removed it
			}
		})
	}
	removals.Wait()
	return errors.Join(errs...)
}

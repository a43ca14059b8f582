package api

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

func (s *Server) listReferences(c echo.Context) error {
	o := optionsOf(c)
	after, limit := o.cursor("cursor"), o.integer("limit", defaultPage, 1, maxPage)
	if o.err != nil {
		return o.err
	}
	collection, err := s.collection(c, pathParameter(c, "name"))
	if err != nil {
		return err
	}
	references, err := s.pageOf(c, o, collection.Name, after, limit+1)
	if err != nil {
		return aboutCollection(err)
	}
	page := wire.References{}
	if len(references) > limit { // one more was asked for to know whether there is one
		references = references[:limit]
		page.Next = cursorOf(references[limit-1].ID)
	}
	page.References = converted(references, func(r hashindex.Reference) wire.Reference {
		return wireReference(r, collection.Collection, s.index.Recipe())
	})
	return c.JSON(200, page)
}

func (s *Server) pageOf(c echo.Context, o *options, collection string, after hashindex.ReferenceID, limit int) ([]hashindex.Reference, error) {
	if !o.Has("external_id") {
		return s.index.References(c.Request().Context(), collection, after, limit)
	}
	reference, err := s.index.ReferenceNamed(collection, o.Get("external_id"))
	if errors.Is(err, hashindex.ErrNotFound) {
		return nil, nil
	}
	return []hashindex.Reference{reference}, err
}

// cursorOf is the cursor after that reference: opaque, so that it can hold something else one day.
func cursorOf(id hashindex.ReferenceID) string {
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint([]byte{'r'}, uint64(id)))
}

func (o *options) cursor(name string) hashindex.ReferenceID {
	if !o.Has(name) {
		return 0
	}
	text := o.Get(name)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(raw) > 1 {
		id, n := binary.Uvarint(raw[1:])
		if n == len(raw)-1 && cursorOf(hashindex.ReferenceID(id)) == text {
			return hashindex.ReferenceID(id)
		}
	}
	o.fail(invalid(name, "%.40q is no cursor that this server gave", text))
	return 0
}

// referenceID reads the id in the path. What is no id names no reference.
func referenceID(c echo.Context) (hashindex.ReferenceID, error) {
	return parseReferenceID(pathParameter(c, "id"))
}

func parseReferenceID(text string) (hashindex.ReferenceID, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || wireID(hashindex.ReferenceID(id)) != text {
		return 0, noReference(text)
	}
	return hashindex.ReferenceID(id), nil
}

func (s *Server) showReference(c echo.Context) error {
	id, err := referenceID(c)
	if err != nil {
		return err
	}
	reference, collection, err := s.reference(c, id)
	if err != nil {
		return err
	}
	return c.JSON(200, wireReference(reference, collection, s.index.Recipe()))
}

// listFrames answers a page of a reference's frames: those of a video by their times, a picture's one.
func (s *Server) listFrames(c echo.Context) error {
	o := optionsOf(c)
	from, limit := o.integer("from", 0, 0, math.MaxInt32), o.integer("limit", maxPage, 1, maxPage)
	if o.err != nil {
		return o.err
	}
	id, err := referenceID(c)
	if err != nil {
		return err
	}
	reference, _, err := s.reference(c, id)
	if err != nil {
		return err
	}
	frames := reference.Frames[min(from, len(reference.Frames)):]
	page := wire.ReferenceFrames{}
	if len(frames) > limit {
		frames, page.Next = frames[:limit], from+limit
	}
	page.Frames = converted(frames, func(f hashindex.StoredFrame) wire.HashedFrame {
		return wire.HashedFrame{Time: f.At.Seconds(), Hashes: wireHashes(f.Hashes), Quality: wireQuality(f.Quality)}
	})
	return c.JSON(200, page)
}

func (s *Server) changeReference(c echo.Context) error {
	id, err := referenceID(c)
	if err != nil {
		return err
	}
	var asked wire.ReferencePatch
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	patch := hashindex.ReferencePatch{Note: asked.Note, Meta: asked.Meta}
	if patch.DisabledUntil, err = parseDisabled(asked.DisabledUntil); err != nil {
		return err
	}
	_, collection, err := s.reference(c, id)
	if err != nil {
		return err
	}
	changed, seq, err := s.index.ChangeReference(c.Request().Context(), actor(c), id, patch)
	if err != nil {
		return aboutReference(err)
	}
	answer := wireReference(changed, collection, s.index.Recipe())
	answer.Seq = uint64(seq)
	return c.JSON(200, answer)
}

// parseDisabled is nil when nothing is asked and the zero time for null, which enables.
func parseDisabled(raw json.RawMessage) (*time.Time, error) {
	until := new(time.Time)
	switch {
	case raw == nil:
		return nil, nil
	case string(raw) == "null":
		return until, nil
	}
	if err := json.Unmarshal(raw, until); err != nil {
		return nil, invalid("disabled_until", "%.80s is neither a time such as \"2027-01-31T12:00:00Z\" nor null", raw)
	}
	return until, nil
}

func (s *Server) removeReference(c echo.Context) error {
	id, err := referenceID(c)
	if err != nil {
		return err
	}
	if _, _, err := s.reference(c, id); err != nil {
		return err
	}
	seq, err := s.index.RemoveReference(c.Request().Context(), actor(c), id)
	if err != nil {
		return aboutReference(err)
	}
	return c.JSON(200, wire.Removed{Seq: uint64(seq)})
}

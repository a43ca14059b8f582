package api

import (
	"context"
	"fmt"
	"io"

	"github.com/labstack/echo/v4"

	"touchstone/api/hashlist"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

// addReferences takes pictures, hashes as JSON or a hash list, by the content type. All of a
// request is added in one step, or nothing.
func (s *Server) addReferences(c echo.Context) error {
	// A reference is searchable once it is acknowledged, which a loading searcher cannot promise.
	if err := s.index.Ready(); err != nil {
		return err
	}
	collection, err := s.index.Collection(pathParameter(c, "name"))
	if err != nil {
		return aboutCollection(err)
	}
	if mediaType(c) == jsonType {
		return s.addHashes(c, collection.Name)
	}
	if format, ok := hashlist.FormatOfContentType(mediaType(c)); ok {
		return s.addList(c, collection.Name, format)
	}
	if mediaType(c) != "multipart/form-data" {
		return unsupported(c, "multipart/form-data", jsonType, "text/csv", ndjsonType)
	}
	return s.addPictures(c, collection.Name)
}

func (s *Server) addPictures(c echo.Context, collection string) error {
	up, err := s.receive(c, expected{limit: "reference_images", images: maxReferenceImages, fields: []string{"external_id", "meta"}, keep: true})
	if err != nil {
		return err
	}
	defer up.close()
	news, err := up.references()
	if err != nil {
		return err
	}
	return s.commit(c, collection, news)
}

// references joins each picture with its external id and meta.
func (u *upload) references() ([]hashindex.NewReference, error) {
	news := make([]hashindex.NewReference, len(u.pictures))
	ids, metas := u.fields["external_id"], u.fields["meta"]
	if len(ids) != 0 && len(ids) != len(news) {
		return nil, invalid("external_id", "%d given for %d pictures: want none, or one for each in their order", len(ids), len(news))
	}
	if len(metas) > 1 && len(metas) != len(news) {
		return nil, invalid("meta", "%d given for %d pictures: want none, one for all, or one for each", len(metas), len(news))
	}
	for i, p := range u.pictures {
		news[i] = hashindex.NewReference{Picture: p.Picture, Encoded: p.encoded}
		if len(ids) > 0 {
			news[i].ExternalID = ids[i]
		}
		if len(metas) > 0 {
			meta, err := parseMeta(metas[min(i, len(metas)-1)])
			if err != nil {
				return nil, err
			}
			news[i].Meta = meta
		}
	}
	return news, nil
}

func parseMeta(text string) (meta map[string]string, err error) {
	if err := parseJSON([]byte(text), &meta); err != nil {
		return nil, invalid("meta", "want a JSON object of texts: %v", err)
	}
	return meta, nil
}

// addHashes reads one reference, or several under "references".
func (s *Server) addHashes(c echo.Context, collection string) error {
	var asked struct {
		wire.HashReference
		wire.HashReferences
	}
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	alone := asked.HashReference
	if asked.References == nil {
		n, err := s.newReference(alone, "")
		if err != nil {
			return err
		}
		return s.commit(c, collection, []hashindex.NewReference{n})
	}
	if alone.ExternalID != "" || alone.Hashes != (wire.Hashes{}) || alone.Quality != nil || alone.Meta != nil {
		return invalid("references", "give one reference, or several under this name, but not both")
	}
	news, err := s.newReferences(asked.References)
	if err != nil {
		return err
	}
	return s.commit(c, collection, news)
}

func (s *Server) newReferences(asked []wire.HashReference) ([]hashindex.NewReference, error) {
	if len(asked) == 0 {
		return nil, invalid("references", "none given")
	}
	if len(asked) > maxReferenceHashes {
		return nil, &hashindex.LimitError{Limit: "references", Max: maxReferenceHashes, Got: int64(len(asked))}
	}
	news := make([]hashindex.NewReference, len(asked))
	for i, each := range asked {
		n, err := s.newReference(each, fmt.Sprintf("references[%d].", i))
		if err != nil {
			return nil, err
		}
		news[i] = n
	}
	return news, nil
}

func (s *Server) newReference(asked wire.HashReference, prefix string) (hashindex.NewReference, error) {
	hashes, err := parseHashes(asked.Hashes, prefix)
	if err != nil {
		return hashindex.NewReference{}, err
	}
	if hashes.IsZero() {
		return hashindex.NewReference{}, invalid(prefix+"hashes", "none given")
	}
	quality := hashindex.QualityUnknown
	if asked.Quality != nil {
		if quality = *asked.Quality; quality < 0 || quality > 100 {
			return hashindex.NewReference{}, invalid(prefix+"quality", "%d is not within 0..100", quality)
		}
	}
	frame := hashindex.Frame{Fingerprint: hashindex.Fingerprint{Recipe: s.index.Recipe(), Quality: quality, Hashes: hashes}}
	return hashindex.NewReference{ExternalID: asked.ExternalID, Meta: asked.Meta, Picture: hashindex.Picture{Frames: []hashindex.Frame{frame}}}, nil
}

func (s *Server) addList(c echo.Context, collection string, format hashlist.Format) error {
	news, err := s.readList(bodyOf(c.Request()).within("document_bytes", s.limits.DocumentBytes), format)
	if err != nil {
		return err
	}
	added, seq, err := s.index.AddReferences(c.Request().Context(), actor(c), collection, news)
	if err != nil {
		return aboutAddition(err)
	}
	return c.JSON(201, wire.AddedList{Added: len(added), Seq: uint64(seq)})
}

func (s *Server) readList(body io.Reader, format hashlist.Format) (news []hashindex.NewReference, err error) {
	list := hashlist.NewReader(body, format)
	for {
		row, err := list.Read()
		if err == io.EOF {
			return news, nil
		}
		if err != nil {
			return nil, err
		}
		if len(news) == maxReferenceHashes {
			return nil, &hashindex.LimitError{Limit: "references", Max: maxReferenceHashes}
		}
		n, err := s.newReference(row, "")
		if err != nil {
			return nil, err
		}
		news = append(news, n)
	}
}

func (s *Server) commit(c echo.Context, collection string, news []hashindex.NewReference) error {
	ctx := c.Request().Context()
	added, seq, err := s.index.AddReferences(ctx, actor(c), collection, news)
	if err != nil {
		return aboutAddition(err)
	}
	answer := wire.AddedReferences{References: make([]wire.AddedReference, len(added)), Seq: uint64(seq)}
	// They are in the store now: neither a client that goes away nor the request's time changes that.
	ctx = context.WithoutCancel(ctx)
	for i, reference := range added {
		answer.References[i] = s.describe(ctx, reference, news[i].Picture, len(added) <= maxResembled)
	}
	return c.JSON(201, answer)
}

// describe says what became of one addition. What it resembles is null where nobody looked.
func (s *Server) describe(ctx context.Context, added hashindex.Reference, picture hashindex.Picture, look bool) wire.AddedReference {
	quality := bestQuality(added.Frames)
	described := wire.AddedReference{
		ID: wireID(added.ID), ExternalID: added.ExternalID, Width: added.Width, Height: added.Height,
		Quality: wireQuality(quality), Searchable: quality == hashindex.QualityUnknown || quality >= hashindex.PoorQuality,
	}
	if !look {
		return described
	}
	result, err := s.index.Resembling(ctx, added, s.withVariants(picture))
	if err != nil {
		s.Log.Warn("not looked for what an added reference resembles", "reference", added.ID, "err", err)
		return described
	}
	described.NearDuplicates = converted(result.NearDuplicates, wireResembling)
	described.Conflicts = converted(result.Conflicts, wireResembling)
	return described
}

// withVariants derives the variants of bare hashes, so that those too are told of mirrored likes.
func (s *Server) withVariants(p hashindex.Picture) hashindex.Picture {
	for i, f := range p.Frames {
		if h := f.Hashes[hashindex.PDQ]; s.Variants != nil && !h.IsZero() && f.Dihedral[hashindex.Upright].IsZero() {
			p.Frames[i].Dihedral = s.Variants(h)
		}
	}
	return p
}

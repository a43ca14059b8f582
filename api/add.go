package api

import (
	"context"
	"runtime"
	"slices"

	"github.com/labstack/echo/v4"

	"touchstone/api/hashlist"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

// addReferences takes pictures, hashes or a URL as JSON, or a hash list, by the content type. All of a
// request is added in one step, or nothing.
func (s *Server) addReferences(c echo.Context) error {
	// A reference is searchable once it is acknowledged, which a loading searcher cannot promise.
	if err := s.index.Ready(); err != nil {
		return err
	}
	collection, err := s.collection(c, pathParameter(c, "name"))
	if err != nil {
		return err
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
	up, err := s.receive(c, expected{limit: "reference_images", images: maxReferenceImages, fields: []string{"external_id", "meta"}, keep: true, stored: true, video: true})
	if err != nil {
		return err
	}
	defer up.close()
	if up.video != nil {
		p, err := s.decodeVideo(c.Request().Context(), up.video)
		if err != nil {
			return err
		}
		up.pictures = []*picture{{Picture: p}}
	}
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

func (s *Server) commit(c echo.Context, collection string, news []hashindex.NewReference) error {
	if err := begin(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	dry, err := dryRun(c)
	if err != nil {
		return err
	}
	if dry {
		return s.tryAdditions(c, collection, news)
	}
	also := append(s.keep(c, 201, "", func(of []hashindex.Change) any {
		return s.unlooked(callerOf(c), of, news)
	}), casework.Remember)
	added, seq, err := s.index.AddReferences(ctx, actor(c), collection, news, also...)
	if err != nil {
		return aboutAddition(err)
	}
	// They are in the store now: neither a client that goes away nor the request's time changes that.
	return s.answerOnce(c, 201, "", s.looked(context.WithoutCancel(ctx), callerOf(c), added, news, seq))
}

// looked is the answer with what the references resemble, where those are few enough.
func (s *Server) looked(ctx context.Context, who caller, added []hashindex.Reference, news []hashindex.NewReference, seq hashindex.Seq) wire.AddedReferences {
	answer := wire.AddedReferences{References: make([]wire.AddedReference, len(added)), Seq: uint64(seq)}
	look := len(added) <= maxResembled
	if look {
		s.resembling <- struct{}{}
		defer func() { <-s.resembling }()
	}
	for i, reference := range added {
		if look {
			runtime.Gosched() // whoever only asks goes first
		}
		answer.References[i] = s.describe(ctx, who, reference, news[i].Picture, look)
	}
	s.lookBack(ctx, who.id, added, answer.References, look)
	return answer
}

// unlooked is the answer before anybody has looked for what the references resemble.
func (s *Server) unlooked(who caller, of []hashindex.Change, news []hashindex.NewReference) wire.AddedReferences {
	answer := wire.AddedReferences{References: make([]wire.AddedReference, len(of)), Seq: uint64(lastSeq(of))}
	for i, change := range of {
		answer.References[i] = s.describe(context.Background(), who, change.Reference, news[i].Picture, false)
	}
	return answer
}

func lastSeq(of []hashindex.Change) hashindex.Seq {
	if len(of) == 0 {
		return 0
	}
	return of[len(of)-1].Seq
}

// lookBack searches past sightings for what was added, at once unless they are many.
func (s *Server) lookBack(ctx context.Context, by string, added []hashindex.Reference, answer []wire.AddedReference, atOnce bool) {
	if !atOnce {
		s.desk.LookBackLater(added)
		return
	}
	found, err := s.desk.LookBack(ctx, by, added)
	if err != nil { // it is remembered, and done later
		s.config.Log.Warn("not looked back for added references", "references", len(added), "err", err)
		return
	}
	for i, each := range found {
		answer[i].Retro = &wire.Retro{Sightings: each.Sightings, Hits: each.Hits, Truncated: each.Truncated}
	}
}

// describe says what became of one addition. What it resembles is null where nobody looked.
func (s *Server) describe(ctx context.Context, who caller, added hashindex.Reference, picture hashindex.Picture, look bool) wire.AddedReference {
	quality := bestQuality(added.Frames)
	described := wire.AddedReference{
		ID: wireID(added.ID), ExternalID: added.ExternalID, Width: added.Width, Height: added.Height,
		Quality: wireQuality(quality), Searchable: quality == hashindex.QualityUnknown || quality >= hashindex.PoorQuality,
		Tiers: wireTiers(added.Tiers(s.index.Recipe())),
	}
	if !look {
		return described
	}
	picture = s.withVariants(picture)
	result, err := s.index.Resembling(ctx, added, picture, who.within())
	if err == nil && !who.whole {
		described.ClaimedElsewhere, err = s.claimedElsewhere(ctx, who, added, picture)
	}
	if err != nil {
		s.config.Log.Warn("not looked for what an added reference resembles", "reference", added.ID, "err", err)
		return described
	}
	described.NearDuplicates = converted(result.NearDuplicates, wireResembling)
	described.Conflicts = converted(result.Conflicts, wireResembling)
	return described
}

// claimedElsewhere says whether a collection that the caller may not know of has the same, but not which.
func (s *Server) claimedElsewhere(ctx context.Context, who caller, added hashindex.Reference, picture hashindex.Picture) (bool, error) {
	result, err := s.index.Resembling(ctx, added, picture, nil)
	return slices.ContainsFunc(result.Conflicts, func(m hashindex.Match) bool { return !who.sees(m.Collection.Name) }), err
}

// withVariants derives the variants of bare hashes, so that those too are told of mirrored likes.
func (s *Server) withVariants(p hashindex.Picture) hashindex.Picture {
	for i, f := range p.Frames {
		if h := f.Hashes[hashindex.PDQ]; s.config.Variants != nil && !h.IsZero() && f.Dihedral[hashindex.Upright].IsZero() {
			p.Frames[i].Dihedral = s.config.Variants(h)
		}
	}
	return p
}

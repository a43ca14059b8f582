package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
)

// Builder makes packs of what a desk keeps. All fields are needed.
type Builder struct {
	Desk  *casework.Desk
	Index *hashindex.Index
	Codec Codec
	Maker Maker

	// Draw is a PNG of the reference laid over the query as the evidence says.
	Draw func(ctx context.Context, reference, query []byte, e hashindex.Evidence) ([]byte, error)

	Version string
	Now     func() time.Time
}

// Hit is the pack of a hit.
func (b *Builder) Hit(ctx context.Context, actor string, v casework.Visible, id casework.HitID) ([]byte, error) {
	h, err := b.Desk.Hit(ctx, v, id)
	if err != nil {
		return nil, err
	}
	return b.build(ctx, v, Case{Subject: "hit " + id.String(), By: actor}, []casework.Hit{h})
}

// Notice is the pack of a notice with all of its hits.
func (b *Builder) Notice(ctx context.Context, actor string, v casework.Visible, id casework.NoticeID) ([]byte, error) {
	n, err := b.Desk.Notice(ctx, v, id)
	if err != nil {
		return nil, err
	}
	if len(n.Items) > MaxHits {
		return nil, tooMuch("pack_hits", MaxHits, int64(len(n.Items)))
	}
	hits := make([]casework.Hit, len(n.Items))
	for i, item := range n.Items {
		if hits[i], err = b.Desk.Hit(ctx, v, item.Hit); err != nil {
			return nil, err
		}
	}
	c := Case{Subject: "notice " + id.String(), By: actor, Notice: &n}
	holder, err := b.Desk.Holder(ctx, v, n.Holder)
	if err != nil && !errors.Is(err, hashindex.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		record, _, err := b.Desk.RecordOf(ctx, v, n.Holder)
		if err != nil {
			return nil, err
		}
		c.Holder, c.Record = &holder, &record
	}
	return b.build(ctx, v, c, hits)
}

// building is a pack under way.
type building struct {
	*Builder
	Case
	files map[string][]byte
	size  int64
}

func (b *Builder) build(ctx context.Context, v casework.Visible, c Case, hits []casework.Hit) ([]byte, error) {
	c.Format, c.Made, c.Version, c.Recipe, c.Policy = Format, b.Now().UTC().Truncate(time.Second), b.Version, b.Index.Recipe(), b.Desk.Policy()
	p := &building{Builder: b, Case: c, files: map[string][]byte{}}
	for _, h := range hits {
		if err := p.exhibit(ctx, h); err != nil {
			return nil, err
		}
	}
	if err := p.rights(ctx, v); err != nil {
		return nil, err
	}
	if err := p.history(ctx, v); err != nil {
		return nil, err
	}
	text, err := readable(p.Case)
	if err != nil {
		return nil, err
	}
	// The page is made of what whoever reads the file gets.
	kept, err := parseCase(text)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(kept, p.files)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.put(casePath, text), p.put(pagePath, page)); err != nil {
		return nil, err
	}
	list, err := manifestOf(p.files)
	if err == nil {
		err = p.put(manifestPath, list)
	}
	if err != nil {
		return nil, err
	}
	return write(p.files)
}

func parseCase(text []byte) (c Case, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, damaged("%s: %v", casePath, err)
	}
	if c.Format != Format {
		return c, damaged("%s: the format is %.40q, not %s", casePath, c.Format, Format)
	}
	return c, nil
}

// put adds a file; the same picture is one.
func (p *building) put(name string, content []byte) error {
	if _, there := p.files[name]; !there {
		p.size += int64(len(content)) + 1<<10 // with its place in the ZIP and the manifest
	}
	if p.size > MaxBytes {
		return tooMuch("pack_bytes", MaxBytes, p.size)
	}
	p.files[name] = content
	return nil
}

func (p *building) exhibit(ctx context.Context, h casework.Hit) error {
	x := Exhibit{Hit: h}
	reference, collection, err := p.Index.Reference(h.Reference)
	if err != nil && !errors.Is(err, hashindex.ErrNotFound) {
		return err
	}
	if err == nil {
		x.Reference, x.Now = &reference, &collection
	}
	if h.Segment != nil {
		if err := p.segment(ctx, &x); err != nil {
			return err
		}
		p.Hits = append(p.Hits, x)
		return nil
	}
	query, err := p.picture(ctx, h.Picture, h.Evidence.QueryFrame, &x.Query)
	if err != nil {
		return err
	}
	known, err := p.picture(ctx, h.Evidence.ReferenceContent, h.Evidence.ReferenceFrame, &x.Known)
	if err != nil {
		return err
	}
	if query != nil && known != nil {
		drawn, err := p.Draw(ctx, known, query, h.Evidence)
		if err != nil {
			return err
		}
		x.Overlay = overlayPath(h.ID)
		if err := p.put(x.Overlay, drawn); err != nil {
			return err
		}
	}
	p.Hits = append(p.Hits, x)
	return nil
}

// picture adds the picture of that digest, and what it comes to; nil where it is not kept.
func (p *building) picture(ctx context.Context, content hashindex.Digest, frame int, into **Fingerprints) ([]byte, error) {
	if content.IsZero() {
		return nil, nil
	}
	encoded, err := p.Index.Picture(content)
	if errors.Is(err, hashindex.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	made, err := p.Maker.Detailed(ctx, encoded)
	if err != nil {
		return nil, err
	}
	*into, err = fingerprints(made, encoded, frame)
	if err != nil {
		return nil, err
	}
	return encoded, p.put(picturePath(content), encoded)
}

func fingerprints(made hashindex.Picture, encoded []byte, frame int) (*Fingerprints, error) {
	if frame < 0 || frame >= len(made.Frames) {
		return nil, damaged("picture %v has no frame %d", made.Content, frame)
	}
	f := made.Frames[frame]
	return &Fingerprints{
		Content: hashindex.DigestOf(encoded), Bytes: len(encoded), Format: made.Format, Width: made.Width, Height: made.Height,
		Frame: frame, Quality: f.Quality, Hashes: f.Hashes,
	}, nil
}

func (p *building) rights(ctx context.Context, v casework.Visible) error {
	var ids []casework.RightID
	for _, x := range p.Hits {
		ids = append(ids, x.Hit.Rights...)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		right, err := p.Desk.Right(ctx, v, id)
		if errors.Is(err, hashindex.ErrNotFound) {
			continue // not in the caller's sight
		}
		if err != nil {
			return err
		}
		p.Rights = append(p.Rights, right)
	}
	return nil
}

// history picks the changes that are about the case, and for whoever may see all those between them too,
// as long as they are few: then the chain has no gap.
func (p *building) history(ctx context.Context, v casework.Visible) error {
	about := p.subjects()
	p.History = []Entry{}
	return p.Index.View(ctx, func(r hashindex.Reader) error {
		err := p.pick(ctx, r, 0, func(c hashindex.Change) bool { return about[subjectOf(c)] })
		if err != nil || len(p.History) == 0 || v != nil {
			return err
		}
		first, last := p.History[0].Seq, p.History[len(p.History)-1].Seq
		if last-first >= fewChanges {
			return nil
		}
		p.History = p.History[:0]
		return p.pick(ctx, r, first-1, func(c hashindex.Change) bool { return c.Seq <= last })
	})
}

func (p *building) pick(ctx context.Context, r hashindex.Reader, after hashindex.Seq, want func(hashindex.Change) bool) error {
	for change, err := range r.Changes(after) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if !want(change) {
			continue
		}
		raw, err := p.Codec.Encode(change)
		if err != nil {
			return err
		}
		if len(p.History) == MaxHistory {
			return tooMuch("pack_changes", MaxHistory, MaxHistory+1)
		}
		if p.size += int64(2 * len(raw)); p.size > MaxBytes {
			return tooMuch("pack_bytes", MaxBytes, p.size)
		}
		p.History = append(p.History, Entry{change.Seq, change.Time, change.Actor, change.Kind.String(), subjectOf(change), hashindex.DigestOf(raw), raw})
	}
	return nil
}

// subjects are what the history is asked about.
func (c *Case) subjects() map[string]bool {
	about := map[string]bool{c.Subject: true}
	if c.Holder != nil {
		about[casework.HolderTopic+" "+c.Holder.ID] = true
	}
	for _, right := range c.Rights {
		about[casework.RightTopic+" "+right.ID.String()] = true
		about[casework.HolderTopic+" "+right.Holder] = true
	}
	for _, x := range c.Hits {
		reference := strconv.FormatUint(uint64(x.Hit.Reference), 10)
		about[casework.HitTopic+" "+x.Hit.ID.String()] = true
		about[casework.VerdictTopic+" "+reference] = true
		about["reference "+reference] = true
		about["collection "+strconv.FormatUint(uint64(x.Hit.Collection), 10)] = true
	}
	return about
}

// subjectOf is what a change is about.
func subjectOf(c hashindex.Change) string {
	switch {
	case c.Kind.OfCollection():
		return "collection " + strconv.FormatUint(uint64(c.Collection.ID), 10)
	case c.Kind.OfReference():
		return "reference " + strconv.FormatUint(uint64(c.Reference.ID), 10)
	}
	return c.Note.Topic + " " + c.Note.Subject
}

package api

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/overlay"
	"touchstone/casework"
	"touchstone/casework/pack"
	"touchstone/hashindex"
)

// packTime is how long making a pack may take: it decodes every picture once more.
const packTime = 60 * time.Second

func (s *Server) packHit(c echo.Context) error {
	id, err := numberedPath(c, hitMissing)
	if err != nil {
		return err
	}
	return s.sendPack(c, fmt.Sprintf("hit-%d.zip", id), func(ctx context.Context, b *pack.Builder) ([]byte, error) {
		made, err := b.Hit(ctx, actor(c), visible(c), casework.HitID(id))
		return made, aboutHit(err)
	})
}

func (s *Server) packNotice(c echo.Context) error {
	id, err := numberedPath(c, noticeMissing)
	if err != nil {
		return err
	}
	return s.sendPack(c, fmt.Sprintf("notice-%d.zip", id), func(ctx context.Context, b *pack.Builder) ([]byte, error) {
		made, err := b.Notice(ctx, actor(c), visible(c), casework.NoticeID(id))
		return made, aboutNotice(err)
	})
}

// sendPack makes one pack at a time: each may hold a quarter of a gigabyte.
func (s *Server) sendPack(c echo.Context, name string, make func(context.Context, *pack.Builder) ([]byte, error)) error {
	ctx := c.Request().Context()
	bodyOf(c.Request()).clock.extend(packTime)
	stepOut(c) // its pictures take their places one by one
	select {
	case s.packing <- struct{}{}:
		defer func() { <-s.packing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	made, err := make(ctx, &pack.Builder{
		Desk: s.desk, Index: s.index, Codec: s.config.History, Maker: slotted{s}, Draw: s.drawEvidence,
		Version: s.config.Version, Now: s.config.Now,
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	return c.Blob(200, "application/zip", made)
}

// slotted makes fingerprints as one of the workers does.
type slotted struct{ *Server }

func (s slotted) Detailed(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	leave, err := s.takePlace(ctx, false)
	if err != nil {
		return hashindex.Picture{}, err
	}
	defer leave()
	return s.decode(ctx, encoded, s.config.Fingerprint.Detailed)
}

// drawEvidence lays the reference over the query as the evidence says.
func (s *Server) drawEvidence(ctx context.Context, reference, query []byte, e hashindex.Evidence) ([]byte, error) {
	leave, err := s.takePlace(ctx, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	known, err := s.config.Fingerprint.Still(ctx, reference)
	if err != nil {
		return nil, err
	}
	asked, err := s.config.Fingerprint.Still(ctx, query)
	if err != nil {
		return nil, err
	}
	laid := e.Alignment.Alignment
	if e.Alignment.IsZero() {
		laid = e.Transform.Alignment()
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, overlay.Draw(overlay.Fit(known, hashindex.Features{}), overlay.Fit(asked, hashindex.Features{}), laid))
	return out.Bytes(), err
}

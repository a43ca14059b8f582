package api

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"unsafe"

	"github.com/labstack/echo/v4"

	"touchstone/api/gate"
	"touchstone/hashindex"
)

// picture is one picture of a request.
type picture struct {
	hashindex.Picture
	encoded []byte // nil unless it is kept
}

// gathering decodes the pictures of one request as they arrive, in parallel as far as the server
// has workers to spare.
type gathering struct {
	server *Server
	ctx    context.Context
	cancel context.CancelFunc // once one picture is refused, the rest is not worth decoding
	keep   bool               // the encoded bytes
	detail bool               // make features
	stored bool               // make those that a reference keeps: a twentieth
	claim  *gate.Claim        // on memory, the request's

	decoding sync.WaitGroup
	mu       sync.Mutex // guards what follows
	pictures []*picture // in order of arrival; nil while it is decoded
	refused  *ofImage   // the first in that order
}

func (s *Server) gather(c echo.Context, want expected) *gathering {
	ctx, cancel := context.WithCancel(c.Request().Context())
	return &gathering{server: s, ctx: ctx, cancel: cancel, claim: bodyOf(c.Request()).claim, keep: want.keep, detail: want.detail, stored: want.stored}
}

// close waits for what is still being decoded.
func (g *gathering) close() {
	g.cancel()
	g.decoding.Wait()
}

// add takes the next picture, whose bytes the claim holds. It returns once a worker has it, so that a
// request reads no faster than its pictures are decoded.
func (g *gathering) add(encoded []byte) error {
	n := g.place()
	leave, err := g.server.takePlace(g.ctx, n == 0)
	if err != nil {
		return g.or(err)
	}
	g.decoding.Go(func() {
		defer leave()
		p, err := g.server.decode(g.ctx, encoded, g.maker())
		if err == nil {
			err = hold(g.claim, "bytes", featureBytes(p))
		}
		g.settle(n, encoded, p, err)
		if !g.keep {
			g.claim.Release(int64(len(encoded)))
		}
	})
	return nil
}

func (g *gathering) place() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pictures = append(g.pictures, nil)
	return len(g.pictures) - 1
}

// maker makes of a picture what is asked for.
func (g *gathering) maker() func(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	switch f := g.server.config.Fingerprint; {
	case g.stored:
		return f.Stored
	case g.detail:
		return f.Detailed
	default:
		return f.Picture
	}
}

// featureBytes is what the features of a picture take: half a megabyte for one that does not move.
func featureBytes(p hashindex.Picture) (n int64) {
	for _, f := range p.Frames {
		n += int64(len(f.Features.Luma.Pix)) + int64(len(f.Features.Keypoints))*int64(unsafe.Sizeof(hashindex.Keypoint{}))
	}
	return n
}

func (g *gathering) settle(n int, encoded []byte, p hashindex.Picture, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		g.pictures[n] = &picture{Picture: p}
		if g.keep {
			g.pictures[n].encoded = encoded
		}
		return
	}
	// A picture that was given up because another one was refused says nothing of itself.
	gaveUp := errors.Is(err, context.Canceled) && g.refused != nil
	if !gaveUp && (g.refused == nil || n < g.refused.n) {
		g.refused = &ofImage{err, n}
	}
	g.cancel()
}

// or is the refusal of a picture if there is one, as that is what ended the rest.
func (g *gathering) or(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused != nil {
		return g.refused
	}
	return err
}

// wait is all pictures in the order of their arrival, or the first that was refused.
func (g *gathering) wait() ([]*picture, error) {
	g.decoding.Wait()
	return g.pictures, g.or(nil)
}

// decode has the picture's fingerprints made. A decoder that panics refused the picture in its own way:
// that must not end the process.
func (s *Server) decode(ctx context.Context, encoded []byte, fingerprint func(context.Context, []byte) (hashindex.Picture, error)) (p hashindex.Picture, err error) {
	begun := s.config.Now()
	s.metrics.decoding.Inc()
	defer func() {
		if value := recover(); value != nil {
			s.config.Log.Error("decoder panicked", "digest", hashindex.DigestOf(encoded), "panic", value, "stack", string(debug.Stack()))
			err = &hashindex.DecodeError{Reason: hashindex.CorruptImage, Detail: "the decoder gave the picture up"}
		}
		s.metrics.decoding.Dec()
		s.metrics.observeDecoding(p.Took, s.config.Now().Sub(begun), err)
	}()
	return fingerprint(ctx, encoded)
}

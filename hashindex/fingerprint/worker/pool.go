// Package worker decodes risky pictures in child processes: AVIF, HEIC, TIFF and whatever moves. A decoder
// that loops, eats memory or is taken over by a crafted picture is killed with its child, and the picture is
// refused; this process goes on.
//
// A Pool is a fingerprinter: common stills it decodes here, the others its children do, in the cell that
// package sandbox builds. The children are this binary, which must call Serve when its first argument is Verb.
package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/sandbox"
)

// Options say how a pool works. The zero value of a field stands for its default.
type Options struct {
	Maker  fingerprint.Options
	Size   int           // children at most; as many as processors, but no more than four
	Time   time.Duration // for one picture; 8 s
	Warm   time.Duration // for a child to compile the decoders of AVIF and HEIC; 60 s
	Wait   time.Duration // for a child to be free; 2 s
	Memory int64         // of one child, mapped, which is more than it fills; 2 GiB
	Log    *slog.Logger  // deaths; nothing by default
}

func (o Options) withDefaults() Options {
	o.Size = cmp.Or(o.Size, min(runtime.GOMAXPROCS(0), 4))
	o.Time = cmp.Or(o.Time, 8*time.Second)
	o.Warm = cmp.Or(o.Warm, time.Minute)
	o.Wait = cmp.Or(o.Wait, 2*time.Second)
	o.Memory = cmp.Or(o.Memory, 2<<30)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Pool makes fingerprints, with children for what is risky. A child is started when the first picture needs
// it, or by Warm, and stays. It may be used by many goroutines at once, until Close.
type Pool struct {
	options Options
	maker   *fingerprint.Maker
	orders  string

	ctx  context.Context // ends the children
	stop context.CancelFunc
	free chan *child // as many as Size; nil: one that is not started
	work sync.WaitGroup

	closing sync.Once

	mu          sync.Mutex // guards what follows
	confinement sandbox.Confinement
	stats       Stats
}

// New is a pool without children yet.
func New(o Options) *Pool {
	o = o.withDefaults()
	maker := fingerprint.NewWith(o.Maker)
	o.Maker = maker.Options()
	text, err := json.Marshal(orders{o.Maker, o.Memory})
	if err != nil {
		panic(err) // numbers only
	}
	p := &Pool{options: o, maker: maker, orders: string(text), free: make(chan *child, o.Size)}
	for range o.Size {
		p.free <- nil
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// Close ends the children and waits for them.
func (p *Pool) Close() error {
	p.closing.Do(func() {
		p.stop()
		p.work.Wait()
		for range p.options.Size {
			if c := <-p.free; c != nil {
				c.close()
			}
		}
	})
	return nil
}

// Limits are the fingerprinter's.
func (p *Pool) Limits() fingerprint.Limits { return p.maker.Limits() }

// Picture is fingerprint.Maker's, with every format.
func (p *Pool) Picture(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	picture, err := p.maker.Picture(ctx, encoded)
	if risky, ok := errors.AsType[*fingerprint.RiskyError](err); ok {
		return p.picture(ctx, askPicture, encoded, risky)
	}
	return picture, err
}

// Detailed is fingerprint.Maker's, with every format.
func (p *Pool) Detailed(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	picture, err := p.maker.Detailed(ctx, encoded)
	if risky, ok := errors.AsType[*fingerprint.RiskyError](err); ok {
		return p.picture(ctx, askDetailed, encoded, risky)
	}
	return picture, err
}

// Stored is fingerprint.Maker's, with every format.
func (p *Pool) Stored(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	picture, err := p.maker.Stored(ctx, encoded)
	if risky, ok := errors.AsType[*fingerprint.RiskyError](err); ok {
		picture, err = p.picture(ctx, askDetailed, encoded, risky)
		for i := range picture.Frames {
			if f := &picture.Frames[i].Features; !f.IsZero() {
				*f = f.Stored()
			}
		}
	}
	return picture, err
}

// Still is fingerprint.Maker's, with every format. A risky one is made smaller if its longer side is more
// than 2,048 pixels.
func (p *Pool) Still(ctx context.Context, encoded []byte) (*image.NRGBA, error) {
	still, err := p.maker.Still(ctx, encoded)
	risky, ok := errors.AsType[*fingerprint.RiskyError](err)
	if !ok {
		return still, err
	}
	err = p.ask(ctx, askStill, risky.Format, encoded, func(said kind, body []byte) (err error) {
		if said != saySmall {
			return errGarbled
		}
		still, err = parseStill(body)
		return err
	})
	return still, err
}

func (p *Pool) picture(ctx context.Context, asked kind, encoded []byte, risky *fingerprint.RiskyError) (hashindex.Picture, error) {
	begun := time.Now()
	picture := hashindex.Picture{Format: risky.Format, Width: risky.Width, Height: risky.Height, Content: hashindex.DigestOf(encoded)}
	err := p.ask(ctx, asked, risky.Format, encoded, func(said kind, body []byte) (err error) {
		if said != sayFrames {
			return errGarbled
		}
		picture.Took, picture.Frames, err = parseFrames(body, fingerprint.Recipe, risky.Frames)
		return err
	})
	if err != nil {
		return hashindex.Picture{}, err
	}
	for i := range picture.Frames {
		if f := &picture.Frames[i].Features; !f.IsZero() {
			*f = p.maker.WithCloser(*f)
		}
	}
	picture.Took.Decode = max(0, time.Since(begun)-picture.Took.Hash-picture.Took.Features)
	return picture, nil
}

// ask has a child answer. What parse refuses, and the child's death, are a refusal of the picture. When ctx
// ends first, the child still comes to its end with the picture, or to that of its time: one that is killed
// has to be warmed again, and whoever goes away early must not cost more than who waits.
func (p *Pool) ask(ctx context.Context, asked kind, format string, encoded []byte, parse func(kind, []byte) error) error {
	c, err := p.take(ctx)
	if err != nil {
		return err
	}
	type result struct {
		said kind
		body []byte
		err  error
	}
	done := make(chan result, 1)
	p.work.Go(func() {
		finished := p.asked()
		c, said, body, err := p.exchange(c, asked, format, encoded)
		finished()
		p.free <- c
		done <- result{said, body, err}
	})
	select {
	case r := <-done:
		if r.err != nil {
			return r.err
		}
		return p.read(r.said, r.body, encoded, parse)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ErrBusy says that no child was free in time.
var ErrBusy = fmt.Errorf("all decoding workers are busy: %w", hashindex.ErrBusy)

// take waits for a free child, but not for long: a queue that grows helps nobody.
func (p *Pool) take(ctx context.Context) (*child, error) {
	if p.ctx.Err() != nil {
		return nil, hashindex.ErrClosed
	}
	patience := time.NewTimer(p.options.Wait)
	defer patience.Stop()
	select {
	case c := <-p.free:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.ctx.Done():
		return nil, hashindex.ErrClosed
	case <-patience.C:
		return nil, ErrBusy
	}
}

// exchange asks the child, or a new one. One that dies of a picture after others is given no blame for it
// yet: what those left behind may have filled its memory, so a fresh one is asked once more, unless time
// ran out. It returns the child that is to be kept.
func (p *Pool) exchange(c *child, asked kind, format string, encoded []byte) (kept *child, said kind, body []byte, err error) {
	for {
		fresh := c == nil
		if fresh {
			if c, err = p.start(); err != nil {
				return nil, 0, nil, err
			}
		}
		if err = c.warm(format, p.options.Warm); err == nil {
			said, body, err = c.exchange(asked, encoded, p.options.Time)
		}
		if err == nil {
			return c, said, body, nil
		}
		death := c.bury(err)
		c = nil
		if p.ctx.Err() != nil {
			return nil, 0, nil, hashindex.ErrClosed
		}
		p.died(causeOf(err))
		p.options.Log.Warn("a decoding worker died", "digest", hashindex.DigestOf(encoded), "bytes", len(encoded), "error", death)
		if fresh || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, 0, nil, undecodable(err)
		}
	}
}

func undecodable(err error) error {
	detail := "decoding it takes more than is allowed, or breaks the decoder"
	if errors.Is(err, os.ErrDeadlineExceeded) {
		detail = "decoding it takes too long"
	}
	return &hashindex.DecodeError{Reason: hashindex.UndecodableImage, Detail: detail}
}

// read is the answer's meaning.
func (p *Pool) read(said kind, body, encoded []byte, parse func(kind, []byte) error) (err error) {
	switch said {
	case sayRefused:
		err = parseRefusal(body)
	case sayOver:
		err = parseOver(body)
	default:
		err = parse(said, body)
	}
	if errors.Is(err, errGarbled) {
		p.options.Log.Warn("a decoding worker says what cannot be", "digest", hashindex.DigestOf(encoded), "error", err)
		return undecodable(err)
	}
	return err
}

// Warm starts all children and has them compile their decoders, so that no picture waits for that. It
// returns what holds for the last of them.
func (p *Pool) Warm(ctx context.Context) (sandbox.Confinement, error) {
	var failed error
	for range p.options.Size {
		select {
		case c := <-p.free:
			c, err := p.warmed(c)
			failed = errors.Join(failed, err)
			p.free <- c
		case <-ctx.Done():
			return sandbox.Confinement{}, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.confinement, failed
}

// warmed is the child, or a new one, with its decoders compiled.
func (p *Pool) warmed(c *child) (_ *child, err error) {
	if c == nil {
		if c, err = p.start(); err != nil {
			return nil, err
		}
	}
	if err := c.warm(compiled, p.options.Warm); err != nil {
		return nil, c.bury(err)
	}
	return c, nil
}

func (p *Pool) start() (*child, error) {
	c, err := startChild(p.ctx, p.orders, p.options)
	switch {
	case p.ctx.Err() != nil:
		if c != nil {
			c.close()
		}
		return nil, hashindex.ErrClosed
	case err != nil:
		p.died(DeadAtStart)
		p.options.Log.Error("a decoding worker does not start", "error", err)
		return nil, fmt.Errorf("a decoding worker does not start: %v: %w", err, hashindex.ErrBusy)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.confinement = c.Confinement
	p.stats.Starts++
	return c, nil
}

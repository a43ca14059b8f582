package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/gate"
	"touchstone/hashindex"
)

// errTimedOut is why the context of a request that took too long ended.
var errTimedOut = fail(timedOut, "the request took longer than the limit request_seconds")

// clock bounds a request in time: first the arrival of its body, then, from there on, the work.
type clock struct {
	timer *time.Timer
	work  time.Duration
}

// arrived starts the time for the work. It also gives a stream its time for the next chunk.
func (c *clock) arrived() { c.timer.Reset(c.work) }

// allow gives a request so much more time, for its body and the work together, if that is more than it has.
func (c *clock) allow(all time.Duration) {
	c.work = max(c.work, all)
	c.timer.Reset(c.work)
}

// extend gives a request that waits on purpose its time for the work after that.
func (c *clock) extend(wait time.Duration) { c.timer.Reset(wait + c.work) }

// timed ends the context of a request that takes too long.
func (s *Server) timed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		first := s.limits.Request
		if r.ContentLength != 0 {
			first += s.limits.Body
		}
		clock := &clock{time.AfterFunc(first, func() { cancel(errTimedOut) }), s.limits.Request}
		defer clock.timer.Stop()
		r = r.WithContext(ctx)
		incoming := &body{ReadCloser: r.Body, clock: clock, stopping: s.stopping, declared: r.ContentLength}
		defer incoming.giveBack()
		r.Body = incoming.within("body_bytes", s.limits.BodyBytes)
		c.SetRequest(r)
		return next(c)
	}
}

// body is a request's body within its limit, whose errors are failures with a kind.
type body struct {
	io.ReadCloser
	clock     *clock
	stopping  context.Context
	claim     *gate.Claim // on memory, once it is known who sends; nil before
	declared  int64       // by Content-Length
	ended     bool        // nothing more of it is of interest
	limit     string
	max, left int64
	sum       io.Writer // takes what is read; nil: nobody wants it
}

func bodyOf(r *http.Request) *body { return r.Body.(*body) }

// within gives the body another limit; 0 is none.
func (b *body) within(limit string, max int64) *body {
	b.limit, b.max, b.left = limit, max, max
	return b
}

func (b *body) Read(p []byte) (int, error) {
	if b.max > 0 && b.declared > b.max {
		return 0, &hashindex.LimitError{Limit: b.limit, Max: b.max, Got: b.declared}
	}
	// One byte more than is left tells a body that is over the limit from one that just fits.
	if b.max > 0 && int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.max > 0 && b.left < 0 {
		return 0, &hashindex.LimitError{Limit: b.limit, Max: b.max}
	}
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	if err == io.EOF {
		b.ended = true
		b.clock.arrived()
	}
	if b.max > 0 && n > 0 && b.claim != nil { // nobody keeps what comes without a limit
		if err := hold(b.claim, "bytes", int64(n)); err != nil {
			return 0, err
		}
	}
	return n, b.explain(err)
}

// parting is how long whoever is answered early may take to hear of it before the connection is closed.
const parting = time.Second

// part takes leave of a body that nobody is going to read, when the answer is on its way: package http
// would wait for the rest of it, which may never come.
func part(c echo.Context) {
	r := c.Request()
	if b, ok := r.Body.(*body); ok && (b.ended || b.max == 0) || r.ContentLength == 0 {
		return
	}
	c.Response().Header().Set("Connection", "close")
	http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Now().Add(parting)) // not in a process's own calls
	if giveWay, ok := r.Context().Value(partingKey{}).(func()); ok {
		giveWay()
	}
}

func (b *body) giveBack() {
	if b.claim != nil {
		b.claim.Close()
	}
}

func (b *body) explain(err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded) && b.stopping.Err() != nil:
		return errStopping
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fail(bodyTooSlow, "the body took longer to arrive than the limit body_seconds")
	case isConnection(err):
		return fail(clientGone, "the client went away")
	}
	return fail(bodyMalformed, "the body cannot be read: %v", err)
}

func isConnection(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok
}

var errStopping = fail(stopping, "the server is stopping")

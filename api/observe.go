package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// observe is the edge: it names the request, turns an error into a problem, counts, and writes the
// one line of the log. The line holds neither headers nor query strings, subjects nor bodies, which may
// hold secrets.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun, id := s.config.Now(), s.requestID(c)
		secure(c.Response().Header(), id)
		c.Response().Before(func() { part(c) })
		err := next(c)
		code := s.settle(c, err, id)
		took := s.config.Now().Sub(begun)
		s.metrics.observe(c, s.routeOf(c), code, took)
		s.logRequest(c, id, code, took, err)
		return nil
	}
}

// settle writes the problem that err is, if any, and returns its code.
func (s *Server) settle(c echo.Context, err error, id string) (code string) {
	if err == nil {
		return ""
	}
	err = explained(c, err)
	p := problemOf(err)
	p.RequestID = id
	if !c.Response().Committed {
		writeProblem(c, p, retryOf(err))
	}
	return p.Code
}

// explained gives echo's own errors, and the end of the request's time, their kinds.
func explained(c echo.Context, err error) error {
	if errors.Is(err, context.Canceled) && context.Cause(c.Request().Context()) == errTimedOut {
		return errTimedOut
	}
	he, ok := errors.AsType[*echo.HTTPError](err)
	switch {
	case ok && he.Code == http.StatusNotFound:
		return fail(routeNotFound, "no route %.200q", c.Request().URL.Path)
	case ok && he.Code == http.StatusMethodNotAllowed:
		return fail(methodNotAllowed, "%.20q is not allowed here; allowed: %s", c.Request().Method, c.Response().Header().Get("Allow"))
	}
	return err
}

// requestIDs lets a caller's own name for the request through when it cannot spoil a log.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (s *Server) requestID(c echo.Context) string {
	if id := c.Request().Header.Get(echo.HeaderXRequestID); requestIDs.MatchString(id) {
		return id
	}
	return s.config.RequestID()
}

func secure(header http.Header, id string) {
	header.Set(echo.HeaderXRequestID, id)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
}

func (s *Server) logRequest(c echo.Context, id, code string, took time.Duration, err error) {
	r, w := c.Request(), c.Response()
	level := slog.LevelInfo
	line := []slog.Attr{
		slog.String("request_id", id), slog.String("method", methodOf(c)), slog.String("route", s.routeOf(c)),
		slog.Int("status", w.Status), slog.Int64("bytes", w.Size),
		slog.Duration("took", took), slog.String("peer", c.RealIP()),
	}
	if c.Path() != "" && s.routeOf(c) != noRoute { // which alone says what of the path is a name
		line = append(line, slog.String("path", r.URL.Path))
	}
	if key := callerOf(c).id; key != "" {
		line = append(line, slog.String("key", key))
	}
	if code != "" {
		line = append(line, slog.String("code", code))
	}
	if code == internalError.code || code == storageDamaged.code || code == storageFailed.code || code == storageFull.code {
		level = slog.LevelError
		line = append(line, slog.Any("err", err))
	}
	s.config.Log.LogAttrs(r.Context(), level, "request", line...)
}

// panicked is a panic as an error; its stack is for the log.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				err = &panicked{p, debug.Stack()}
			}
		}()
		return next(c)
	}
}

// guard refuses what no route takes: requests that a page of another site makes a browser send, and
// compressed bodies.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if err := s.origins.Check(r); err != nil {
			return fail(crossOrigin, "%v", err)
		}
		if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
			return fail(encodedBody, "Content-Encoding %.40q: send the body as it is", e)
		}
		return next(c)
	}
}

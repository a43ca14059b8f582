package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/labstack/echo/v4"

	"touchstone/api/idempotency"
	"touchstone/hashindex"
)

// attempt is a request with an Idempotency-Key under way.
type attempt struct {
	*idempotency.Attempt
	sum  *idempotency.Sum // of what it asks for, as it is read
	kept idempotency.Answer
}

const attemptKey = "attempt"

// attemptOf is nil for a request without a key.
func attemptOf(c echo.Context) *attempt {
	a, _ := c.Get(attemptKey).(*attempt)
	return a
}

// once is around every handler of a POST that writes: under one Idempotency-Key it has its effect once, however
// often it is sent. The handler passes keep to the write and answers through answerOnce; requests that were
// refused changed nothing, and are not remembered.
func (s *Server) once(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		key := r.Header.Get("Idempotency-Key")
		if key == "" {
			return next(c)
		}
		begun, err := s.repeats.Begin(r.Context(), actor(c), key)
		if errors.Is(err, idempotency.ErrBusy) {
			s.metrics.repeats.WithLabelValues(underWay).Inc()
		}
		if err != nil {
			return aboutAttempt(err)
		}
		defer begun.End()
		a := &attempt{Attempt: begun, sum: idempotency.NewSum(r.Method, r.URL.Path, r.URL.Query().Encode(), mediaType(c))}
		if !inParts(c) {
			bodyOf(r).sum = a.sum
		}
		if a.Repeated() {
			return s.answerAgain(c, a)
		}
		s.metrics.repeats.WithLabelValues(firstTime).Inc()
		c.Set(attemptKey, a)
		return aboutAttempt(next(c))
	}
}

func inParts(c echo.Context) bool { return mediaType(c) == "multipart/form-data" }

func aboutAttempt(err error) error {
	switch {
	case errors.Is(err, idempotency.ErrBusy):
		return fail(keyBusy, "the first request with this Idempotency-Key is not answered yet")
	case errors.Is(err, idempotency.ErrOther):
		return fail(keyReused, "an earlier request with this Idempotency-Key asked for something else")
	}
	return err
}

// answerAgain reads the body only to know that it is the same.
func (s *Server) answerAgain(c echo.Context, a *attempt) error {
	read := drain
	if inParts(c) {
		read = a.drainParts
	}
	if err := read(c); err != nil {
		return err
	}
	answer, err := a.Answer(a.sum.Digest())
	if err != nil {
		s.metrics.repeats.WithLabelValues(somethingElse).Inc()
		return aboutAttempt(err)
	}
	s.metrics.repeats.WithLabelValues(answeredAgain).Inc()
	c.Response().Header().Set("Idempotent-Replayed", "true")
	return write(c, answer)
}

// drain reads a body for its sum alone.
func drain(c echo.Context) error {
	_, err := io.Copy(io.Discard, c.Request().Body)
	return err
}

func (a *attempt) drainParts(c echo.Context) error {
	return eachPart(c, func(name string, content io.Reader) error {
		_, err := io.Copy(io.Discard, a.sum.Part(name, content))
		return err
	})
}

// keep is what has the answer remembered in the transaction of the effect: nothing without a key. The location
// is that of what was made, or empty.
func (s *Server) keep(c echo.Context, status int, location string, answer func([]hashindex.Change) any) []hashindex.Also {
	a := attemptOf(c)
	if a == nil {
		return nil
	}
	return []hashindex.Also{a.Keep(a.sum.Digest(), func(appended []hashindex.Change) (_ idempotency.Answer, err error) {
		a.kept, err = answered(status, location, answer(appended))
		return a.kept, err
	})}
}

// keepMade is keep for what is told what was made. The answer is given the Seq of what was written.
func keepMade[T any](c echo.Context, status int, location func(T) string, answer func(T, hashindex.Seq) any) []hashindex.Along[T] {
	a := attemptOf(c)
	if a == nil {
		return nil
	}
	asked := a.sum.Digest()
	return []hashindex.Along[T]{func(w hashindex.Writer, made T) error {
		seq, _ := w.Head()
		return a.Keep(asked, func([]hashindex.Change) (_ idempotency.Answer, err error) {
			a.kept, err = answered(status, location(made), answer(made, seq))
			return a.kept, err
		})(w, nil)
	}}
}

// nowhere is the location of what was not made but moved.
func nowhere[T any](T) string { return "" }

func answered(status int, location string, answer any) (idempotency.Answer, error) {
	body, err := json.Marshal(answer)
	return idempotency.Answer{Status: status, Location: location, Body: append(body, '\n')}, err
}

// answerOnce is the answer of a request that has had its effect. Where it says more than what was kept, it is
// remembered first: nobody is told what would not be said again.
func (s *Server) answerOnce(c echo.Context, status int, location string, answer any) error {
	full, err := answered(status, location, answer)
	if err != nil {
		return err
	}
	if a := attemptOf(c); a != nil && !bytes.Equal(full.Body, a.kept.Body) {
		if err := a.Complete(context.WithoutCancel(c.Request().Context()), a.sum.Digest(), full); err != nil {
			s.config.Log.Warn("only a part of the answer will be said again", "err", err)
		}
	}
	return write(c, full)
}

func write(c echo.Context, a idempotency.Answer) error {
	if a.Location != "" {
		c.Response().Header().Set("Location", a.Location)
	}
	return c.JSONBlob(a.Status, a.Body)
}

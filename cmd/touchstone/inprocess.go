package main

import (
	"io"
	"net/http"
	"sync"
)

// inProcess is a transport that calls the handler directly: no socket, and bodies stream both ways.
// So a verb on a data folder takes the very path that a request to a server takes.
type inProcess struct {
	handler http.Handler
	calls   sync.WaitGroup // handlers at work
}

// RoundTrip implements http.RoundTripper. It returns once the handler has answered with a status;
// the handler goes on writing while the body is read.
func (p *inProcess) RoundTrip(request *http.Request) (*http.Response, error) {
	request = asServed(request)
	body, pipe := io.Pipe()
	answer := &answerWriter{header: http.Header{}, pipe: pipe, started: make(chan struct{})}
	p.calls.Go(func() {
		defer answer.finish()
		defer request.Body.Close()
		p.handler.ServeHTTP(answer, request)
	})
	select {
	case <-answer.started:
	case <-request.Context().Done():
		body.Close() // the handler's writes fail from here on
		return nil, request.Context().Err()
	}
	return &http.Response{
		Status: http.StatusText(answer.status), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.sent, Body: body, ContentLength: -1, Request: request,
	}, nil
}

// asServed is the request as a server would see it.
func asServed(request *http.Request) *http.Request {
	served := request.Clone(request.Context())
	served.RequestURI = request.URL.RequestURI()
	served.Host = request.URL.Host
	served.RemoteAddr = "127.0.0.1:0"
	if served.Body == nil {
		served.Body = http.NoBody
	}
	return served
}

// wait returns once no handler is at work.
func (p *inProcess) wait() { p.calls.Wait() }

// answerWriter is the http.ResponseWriter of one call. The handler's goroutine alone uses it, but
// for status and sent, which are read after started is closed.
type answerWriter struct {
	header, sent http.Header
	status       int
	started      chan struct{}
	pipe         *io.PipeWriter
}

func (w *answerWriter) Header() http.Header { return w.header }

func (w *answerWriter) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	close(w.started)
}

func (w *answerWriter) Write(part []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(part)
}

// Flush implements http.Flusher: nothing is held back.
func (w *answerWriter) Flush() { w.WriteHeader(http.StatusOK) }

// finish ends the answer. A handler that panics to abort it, as package http lets it do, leaves a
// body that breaks off.
func (w *answerWriter) finish() {
	if cause := recover(); cause != nil {
		if cause != http.ErrAbortHandler {
			panic(cause)
		}
		w.WriteHeader(http.StatusInternalServerError)
		w.pipe.CloseWithError(io.ErrUnexpectedEOF)
		return
	}
	w.WriteHeader(http.StatusOK)
	w.pipe.Close()
}

// Package client talks to a touchstone server. The command line, the demo and the benchmarks use
// nothing else.
//
//	c := client.New("http://127.0.0.1:8080", nil)
//	answer, err := c.Match(ctx, []client.Image{{Content: jpeg}}, client.MatchOptions{})
//
// A server that refuses is a *Problem; one that cannot be reached is ErrUnreachable. Calls that
// change nothing are tried again while the server starts or is busy, the others only under a name
// (see Client.Once): what became of one that failed is for the caller to find out.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrUnreachable means that no answer came: the server is not running, or not there.
var ErrUnreachable = errors.New("server not reached")

// Client is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
	key  string
	once string // Idempotency-Key of what writes; empty: none
}

// New returns a client of the server at that address, such as "http://127.0.0.1:8080". With a nil
// httpClient it has connections of its own, as many as calls are made at once.
func New(base string, httpClient *http.Client) *Client {
	if httpClient == nil {
		httpClient = &http.Client{Transport: newTransport()}
	}
	return &Client{base: strings.TrimSuffix(base, "/"), http: httpClient}
}

// WithKey is the same client with a key: the token that was shown when the key was made.
func (c *Client) WithKey(token string) *Client {
	with := *c
	with.key = token
	return &with
}

// Once is the same client for one call that writes. It names the call so that the server carries it out once however
// often it is sent, and the client sends it again where it would send one that changes nothing. The name is the
// caller's, such as a UUID; a call for something else under it is refused.
func (c *Client) Once(name string) *Client {
	with := *c
	with.once = name
	return &with
}

func newTransport() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 256               // the default of 2 would open one for each call
	transport.ResponseHeaderTimeout = 2 * time.Minute // longer than any request may take
	return transport
}

// call is one request, which can be sent more than once when it is repeatable.
type call struct {
	method, path string
	query        url.Values
	body         body // zero: none
	repeatable   bool // it changes nothing
}

const (
	attempts   = 5
	firstDelay = 100 * time.Millisecond
	maxDelay   = 5 * time.Second // whoever is told to wait longer is told so
)

// do sends the call and decodes the answer into result, unless that is nil.
func (c *Client) do(ctx context.Context, call call, result any) error {
	response, err := c.send(ctx, call)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if result == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(result); err != nil {
		return fmt.Errorf("answer of %s %s: %w", call.method, call.path, err)
	}
	return nil
}

// send returns the first answer that is no error. The caller closes its body.
func (c *Client) send(ctx context.Context, call call) (*http.Response, error) {
	delay := firstDelay
	for attempt := 1; ; attempt++ {
		response, err := c.sendOnce(ctx, call)
		if err == nil || !c.repeats(call) || attempt == attempts || !passing(err) {
			return response, err
		}
		wait := delay
		if problem, ok := errors.AsType[*Problem](err); ok {
			wait = max(wait, problem.RetryAfter)
		}
		if sleep(ctx, wait) != nil {
			return nil, err
		}
		delay *= 2
	}
}

// named reports whether the call goes under the client's name for it.
func (c *Client) named(call call) bool {
	return c.once != "" && call.method == http.MethodPost && !call.repeatable
}

func (c *Client) repeats(call call) bool {
	return call.repeatable || c.named(call) && call.body.stream == nil
}

// passing reports whether the error may be gone in a moment: the server said when to come back, or
// nobody listens yet.
func passing(err error) bool {
	if problem, ok := errors.AsType[*Problem](err); ok {
		return problem.Status == http.StatusServiceUnavailable && problem.RetryAfter > 0 && problem.RetryAfter <= maxDelay
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) sendOnce(ctx context.Context, call call) (*http.Response, error) {
	request, err := c.request(ctx, call)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %w", c.base, ErrUnreachable, cause(err))
	case response.StatusCode >= 300:
		defer response.Body.Close()
		return nil, readProblem(response)
	}
	return response, nil
}

func (c *Client) request(ctx context.Context, call call) (*http.Request, error) {
	address := c.base + call.path
	if len(call.query) > 0 {
		address += "?" + call.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, call.method, address, call.body.reader())
	if err != nil {
		return nil, err
	}
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.named(call) {
		request.Header.Set("Idempotency-Key", c.once)
	}
	if call.body.contentType != "" {
		request.Header.Set("Content-Type", call.body.contentType)
		request.ContentLength = call.body.length
	}
	return request, nil
}

// cause is the error without the method and address that package http puts before it.
func cause(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// readImage bounds what it takes in: no server of ours keeps a larger picture.
func readImage(response *http.Response) ([]byte, error) {
	const most = 64 << 20
	content, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err == nil && len(content) > most {
		err = fmt.Errorf("image of more than %d bytes", most)
	}
	return content, err
}

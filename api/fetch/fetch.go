package fetch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"touchstone/hashindex"
)

// The errors say who can mend it. What they wrap is fit to be shown to whoever named the URL: of
// addresses that a name has it says no more than that one of them may not be reached.
var (
	ErrRefused = errors.New("the URL may not be fetched")       // nobody, but the operator
	ErrFailed  = errors.New("the URL answers with no document") // whoever runs what it names
)

// Config bounds what is fetched. The zero value of a field stands for its default.
type Config struct {
	Ports   []uint16       // that may be dialled; 80 and 443
	Allowed []netip.Prefix // networks that may be reached though they are not public; none

	Bytes     int64         // of a document; 20 MiB
	Time      time.Duration // for one URL with its redirects; 5 s
	Redirects int           // followed for one URL; 3
	AtOnce    int           // fetched at once, the rest waits; 16

	// Resolve is the addresses of a name that ends with a dot; net.DefaultResolver by default.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
}

func (c Config) withDefaults() Config {
	if c.Ports == nil {
		c.Ports = []uint16{80, 443}
	}
	c.Bytes = cmp.Or(c.Bytes, 20<<20)
	c.Time = cmp.Or(c.Time, 5*time.Second)
	c.Redirects = cmp.Or(c.Redirects, 3)
	c.AtOnce = cmp.Or(c.AtOnce, 16)
	if c.Resolve == nil {
		c.Resolve = resolve
	}
	return c
}

// Fetcher fetches. Its methods are safe for concurrent use.
type Fetcher struct {
	config Config
	client *http.Client
	slots  chan struct{}
}

// New is a Fetcher that holds no connection between two calls: each one is judged anew.
func New(config Config) *Fetcher {
	config = config.withDefaults()
	return &Fetcher{
		config: config,
		slots:  make(chan struct{}, config.AtOnce),
		client: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:                  nil, // or the address judged is not the one reached
				DialContext:            newDialer(config).dial,
				DisableKeepAlives:      true,
				DisableCompression:     true, // a small answer must not become a large document
				MaxResponseHeaderBytes: 32 << 10,
			},
		},
	}
}

// Limits are the bounds by the names that problems give them.
func (f *Fetcher) Limits() map[string]int64 {
	return map[string]int64{
		"fetch_seconds": int64(f.config.Time.Seconds()), "fetch_redirects": int64(f.config.Redirects),
		"fetch_bytes": f.config.Bytes, "fetch_at_once": int64(f.config.AtOnce),
	}
}

// Check refuses a URL that its text alone forbids, as Get and Post do.
func (f *Fetcher) Check(address string) error {
	_, err := parse(address)
	return err
}

// Get is the document at the URL. What the answer says of its type is not asked. ErrRefused,
// ErrFailed, a *hashindex.LimitError for a document that is too long, or the error of ctx.
func (f *Fetcher) Get(ctx context.Context, address string) (document []byte, err error) {
	d, err := f.Part(ctx, address, Span{})
	return d.Bytes, err
}

// Span is a part of a document: so many bytes from there on. The zero Span is all of it.
type Span struct{ From, Length int64 }

// Document is what was at the URL that the last redirect led to.
type Document struct {
	Bytes []byte
	URL   string
}

// Part is Get for a part of the document, which breaks off where the document does.
func (f *Fetcher) Part(ctx context.Context, address string, part Span) (document Document, err error) {
	if part.From < 0 || part.Length < 0 {
		return Document{}, refuse("a part of it begins or ends before it does")
	}
	if part.Length > f.config.Bytes {
		return Document{}, &hashindex.LimitError{Limit: "fetch_bytes", Max: f.config.Bytes, Got: part.Length}
	}
	err = f.within(ctx, func(ctx context.Context) error {
		document, err = f.follow(ctx, address, part)
		return err
	})
	return document, err
}

// Post sends the body to the URL and is the status and the header of the answer, whose own body is not kept.
// A redirect is not followed: its status comes back.
func (f *Fetcher) Post(ctx context.Context, address string, header http.Header, body []byte) (status int, answered http.Header, err error) {
	err = f.within(ctx, func(ctx context.Context) error {
		u, err := parse(address)
		if err != nil {
			return err
		}
		response, err := f.send(ctx, http.MethodPost, u, header, body)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the peer is not cut off; what it says is its own
		status, answered = response.StatusCode, response.Header
		return nil
	})
	return status, answered, err
}

// within runs do in its turn and its time.
func (f *Fetcher) within(ctx context.Context, do func(context.Context) error) error {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	bounded, cancel := context.WithTimeout(ctx, f.config.Time)
	defer cancel()
	err := do(bounded)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return fmt.Errorf("%w: no answer within the limit fetch_seconds", ErrFailed)
	}
	return err
}

// follow goes from redirect to redirect, each judged as the first URL was.
func (f *Fetcher) follow(ctx context.Context, address string, part Span) (Document, error) {
	u, err := parse(address)
	for hops := 0; ; hops++ {
		if err != nil {
			return Document{}, err
		}
		response, err := f.send(ctx, http.MethodGet, u, part.header(), nil)
		if err != nil {
			return Document{}, err
		}
		location := response.Header.Get("Location")
		if !isRedirect(response.StatusCode) || location == "" {
			document, err := f.document(ctx, response, part)
			return Document{document, u.String()}, err
		}
		response.Body.Close()
		if hops == f.config.Redirects {
			return Document{}, fmt.Errorf("%w: more than %d redirects", ErrFailed, f.config.Redirects)
		}
		if u, err = next(u, location); err != nil {
			return Document{}, err
		}
	}
}

// header asks for the part; nil for all of a document.
func (s Span) header() http.Header {
	if s == (Span{}) {
		return nil
	}
	return http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", s.From, s.From+s.Length-1)}}
}

func isRedirect(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

func next(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%w: its redirect is no URL", ErrFailed)
	}
	return parse(to.String())
}

func (f *Fetcher) send(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: it is no URL", ErrRefused)
	}
	if header != nil {
		request.Header = header.Clone()
	}
	request.Header.Set("User-Agent", "touchstone")
	response, err := f.client.Do(request)
	switch {
	case err == nil:
		return response, nil
	case errors.Is(err, ErrRefused):
		return nil, fmt.Errorf("%w: its host has an address that is not public, or a port that is not allowed", ErrRefused)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("%w: no HTTP answer from %.80s", ErrFailed, u.Host)
}

// document reads the part, which not every server takes out of the document by itself.
func (f *Fetcher) document(ctx context.Context, response *http.Response, part Span) ([]byte, error) {
	defer response.Body.Close()
	most := f.config.Bytes
	switch {
	case response.StatusCode == http.StatusOK && part != (Span{}):
		if part.From > most {
			return nil, &hashindex.LimitError{Limit: "fetch_bytes", Max: most, Got: part.From}
		}
		io.CopyN(io.Discard, response.Body, part.From) // whatever is wrong with it, the next read says as well
		most = part.Length
	case response.StatusCode == http.StatusOK:
	case response.StatusCode == http.StatusPartialContent && part != (Span{}):
		if from := fmt.Sprintf("bytes %d-", part.From); !strings.HasPrefix(response.Header.Get("Content-Range"), from) {
			return nil, fmt.Errorf("%w: another part of it than was asked for", ErrFailed)
		}
		most = part.Length
	default:
		return nil, fmt.Errorf("%w: status %d", ErrFailed, response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case int64(len(document)) > most && part != (Span{}):
		return document[:most], nil
	case int64(len(document)) > most:
		return nil, &hashindex.LimitError{Limit: "fetch_bytes", Max: most}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: the document breaks off", ErrFailed)
	}
	return document, nil
}

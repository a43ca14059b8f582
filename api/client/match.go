package client

import (
	"cmp"
	"context"
	"io"
	"net/url"
	"strconv"

	"touchstone/api/wire"
)

// MatchOptions narrow a search. The zero value asks for what the server does by default.
type MatchOptions struct {
	Effort      string   // "fast" or "full"
	Limit       int      // matches for each picture
	Collections []string // none: all
	Radius      *int     // bits; nil: each collection's own

	// Subject is what the pictures are about: JSON of wire.Subject, or a listing's id. With one, matches
	// are recorded as hits.
	Subject string
}

func (o MatchOptions) query() url.Values {
	query := url.Values{}
	if o.Effort != "" {
		query.Set("effort", o.Effort)
	}
	if o.Limit != 0 {
		query.Set("limit", strconv.Itoa(o.Limit))
	}
	if o.Radius != nil {
		query.Set("radius", strconv.Itoa(*o.Radius))
	}
	for _, name := range o.Collections {
		query.Add("collections", name)
	}
	return query
}

// Match asks which references the pictures copy: one result a picture, in their order.
func (c *Client) Match(ctx context.Context, images []Image, options MatchOptions) (answer wire.MatchAnswer, err error) {
	match := call{method: "POST", path: "/v1/match", query: options.query(), body: imagesBody(images), repeatable: true}
	if options.Subject != "" {
		match.body = imagesForm(images, [2]string{"subject", options.Subject})
	}
	return answer, c.do(ctx, match, &answer)
}

// MatchHashes asks for the neighbours of bare hashes: one result a hash, in their order.
func (c *Client) MatchHashes(ctx context.Context, asked wire.MatchHashRequest) (answer wire.MatchHashAnswer, err error) {
	body, err := jsonBody(asked)
	if err != nil {
		return answer, err
	}
	return answer, c.do(ctx, call{method: "POST", path: "/v1/match/hash", body: body, repeatable: true}, &answer)
}

// Pair is what to compare: two pictures, or a registered reference and one.
type Pair struct {
	Reference string // id; empty: the first of Images
	Images    []Image
}

func (p Pair) call(path string) call {
	query := url.Values{}
	if p.Reference != "" {
		query.Set("reference", p.Reference)
	}
	return call{method: "POST", path: path, query: query, body: imagesForm(p.Images), repeatable: true}
}

// Compare says why two pictures match or not.
func (c *Client) Compare(ctx context.Context, pair Pair) (answer wire.CompareAnswer, err error) {
	return answer, c.do(ctx, pair.call("/v1/compare"), &answer)
}

// Overlay is a PNG of the two pictures laid over each other.
func (c *Client) Overlay(ctx context.Context, pair Pair) ([]byte, error) {
	response, err := c.send(ctx, pair.call("/v1/compare/overlay"))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// Hash is what the server's recipe makes of the pictures: one result a picture, in their order.
func (c *Client) Hash(ctx context.Context, images []Image) (answer wire.HashAnswer, err error) {
	hash := call{method: "POST", path: "/v1/hash", body: imagesBody(images), repeatable: true}
	return answer, c.do(ctx, hash, &answer)
}

// imagesBody sends one picture as it is and several as a form. The server tells the format by the
// content, whatever the header says.
func imagesBody(images []Image) body {
	if len(images) == 1 {
		return bytesBody("application/octet-stream", images[0].Content)
	}
	return imagesForm(images)
}

func imagesForm(images []Image, fields ...[2]string) body {
	f := newForm()
	for _, field := range fields {
		f.field(field[0], field[1])
	}
	for _, image := range images {
		f.file("image", cmp.Or(image.Name, "image"), image.Content)
	}
	return f.body()
}

// Drive posts a body made before, reads the whole answer and counts its bytes: for whoever measures a
// server, where making the one and decoding the other would be most of the work.
func (c *Client) Drive(ctx context.Context, path, contentType string, content []byte) (int64, error) {
	response, err := c.send(ctx, call{method: "POST", path: path, body: bytesBody(contentType, content)})
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return io.Copy(io.Discard, response.Body)
}

package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"

	"touchstone/api/wire"
)

func streamPath(id string) string { return "/v1/streams/" + url.PathEscape(id) }

// OpenStream begins a stream.
func (c *Client) OpenStream(ctx context.Context, n wire.NewStream) (wire.Stream, error) {
	return sent[wire.Stream](ctx, c, "POST", "/v1/streams", n)
}

// FeedStream hands the stream its next frames.
func (c *Client) FeedStream(ctx context.Context, id string, frames []wire.StreamFrame) (wire.FedFrames, error) {
	return sent[wire.FedFrames](ctx, c, "POST", streamPath(id)+"/frames", wire.StreamFrames{Frames: frames})
}

// EndStream ends the stream, and with it the segments that are open.
func (c *Client) EndStream(ctx context.Context, id string) (ended wire.Stream, err error) {
	return ended, c.do(ctx, call{method: "DELETE", path: streamPath(id)}, &ended)
}

// StreamSegments are the stream's segments from that number on, those that are over and those that are open.
func (c *Client) StreamSegments(ctx context.Context, id string, from int) iter.Seq2[wire.StreamSegment, error] {
	return func(yield func(wire.StreamSegment, error) bool) {
		for after := max(from-1, 0); ; {
			var page wire.StreamSegments
			query := url.Values{"after": {strconv.Itoa(after)}}
			err := c.do(ctx, call{method: "GET", path: streamPath(id) + "/segments", query: query, repeatable: true}, &page)
			if err != nil {
				yield(wire.StreamSegment{}, err)
				return
			}
			for _, s := range page.Segments {
				if !yield(s, nil) {
					return
				}
			}
			if after = page.Next; after == 0 {
				return
			}
		}
	}
}

package client

import (
	"context"
	"io"
	"iter"
	"net/url"
	"strconv"

	"touchstone/api/wire"
)

// Stats says what the server holds.
func (c *Client) Stats(ctx context.Context) (stats wire.Stats, err error) {
	return stats, c.do(ctx, call{method: "GET", path: "/v1/stats", repeatable: true}, &stats)
}

// Limits are the server's limits by name, as problems name them.
func (c *Client) Limits(ctx context.Context) (map[string]int64, error) {
	var limits wire.Limits
	err := c.do(ctx, call{method: "GET", path: "/v1/limits", repeatable: true}, &limits)
	return limits.Limits, err
}

// Changes are at most limit changes of the history after that one, in order; limit 0 leaves their
// number to the server.
func (c *Client) Changes(ctx context.Context, after uint64, limit int) (page wire.Changes, err error) {
	query := url.Values{"after": {strconv.FormatUint(after, 10)}}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return page, c.do(ctx, call{method: "GET", path: "/v1/changes", query: query, repeatable: true}, &page)
}

// AllChanges yields the history after that change, up to its end at the time. An error ends it.
func (c *Client) AllChanges(ctx context.Context, after uint64) iter.Seq2[wire.Change, error] {
	return func(yield func(wire.Change, error) bool) {
		for {
			page, err := c.Changes(ctx, after, pageSize)
			if err != nil {
				yield(wire.Change{}, err)
				return
			}
			for _, change := range page.Changes {
				if !yield(change, nil) {
					return
				}
			}
			if page.Next <= after || page.Next >= page.Seq { // a page may be empty before the end
				return
			}
			after = page.Next
		}
	}
}

// Ready is nil once the server answers searches.
func (c *Client) Ready(ctx context.Context) error {
	return c.do(ctx, call{method: "GET", path: "/readyz", repeatable: true}, nil)
}

// Metrics are the server's metrics in the text format of Prometheus.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	response, err := c.send(ctx, call{method: "GET", path: "/metrics", repeatable: true})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// Backup is an archive of all that the server holds, as it comes. The caller closes it, and verifies it: one that
// breaks off ends like any other.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	response, err := c.send(ctx, call{method: "GET", path: "/v1/backup", repeatable: true})
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

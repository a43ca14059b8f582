package client

import (
	"context"
	"io"
	"net/url"
	"strconv"

	"touchstone/api/wire"
)

// AddNotice drafts a notice, and submits it if that is asked.
func (c *Client) AddNotice(ctx context.Context, n wire.NewNotice) (added wire.Notice, err error) {
	body, err := jsonBody(n)
	if err != nil {
		return added, err
	}
	return added, c.do(ctx, call{method: "POST", path: "/v1/notices", body: body}, &added)
}

// Notices lists notices of a holder or of a state; empty texts stand for all.
func (c *Client) Notices(ctx context.Context, holder, state, cursor string, limit int) (page wire.Notices, err error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	for name, value := range map[string]string{"holder": holder, "state": state, "cursor": cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return page, c.do(ctx, call{method: "GET", path: "/v1/notices", query: query, repeatable: true}, &page)
}

// Notice is the notice of that id.
func (c *Client) Notice(ctx context.Context, id string) (found wire.Notice, err error) {
	return found, c.do(ctx, call{method: "GET", path: "/v1/notices/" + url.PathEscape(id), repeatable: true}, &found)
}

// MoveNotice does what a party does with the notice, or what the operator decides.
func (c *Client) MoveNotice(ctx context.Context, id string, decision bool, order wire.NoticeOrder) (moved wire.Notice, err error) {
	body, err := jsonBody(order)
	if err != nil {
		return moved, err
	}
	path := "/v1/notices/" + url.PathEscape(id) + "/steps"
	if decision {
		path = "/v1/notices/" + url.PathEscape(id) + "/decisions"
	}
	return moved, c.do(ctx, call{method: "POST", path: path, body: body}, &moved)
}

// Pack is the evidence pack of a hit or a notice, by what it is: "hits" or "notices".
func (c *Client) Pack(ctx context.Context, what, id string) ([]byte, error) {
	response, err := c.send(ctx, call{method: "GET", path: "/v1/" + what + "/" + url.PathEscape(id) + "/pack", repeatable: true})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

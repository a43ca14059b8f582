package client

import (
	"context"
	"net/url"

	"touchstone/api/wire"
)

// CreateKey makes a key. The token is in the answer and nowhere else.
func (c *Client) CreateKey(ctx context.Context, n wire.NewKey) (created wire.CreatedKey, err error) {
	body, err := jsonBody(n)
	if err != nil {
		return created, err
	}
	return created, c.do(ctx, call{method: "POST", path: "/v1/keys", body: body}, &created)
}

// Keys lists every key in the order in which they were made.
func (c *Client) Keys(ctx context.Context) ([]wire.Key, error) {
	var list wire.Keys
	err := c.do(ctx, call{method: "GET", path: "/v1/keys", repeatable: true}, &list)
	return list.Keys, err
}

// RevokeKey ends the key at once.
func (c *Client) RevokeKey(ctx context.Context, id string) (removed wire.Removed, err error) {
	return removed, c.do(ctx, call{method: "DELETE", path: "/v1/keys/" + url.PathEscape(id)}, &removed)
}

package client

import (
	"context"
	"net/url"

	"touchstone/api/wire"
)

func collectionPath(name string) string { return "/v1/collections/" + url.PathEscape(name) }

// CreateCollection adds a collection.
func (c *Client) CreateCollection(ctx context.Context, n wire.NewCollection) (created wire.Collection, err error) {
	body, err := jsonBody(n)
	if err != nil {
		return created, err
	}
	return created, c.do(ctx, call{method: "POST", path: "/v1/collections", body: body}, &created)
}

// Collections lists every collection by name.
func (c *Client) Collections(ctx context.Context) ([]wire.Collection, error) {
	var list wire.Collections
	err := c.do(ctx, call{method: "GET", path: "/v1/collections", repeatable: true}, &list)
	return list.Collections, err
}

// Collection is the collection of that name.
func (c *Client) Collection(ctx context.Context, name string) (found wire.Collection, err error) {
	return found, c.do(ctx, call{method: "GET", path: collectionPath(name), repeatable: true}, &found)
}

// ChangeCollection changes what the patch holds.
func (c *Client) ChangeCollection(ctx context.Context, name string, patch wire.CollectionPatch) (changed wire.Collection, err error) {
	body, err := jsonBody(patch)
	if err != nil {
		return changed, err
	}
	return changed, c.do(ctx, call{method: "PATCH", path: collectionPath(name), body: body}, &changed)
}

// RemoveCollection removes the collection; one that holds references only when they may go too.
func (c *Client) RemoveCollection(ctx context.Context, name string, withReferences bool) (removed wire.Removed, err error) {
	remove := call{method: "DELETE", path: collectionPath(name)}
	if withReferences {
		remove.query = url.Values{"references": {"remove"}}
	}
	return removed, c.do(ctx, remove, &removed)
}

package client

import (
	"context"
	"iter"
	"net/url"

	"touchstone/api/wire"
)

// PutHolder records a holder, or changes its name and contact.
func (c *Client) PutHolder(ctx context.Context, id string, n wire.NewHolder) (wire.Holder, error) {
	return sent[wire.Holder](ctx, c, "PUT", "/v1/holders/"+url.PathEscape(id), n)
}

// AllHolders lists the holders by id.
func (c *Client) AllHolders(ctx context.Context) iter.Seq2[wire.Holder, error] {
	return all(ctx, c, "/v1/holders", nil, func(p wire.Holders) ([]wire.Holder, string) { return p.Holders, p.Next })
}

// AddRight records a right.
func (c *Client) AddRight(ctx context.Context, n wire.NewRight) (wire.Right, error) {
	return sent[wire.Right](ctx, c, "POST", "/v1/rights", n)
}

// ChangeRight changes what the patch holds.
func (c *Client) ChangeRight(ctx context.Context, id string, patch wire.RightPatch) (wire.Right, error) {
	return sent[wire.Right](ctx, c, "PATCH", "/v1/rights/"+url.PathEscape(id), patch)
}

// AllRights lists rights in the order in which they were recorded; the query is that of the route.
func (c *Client) AllRights(ctx context.Context, query url.Values) iter.Seq2[wire.Right, error] {
	return all(ctx, c, "/v1/rights", query, func(p wire.Rights) ([]wire.Right, string) { return p.Rights, p.Next })
}

// AddLicence lets a seller use what a right protects.
func (c *Client) AddLicence(ctx context.Context, n wire.NewLicence) (wire.Licence, error) {
	return sent[wire.Licence](ctx, c, "POST", "/v1/licences", n)
}

// AllLicences lists licences in the order in which they were granted; the query is that of the route.
func (c *Client) AllLicences(ctx context.Context, query url.Values) iter.Seq2[wire.Licence, error] {
	return all(ctx, c, "/v1/licences", query, func(p wire.Licences) ([]wire.Licence, string) { return p.Licences, p.Next })
}

// RevokeLicence takes a licence back.
func (c *Client) RevokeLicence(ctx context.Context, id string) (removed wire.Removed, err error) {
	return removed, c.do(ctx, call{method: "DELETE", path: "/v1/licences/" + url.PathEscape(id)}, &removed)
}

// ImportLicences grants those of a CSV list.
func (c *Client) ImportLicences(ctx context.Context, list []byte) (done wire.ImportedLicences, err error) {
	return done, c.do(ctx, call{method: "POST", path: "/v1/licences/import", body: bytesBody("text/csv", list)}, &done)
}

// AllHits lists hits, those that wait longest first; the query is that of the route.
func (c *Client) AllHits(ctx context.Context, query url.Values) iter.Seq2[wire.Hit, error] {
	return all(ctx, c, "/v1/hits", query, func(p wire.Hits) ([]wire.Hit, string) { return p.Hits, p.Next })
}

// Hit is the hit of that id.
func (c *Client) Hit(ctx context.Context, id string) (found wire.Hit, err error) {
	return found, c.do(ctx, call{method: "GET", path: "/v1/hits/" + url.PathEscape(id), repeatable: true}, &found)
}

// DecideHits carries out one order for many hits.
func (c *Client) DecideHits(ctx context.Context, o wire.BulkOrder) (wire.BulkDecided, error) {
	return sent[wire.BulkDecided](ctx, c, "POST", "/v1/hits", o)
}

// AllSellers lists the tallies of sellers by name.
func (c *Client) AllSellers(ctx context.Context) iter.Seq2[wire.Seller, error] {
	return all(ctx, c, "/v1/sellers", nil, func(p wire.Sellers) ([]wire.Seller, string) { return p.Sellers, p.Next })
}

// sent sends a value as JSON and reads the answer.
func sent[To any](ctx context.Context, c *Client, method, path string, value any) (answer To, err error) {
	body, err := jsonBody(value)
	if err != nil {
		return answer, err
	}
	return answer, c.do(ctx, call{method: method, path: path, body: body}, &answer)
}

// all yields what is on all pages.
func all[Page, Item any](ctx context.Context, c *Client, path string, query url.Values, of func(Page) ([]Item, string)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		asked := url.Values{}
		for name, values := range query {
			asked[name] = values
		}
		for {
			var page Page
			if err := c.do(ctx, call{method: "GET", path: path, query: asked, repeatable: true}, &page); err != nil {
				var none Item
				yield(none, err)
				return
			}
			items, next := of(page)
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			asked.Set("cursor", next)
		}
	}
}

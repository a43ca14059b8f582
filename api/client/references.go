package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"touchstone/api/wire"
)

func referencePath(id string) string { return "/v1/references/" + url.PathEscape(id) }

// pageSize is what the iterators ask for at a time.
const pageSize = 1000

// References is one page of a collection, in order of arrival. The first has the cursor "", and
// each the cursor of the next; limit 0 leaves the size to the server.
func (c *Client) References(ctx context.Context, collection, cursor string, limit int) (page wire.References, err error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	list := call{method: "GET", path: collectionPath(collection) + "/references", query: query, repeatable: true}
	return page, c.do(ctx, list, &page)
}

// AllReferences yields every reference of a collection, page by page. An error ends it.
func (c *Client) AllReferences(ctx context.Context, collection string) iter.Seq2[wire.Reference, error] {
	return func(yield func(wire.Reference, error) bool) {
		for cursor := ""; ; {
			page, err := c.References(ctx, collection, cursor, pageSize)
			if err != nil {
				yield(wire.Reference{}, err)
				return
			}
			for _, reference := range page.References {
				if !yield(reference, nil) {
					return
				}
			}
			if cursor = page.Next; cursor == "" {
				return
			}
		}
	}
}

// Frames are a reference's, all of them.
func (c *Client) Frames(ctx context.Context, id string) (frames []wire.HashedFrame, _ error) {
	for from := 0; ; {
		var page wire.ReferenceFrames
		err := c.do(ctx, call{
			method: "GET", path: referencePath(id) + "/frames",
			query: url.Values{"from": {strconv.Itoa(from)}}, repeatable: true,
		}, &page)
		if err != nil {
			return nil, err
		}
		frames = append(frames, page.Frames...)
		if from = page.Next; from == 0 {
			return frames, nil
		}
	}
}

// ReferenceNamed is the reference of that external id; a Problem with status 404 without one.
func (c *Client) ReferenceNamed(ctx context.Context, collection, externalID string) (wire.Reference, error) {
	var page wire.References
	err := c.do(ctx, call{
		method: "GET", path: collectionPath(collection) + "/references",
		query: url.Values{"external_id": {externalID}}, repeatable: true,
	}, &page)
	if err != nil {
		return wire.Reference{}, err
	}
	if len(page.References) == 0 {
		return wire.Reference{}, &Problem{Problem: wire.Problem{
			Status: http.StatusNotFound, Title: http.StatusText(http.StatusNotFound), Code: "not_found",
			Detail: fmt.Sprintf("collection %q has no reference %q", collection, externalID),
		}}
	}
	return page.References[0], nil
}

// Reference is the reference of that id.
func (c *Client) Reference(ctx context.Context, id string) (found wire.Reference, err error) {
	return found, c.do(ctx, call{method: "GET", path: referencePath(id), repeatable: true}, &found)
}

// ChangeReference changes what the patch holds.
func (c *Client) ChangeReference(ctx context.Context, id string, patch wire.ReferencePatch) (changed wire.Reference, err error) {
	body, err := jsonBody(patch)
	if err != nil {
		return changed, err
	}
	return changed, c.do(ctx, call{method: "PATCH", path: referencePath(id), body: body}, &changed)
}

// RemoveReference removes the reference: no search answers it once this returns.
func (c *Client) RemoveReference(ctx context.Context, id string) (removed wire.Removed, err error) {
	return removed, c.do(ctx, call{method: "DELETE", path: referencePath(id)}, &removed)
}

// ReferenceImage is the reference's picture as it came, and its media type.
func (c *Client) ReferenceImage(ctx context.Context, id string) (content []byte, mediaType string, err error) {
	response, err := c.send(ctx, call{method: "GET", path: referencePath(id) + "/image", repeatable: true})
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	content, err = readImage(response)
	return content, response.Header.Get("Content-Type"), err
}

package client

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"

	"touchstone/api/hashlist"
	"touchstone/api/wire"
)

// Image is a picture to be sent. Only references have an external id and meta.
type Image struct {
	Name       string // a file name, for logs and messages
	ExternalID string
	Meta       map[string]string
	Content    []byte // encoded
}

// AddImages adds the pictures to the collection, all or none. A Problem about one of them has its
// place in Image.
func (c *Client) AddImages(ctx context.Context, collection string, images []Image) (added wire.AddedReferences, err error) {
	f := newForm()
	withMeta := slices.ContainsFunc(images, func(i Image) bool { return len(i.Meta) > 0 })
	for _, image := range images {
		f.field("external_id", image.ExternalID)
		if withMeta {
			meta, err := json.Marshal(orEmpty(image.Meta))
			if err != nil {
				return added, err
			}
			f.field("meta", string(meta))
		}
		f.file("image", cmp.Or(image.Name, "image"), image.Content)
	}
	return added, c.do(ctx, call{method: "POST", path: collectionPath(collection) + "/references", body: f.body()}, &added)
}

func orEmpty(meta map[string]string) map[string]string {
	if meta == nil {
		return map[string]string{}
	}
	return meta
}

// AddHashes adds references known by their hashes only, all or none.
func (c *Client) AddHashes(ctx context.Context, collection string, references []wire.HashReference) (added wire.AddedReferences, err error) {
	body, err := jsonBody(wire.HashReferences{References: references})
	if err != nil {
		return added, err
	}
	return added, c.do(ctx, call{method: "POST", path: collectionPath(collection) + "/references", body: body}, &added)
}

// AddHashList adds the references of a hash list as it is read. When it fails midway, the rows
// before may have been added.
func (c *Client) AddHashList(ctx context.Context, collection string, format hashlist.Format, list io.Reader) (added wire.AddedList, err error) {
	body := body{contentType: format.ContentType(), length: -1, stream: list}
	return added, c.do(ctx, call{method: "POST", path: collectionPath(collection) + "/references", body: body}, &added)
}

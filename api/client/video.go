package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"

	"touchstone/api/wire"
)

// Video is a video to be sent, as it is read. Only references have an external id and meta.
type Video struct {
	Name       string // a file name, for logs and messages
	ExternalID string
	Meta       map[string]string
	Content    io.Reader
	Size       int64
}

// MatchVideo asks which parts of the video show which parts of which references: one result, with segments.
func (c *Client) MatchVideo(ctx context.Context, video Video, options MatchOptions) (answer wire.MatchAnswer, err error) {
	match := call{method: "POST", path: "/v1/match", query: options.query()}
	match.body = body{contentType: "video/*", length: video.Size, stream: video.Content}
	if options.Subject != "" {
		match.body = videoForm(video, [2]string{"subject", options.Subject})
	}
	return answer, c.do(ctx, match, &answer)
}

// AddVideo adds the video to the collection, as one reference.
func (c *Client) AddVideo(ctx context.Context, collection string, video Video) (added wire.AddedReferences, err error) {
	fields := [][2]string{{"external_id", video.ExternalID}}
	if len(video.Meta) > 0 {
		meta, err := json.Marshal(video.Meta)
		if err != nil {
			return added, err
		}
		fields = append(fields, [2]string{"meta", string(meta)})
	}
	add := call{method: "POST", path: collectionPath(collection) + "/references", body: videoForm(video, fields...)}
	return added, c.do(ctx, add, &added)
}

// videoForm has the fields first: a server reads them before the video comes.
func videoForm(video Video, fields ...[2]string) body {
	var head, tail bytes.Buffer // writes to a buffer do not fail
	parts := multipart.NewWriter(&head)
	for _, field := range fields {
		parts.WriteField(field[0], field[1])
	}
	parts.CreateFormFile("video", video.Name)
	tail.WriteString("\r\n--" + parts.Boundary() + "--\r\n")
	length := int64(head.Len()) + video.Size + int64(tail.Len())
	return body{contentType: parts.FormDataContentType(), length: length, stream: io.MultiReader(&head, video.Content, &tail)}
}

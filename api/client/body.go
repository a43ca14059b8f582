package client

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
)

// body is what a request carries.
type body struct {
	contentType string
	length      int64 // -1: unknown

	// pieces are sent one after the other: pictures are not copied into one large buffer, and all
	// can be sent again.
	pieces [][]byte
	stream io.Reader // instead of pieces; can be sent once
}

func (b body) reader() io.Reader {
	switch {
	case b.stream != nil:
		return b.stream
	case b.pieces == nil:
		return nil
	}
	readers := make([]io.Reader, len(b.pieces))
	for i, piece := range b.pieces {
		readers[i] = bytes.NewReader(piece)
	}
	return io.MultiReader(readers...)
}

func bytesBody(contentType string, pieces ...[]byte) body {
	b := body{contentType: contentType, pieces: pieces}
	for _, piece := range pieces {
		b.length += int64(len(piece))
	}
	return b
}

func jsonBody(value any) (body, error) {
	encoded, err := json.Marshal(value)
	return bytesBody("application/json", encoded), err
}

// form is a multipart body in the making. Writes to its buffer do not fail.
type form struct {
	buffer bytes.Buffer
	parts  *multipart.Writer
	pieces [][]byte
}

func newForm() *form {
	f := &form{}
	f.parts = multipart.NewWriter(&f.buffer)
	return f
}

func (f *form) field(name, value string) { f.parts.WriteField(name, value) }

func (f *form) file(field, name string, content []byte) {
	f.parts.CreateFormFile(field, name)
	f.cut()
	f.pieces = append(f.pieces, content)
}

// cut makes what is in the buffer a piece.
func (f *form) cut() {
	f.pieces = append(f.pieces, bytes.Clone(f.buffer.Bytes()))
	f.buffer.Reset()
}

func (f *form) body() body {
	f.parts.Close()
	f.cut()
	return bytesBody(f.parts.FormDataContentType(), f.pieces...)
}

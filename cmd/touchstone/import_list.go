package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"touchstone/api/hashlist"
	"touchstone/api/wire"
)

// A chunk is added in one step: so many rows, and about so many bytes, at most.
const (
	chunkRows  = 10_000
	chunkBytes = 16 << 20
)

// chunk is some rows of a list, ready to be sent.
type chunk struct {
	first, last int // rows of the list, from 1
	rows        int // of them, those that were not there
	body        []byte
	err         error // the list is unreadable from here on
}

// list adds the rows of a list in their order. The next chunk is read while one is being added.
// A list is trusted up to its first bad row: what stands before is added.
func (im *importer) list(ctx context.Context, list io.Reader, format hashlist.Format) error {
	im.bar = im.app.bar(-1, im.unit)
	chunks := make(chan chunk, 1)
	reading, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		for range chunks { // until the reader has seen it
		}
	}()
	go func() {
		defer close(chunks)
		im.readChunks(reading, hashlist.NewReader(list, format), chunks)
	}()
	for c := range chunks {
		if err := im.addChunk(context.WithoutCancel(ctx), c); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // finish says so
		}
	}
	return nil
}

func (im *importer) readChunks(ctx context.Context, list *hashlist.Reader, chunks chan<- chunk) {
	for row := 1; ; {
		c := im.readChunk(list, row)
		ended := c.err != nil
		if c.err == io.EOF {
			c.err = nil
		}
		select {
		case chunks <- c:
		case <-ctx.Done():
			return
		}
		if ended {
			return
		}
		row = c.last + 1
	}
}

func (im *importer) readChunk(list *hashlist.Reader, first int) chunk {
	var body bytes.Buffer
	out := hashlist.NewWriter(&body, hashlist.CSV)
	c := chunk{first: first, last: first - 1}
	for c.rows < chunkRows && body.Len() < chunkBytes {
		row, err := list.Read()
		if err != nil {
			c.err = err
			break
		}
		c.last++
		if im.isNew(row, c.last) {
			c.rows++
			out.Write(row) // what Reader takes, Writer takes, and a buffer never fails
		}
	}
	out.Flush()
	c.body = body.Bytes()
	return c
}

func (im *importer) isNew(row wire.HashReference, n int) bool {
	there, err := im.known.row(row)
	switch {
	case err != nil:
		im.refuse(fmt.Sprintf("row %d (%s)", n, row.ExternalID), err)
	case there:
		im.count(func(r *importReport) { r.Skipped++ })
	}
	return err == nil && !there
}

func (im *importer) addChunk(ctx context.Context, c chunk) error {
	im.count(func(r *importReport) { r.Files += c.last - c.first + 1 })
	if c.rows > 0 {
		added, err := im.client.AddHashList(ctx, im.collection, hashlist.CSV, bytes.NewReader(c.body))
		if err != nil {
			return fmt.Errorf("rows %d to %d: %w", c.first, c.last, err)
		}
		im.count(func(r *importReport) { r.Added += added.Added })
	}
	im.bar.add(c.last - c.first + 1)
	return c.err
}

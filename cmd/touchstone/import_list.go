package main

import (
	"bytes"
	"context"
	"errors"
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

// list adds the rows of a list in their order. Three things go on at once: a chunk is read, the one
// before is on its way, and the one before that is committed. A list is trusted up to its first bad
// row: what stands before is added.
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
	last := begun()
	for c := range chunks {
		before := last
		last = newTurn()
		go func(mine *chunkTurn) { mine.end(im.addChunk(context.WithoutCancel(ctx), c, format, before)) }(last)
		// The one before is done when this one may be committed; so two are on their way at most.
		if err := before.wait(); err != nil {
			last.wait()
			return err
		}
		if ctx.Err() != nil {
			break // finish says so
		}
	}
	return last.wait()
}

// chunkTurn is a chunk's: it ends when the chunk is added, or with why it is not.
type chunkTurn struct {
	done chan struct{}
	err  error // read after done
}

func newTurn() *chunkTurn { return &chunkTurn{done: make(chan struct{})} }

func begun() *chunkTurn {
	t := newTurn()
	t.end(nil)
	return t
}

func (t *chunkTurn) end(err error) {
	t.err = err
	close(t.done)
}

func (t *chunkTurn) wait() error {
	<-t.done
	return t.err
}

// held reads what is in its turn: the end of a body, without which the server adds nothing.
type held struct {
	before *chunkTurn
	rest   *bytes.Reader
}

func (h *held) Read(p []byte) (int, error) {
	if err := h.before.wait(); err != nil {
		return 0, errNotItsTurn
	}
	return h.rest.Read(p)
}

var errNotItsTurn = errors.New("the rows before were not added")

func (im *importer) readChunks(ctx context.Context, list *hashlist.Reader, chunks chan<- chunk) {
	room := 0
	for row := 1; ; {
		c := im.readChunk(list, row, room)
		room = len(c.body) + len(c.body)/16
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

// readChunk takes rows as they stand in the list: what was read there need not be written anew. Room is
// about how many bytes they will be.
func (im *importer) readChunk(list *hashlist.Reader, first, room int) chunk {
	c := chunk{first: first, last: first - 1, body: make([]byte, 0, room)}
	for c.rows < chunkRows && len(c.body) < chunkBytes {
		row, err := list.Read()
		if err != nil {
			c.err = err
			break
		}
		c.last++
		if im.isNew(row, c.last) {
			if c.rows == 0 && list.Header() != nil {
				c.body = append(append(c.body, list.Header()...), '\n')
			}
			c.rows++
			c.body = append(append(c.body, list.Raw()...), '\n')
		}
	}
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

// addChunk adds the chunk when the one before is added, and not if that was not.
func (im *importer) addChunk(ctx context.Context, c chunk, format hashlist.Format, before *chunkTurn) error {
	added, err := im.send(ctx, c, format, before)
	if before.wait() != nil {
		return errNotItsTurn
	}
	rows := c.last - c.first + 1
	im.count(func(r *importReport) { r.Files, r.Added = r.Files+rows, r.Added+added })
	if err != nil {
		return fmt.Errorf("rows %d to %d: %w", c.first, c.last, err)
	}
	im.bar.add(rows)
	return c.err
}

// send sends all but the last bytes at once, and those when it is the chunk's turn: so the server reads
// one chunk while it commits another, and adds rows in their order.
func (im *importer) send(ctx context.Context, c chunk, format hashlist.Format, before *chunkTurn) (added int, err error) {
	if c.rows == 0 {
		return 0, nil
	}
	most := len(c.body) - 2 // without these the last row is not whole
	body := io.MultiReader(bytes.NewReader(c.body[:most]), &held{before, bytes.NewReader(c.body[most:])})
	answer, err := im.client.AddHashList(ctx, im.collection, format, body)
	return answer.Added, err
}

package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

const (
	streamBuffer = 64 << 10
	streamChunk  = 1000             // lines that are searched and answered together, at most
	streamWrite  = 30 * time.Second // for the client to take a chunk of answers
)

// hashStream answers hashes line by line for as long as the client sends them, in the memory of one
// chunk. A chunk ends where the client pauses, so that nobody waits for a line that is not there yet.
type hashStream struct {
	server *Server
	c      echo.Context
	conn   *http.ResponseController
	body   *body
	lines  *bufio.Reader
	line   int // read so far
	search hashSearch
	faults []error // of the chunk's lines; nil: a hash of search
	out    []byte
	leave  func() // gives the chunk's place back, before the client has to take what came of it
}

func (s *Server) matchHashStream(c echo.Context) error {
	asked, err := readHashOptions(c)
	if err != nil {
		return err
	}
	search, err := s.newHashSearch(c, asked)
	if err != nil {
		return err
	}
	body := bodyOf(c.Request()).within("", 0)
	stream := &hashStream{
		server: s, c: c, search: search, body: body, lines: bufio.NewReaderSize(body, streamBuffer),
		// Not echo's Response, which serves another request by the time that a late call gets there.
		conn: http.NewResponseController(c.Response().Writer),
	}
	return stream.run()
}

// readHashOptions are the members of the JSON body as options.
func readHashOptions(c echo.Context) (asked wire.MatchHashRequest, err error) {
	o := optionsOf(c)
	asked.Algorithm = o.Get("algorithm")
	asked.Limit = o.integer("limit", hashindex.DefaultLimit, 1, hashindex.MaxLimit)
	asked.Collections = o.list("collections")
	asked.Dihedral = o.oneOf("dihedral", "false", "true") == "true"
	if o.Has("radius") {
		radius := o.integer("radius", 0, 0, hashindex.PDQ.MaxRadius())
		asked.Radius = &radius
	}
	return asked, o.err
}

func (h *hashStream) run() error {
	h.conn.EnableFullDuplex() // answers are written while the body is read
	// The status goes out first: what can be refused has been, and some clients send nothing before it.
	if err := h.begin(); err != nil {
		return err
	}
	interrupt := context.AfterFunc(h.server.stopping, func() { h.conn.SetReadDeadline(time.Now()) })
	defer interrupt()
	for {
		ended, err := h.readChunk()
		if err == nil {
			err = h.answer()
		}
		if err != nil {
			return h.abandon(err)
		}
		if ended {
			return nil
		}
	}
}

// readChunk reads lines until the chunk is full, the client pauses or the stream ends.
func (h *hashStream) readChunk() (ended bool, err error) {
	h.search.Hashes, h.faults = h.search.Hashes[:0], h.faults[:0]
	h.conn.SetReadDeadline(time.Now().Add(h.server.limits.Body))
	h.body.clock.timer.Reset(h.server.limits.Body + h.server.limits.Request)
	if h.server.stopping.Err() != nil { // asked after the deadline was set, which may have undone interrupt's
		return false, errStopping
	}
	for len(h.faults) == 0 || len(h.faults) < streamChunk && h.lineWaits() {
		line, err := h.lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine {
			return false, fmt.Errorf("line %d: %w", h.line+1, &hashindex.LimitError{Limit: "line_bytes", Max: maxLine})
		}
		if err != nil && err != io.EOF {
			return false, err
		}
		h.line++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			h.faults = append(h.faults, h.take(line))
		}
		if err == io.EOF {
			return true, nil
		}
	}
	return false, nil
}

// lineWaits reports whether a whole line is there to be read without waiting.
func (h *hashStream) lineWaits() bool {
	waiting, _ := h.lines.Peek(h.lines.Buffered())
	return bytes.IndexByte(waiting, '\n') >= 0
}

// take adds the line's hash to the search, or says what is wrong with the line.
func (h *hashStream) take(line []byte) error {
	if hash, plain := scanHashLine(line); plain && hash.Bits() == h.search.Algorithm.Bits() {
		h.search.add(hash)
		return nil
	}
	text, err := parseHashLine(line)
	if err == nil {
		err = h.search.parse(text, "hash")
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", h.line, err)
	}
	return nil
}

// parseHashLine reads "hex" or {"hash": "hex"}.
func parseHashLine(line []byte) (text string, err error) {
	if line[0] == '{' {
		var asked struct {
			Hash string `json:"hash"`
		}
		return asked.Hash, parseJSON(line, &asked)
	}
	if err := json.Unmarshal(line, &text); err != nil {
		return "", fail(bodyMalformed, `want "hex" or {"hash": "hex"}`)
	}
	return text, nil
}

// answer searches for the chunk's hashes and writes a line for each of its lines.
func (h *hashStream) answer() error {
	h.body.clock.arrived()
	var err error
	if h.leave, err = h.server.lanes.quick.Wait(h.c.Request().Context()); err != nil {
		return err
	}
	defer h.leave()
	lines := h.faults
	_, err = h.server.eachHash(h.c.Request().Context(), h.search.HashQuery, func(seq hashindex.Seq, matches []hashindex.HashMatch) error {
		lines = h.writeFaults(lines)[1:]
		h.out = appendHashLine(h.out, seq, matches)
		if len(h.out) < flushAt {
			return nil
		}
		return h.flush()
	})
	if err != nil {
		return err
	}
	h.writeFaults(lines)
	return h.flush()
}

// writeFaults answers the lines before the next that is a hash, and returns the rest.
func (h *hashStream) writeFaults(lines []error) []error {
	for len(lines) > 0 && lines[0] != nil {
		h.writeFault(lines[0])
		lines = lines[1:]
	}
	return lines
}

func (h *hashStream) writeFault(err error) {
	p := problemOf(err)
	line, _ := json.Marshal(wire.MatchHashLine{Problem: &p}) // this type cannot fail
	h.out = append(append(h.out, line...), '\n')
}

func (h *hashStream) begin() error {
	h.c.Response().Header().Set("Content-Type", ndjsonType)
	h.c.Response().WriteHeader(200)
	return h.flush()
}

func (h *hashStream) flush() error {
	if h.leave != nil {
		h.leave()
	}
	h.conn.SetWriteDeadline(time.Now().Add(streamWrite))
	_, err := h.c.Response().Write(h.out)
	h.out = h.out[:0]
	if err != nil {
		return fail(clientGone, "%v", err)
	}
	return h.conn.Flush()
}

// abandon tells the client by the last line why there is no more.
func (h *hashStream) abandon(err error) error {
	err = explained(h.c, err)
	h.writeFault(err)
	h.flush() // the client may be what failed
	return err
}

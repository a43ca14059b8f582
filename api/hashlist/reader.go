package hashlist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

// Reader reads a list row by row, in the memory of one row.
type Reader struct {
	records records
	parse   func(record []byte) (wire.HashReference, error)
	header  bool // still to be read
	columns []string
	first   []byte // the header's text; nil for a format without one
	raw     []byte // of the last row
	err     error  // what ended the list
}

// bufferBytes is room for a row, but for a video's.
const bufferBytes = 256 << 10

// NewReader reads the list from r.
func NewReader(r io.Reader, format Format) *Reader {
	reader := &Reader{records: records{in: bufio.NewReaderSize(r, bufferBytes)}}
	if format == CSV {
		reader.header, reader.records.quoted, reader.parse = true, true, reader.parseCSV
	} else {
		reader.parse = parseNDJSON
	}
	return reader
}

// Read returns the next row, and io.EOF after the last. Any other error names the line, and is or
// wraps a hashindex.InputError whose Field is the column; nothing can be read after one.
func (r *Reader) Read() (wire.HashReference, error) {
	if r.err != nil {
		return wire.HashReference{}, r.err
	}
	row, err := r.read()
	if err != nil && err != io.EOF {
		err = fmt.Errorf("line %d: %w", max(r.records.line, 1), err)
	}
	r.err = err
	return row, err
}

// Raw is the row that Read returned last as it stands in the list, without its line ending; valid until
// the next Read.
func (r *Reader) Raw() []byte { return r.raw }

// Header is the row of the columns' names once a row was read, without its line ending; nil for a
// format that has none. What it and some Raws make, a line each, is a list too.
func (r *Reader) Header() []byte { return r.first }

func (r *Reader) read() (wire.HashReference, error) {
	if r.header {
		if err := r.readHeader(); err != nil {
			return wire.HashReference{}, err
		}
		r.header = false
	}
	record, err := r.records.next()
	if err != nil {
		return wire.HashReference{}, err
	}
	r.raw = record
	row, err := r.parse(record)
	if err != nil {
		return wire.HashReference{}, err
	}
	return row, tidy(&row)
}

func (r *Reader) readHeader() error {
	record, err := r.records.next()
	if err == io.EOF {
		return invalid("header", "the list is empty, without even a header")
	}
	if err != nil {
		return err
	}
	r.first = bytes.Clone(record)
	r.columns, err = parseHeader(record)
	return err
}

// records cuts the input into rows.
type records struct {
	in     *bufio.Reader
	quoted bool   // a row goes on while a quote is open
	line   int    // of the row's start, from 1
	lines  int    // read so far
	quotes []byte // a row of several lines
	long   []byte // a line that the buffer is too small for
}

var byteOrderMark = []byte("\ufeff")

// next is the next row that is not blank, without its line ending; valid until the one after.
func (r *records) next() ([]byte, error) {
	for {
		r.line = r.lines + 1
		record, err := r.read()
		if err != nil {
			return nil, err
		}
		if r.line == 1 {
			record = bytes.TrimPrefix(record, byteOrderMark)
		}
		if record = trimEnding(record); len(record) > 0 {
			return record, nil
		}
	}
}

// read returns one row with its line ending. Quotes are doubled inside of quotes, so that one is
// open exactly while their number is odd.
func (r *records) read() ([]byte, error) {
	record, err := r.readLine()
	if !r.quoted || bytes.Count(record, quote)%2 == 0 {
		return record, err
	}
	r.quotes = append(r.quotes[:0], record...)
	for open := true; open && err == nil; {
		if record, err = r.readLine(); len(r.quotes)+len(record) > MaxRecord {
			return nil, &hashindex.LimitError{Limit: "hash_list_row_bytes", Max: MaxRecord}
		}
		r.quotes = append(r.quotes, record...)
		open = bytes.Count(record, quote)%2 == 0
	}
	if err == io.EOF {
		return nil, invalid("row", "the list ends inside of quotes")
	}
	return r.quotes, err
}

// readLine returns one line with its ending, which the last may lack.
func (r *records) readLine() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	r.lines++
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = append(r.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.in.ReadSlice('\n')
			if r.long = append(r.long, line...); len(r.long) > MaxRecord {
				return nil, &hashindex.LimitError{Limit: "hash_list_row_bytes", Max: MaxRecord}
			}
		}
		line = r.long
	}
	switch {
	case err == io.EOF && len(line) > 0:
		return line, nil
	}
	return line, err
}

func trimEnding(record []byte) []byte {
	record = bytes.TrimSuffix(record, []byte("\n"))
	return bytes.TrimSuffix(record, []byte("\r"))
}

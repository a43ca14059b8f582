package hashlist

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"touchstone/api/wire"
)

// Writer writes a list row by row. Call Flush after the last.
type Writer struct {
	out    *bufio.Writer
	format Format
	json   *json.Encoder // of whole rows, or of CSV's meta cells
	cell   strings.Builder
	header bool // still to be written
}

// NewWriter writes the list to w.
func NewWriter(w io.Writer, format Format) *Writer {
	writer := &Writer{out: bufio.NewWriterSize(w, 64<<10), format: format, header: format == CSV}
	if format == CSV {
		writer.json = json.NewEncoder(&writer.cell)
	} else {
		writer.json = json.NewEncoder(writer.out)
	}
	writer.json.SetEscapeHTML(false) // lists are not web pages
	return writer
}

// Write writes one row; hashindex.ErrInvalid when no list can hold it.
func (w *Writer) Write(row wire.HashReference) error {
	if err := tidy(&row); err != nil {
		return err
	}
	if w.format == NDJSON {
		h := row.Hashes
		return w.json.Encode(line{row.ExternalID, h.PDQ, h.PHash, h.DHash, h.AHash, row.Quality, row.Meta, row.Frames})
	}
	w.writeHeader()
	return w.writeCSV(row)
}

// Flush writes out what is buffered, for CSV the header of an empty list too.
func (w *Writer) Flush() error {
	w.writeHeader()
	return w.out.Flush()
}

func (w *Writer) writeHeader() {
	if w.header {
		w.header = false
		w.out.WriteString(strings.Join(columns, ",") + "\n")
	}
}

// writeCSV leaves the errors of single writes to the last: a bufio.Writer keeps its first.
func (w *Writer) writeCSV(row wire.HashReference) error {
	w.writeCell(row.ExternalID)
	for _, column := range columns[1:5] {
		w.out.WriteByte(',')
		w.out.WriteString(*hashOf(&row, column))
	}
	w.out.WriteByte(',')
	if row.Quality != nil {
		w.out.WriteString(strconv.Itoa(*row.Quality))
	}
	w.out.WriteByte(',')
	if row.Meta != nil {
		if err := w.writeJSON(row.Meta); err != nil {
			return err
		}
	}
	w.out.WriteByte(',')
	if row.Frames != nil {
		if err := w.writeJSON(row.Frames); err != nil {
			return err
		}
	}
	return w.out.WriteByte('\n')
}

func (w *Writer) writeJSON(value any) error {
	w.cell.Reset()
	if err := w.json.Encode(value); err != nil { // sorts the keys: one list, one text
		return err
	}
	w.writeCell(strings.TrimSuffix(w.cell.String(), "\n"))
	return nil
}

func (w *Writer) writeCell(cell string) {
	if !strings.ContainsAny(cell, "\",\r\n") {
		w.out.WriteString(cell)
		return
	}
	w.out.WriteByte('"')
	w.out.WriteString(strings.ReplaceAll(cell, `"`, `""`))
	w.out.WriteByte('"')
}

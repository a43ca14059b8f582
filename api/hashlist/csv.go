package hashlist

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"touchstone/api/wire"
)

// The CSV is RFC 4180's, read by our own splitter: encoding/csv turns a carriage return and line
// feed inside of quotes into a line feed, and does not bound a row.

var quote = []byte{'"'}

// parseHeader returns the names of the columns, each known and none twice.
func parseHeader(record []byte) ([]string, error) {
	names, err := split(string(record), nil)
	if err != nil {
		return nil, err
	}
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t") {
		return nil, invalid("header", "no commas in %.80q: save the list with commas between the columns", names[0])
	}
	hashes := 0
	for i, name := range names {
		if !slices.Contains(columns, name) {
			return nil, invalid(name, "unknown column; known are %s", strings.Join(columns, ", "))
		}
		if slices.Contains(names[:i], name) {
			return nil, invalid(name, "the column is there twice")
		}
		if hashOf(new(wire.HashReference), name) != nil {
			hashes++
		}
	}
	if hashes == 0 {
		return nil, invalid("header", "none of the columns pdq, phash, dhash, ahash")
	}
	return names, nil
}

func (r *Reader) parseCSV(record []byte) (row wire.HashReference, err error) {
	var cells [9]string
	split, err := split(string(record), cells[:0])
	if err != nil {
		return row, err
	}
	if len(split) != len(r.columns) {
		return row, invalid("row", "%d cells, but the header has %d columns", len(split), len(r.columns))
	}
	for i, column := range r.columns {
		if err := setCell(&row, column, split[i]); err != nil {
			return row, err
		}
	}
	return row, nil
}

func setCell(row *wire.HashReference, column, cell string) error {
	if cell == "" {
		return nil
	}
	switch column {
	case "external_id":
		row.ExternalID = cell
	case "quality":
		n, err := strconv.Atoi(cell)
		if err != nil {
			return invalid(column, "%.20q is not a whole number", cell)
		}
		row.Quality = &n
	case "meta":
		if err := json.Unmarshal([]byte(cell), &row.Meta); err != nil {
			return invalid(column, "not a JSON object of texts: %v", err)
		}
	case "frames":
		decoder := json.NewDecoder(strings.NewReader(cell))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&row.Frames); err != nil || len(strings.TrimSpace(cell[decoder.InputOffset():])) > 0 {
			return invalid(column, "not a JSON list of frames: %v", err)
		}
	default:
		*hashOf(row, column) = cell
	}
	return nil
}

// split appends the row's cells.
func split(record string, cells []string) ([]string, error) {
	for {
		cell, rest, err := cutCell(record)
		if err != nil {
			return nil, invalid("column "+strconv.Itoa(len(cells)+1), "%v", err)
		}
		cells = append(cells, cell)
		if rest == "" {
			return cells, nil
		}
		record = rest[1:] // past the comma
	}
}

type quoteError string

func (e quoteError) Error() string { return string(e) }

// cutCell takes the first cell off; what is left starts with a comma or is empty.
func cutCell(record string) (cell, rest string, err error) {
	if !strings.HasPrefix(record, `"`) {
		end := strings.IndexByte(record, ',')
		if end < 0 {
			end = len(record)
		}
		if strings.IndexByte(record[:end], '"') >= 0 {
			return "", "", quoteError("a quote inside of a cell that does not start with one")
		}
		return record[:end], record[end:], nil
	}
	end := closingQuote(record)
	if end < 0 {
		return "", "", quoteError("the closing quote is missing")
	}
	if cell, rest = record[1:end], record[end+1:]; rest != "" && rest[0] != ',' {
		return "", "", quoteError("text after the closing quote")
	}
	return strings.ReplaceAll(cell, `""`, `"`), rest, nil
}

// closingQuote is the place of the quote that ends the cell, which is not one of a pair; or -1.
func closingQuote(record string) int {
	for at := 1; ; at += 2 {
		next := strings.IndexByte(record[at:], '"')
		if next < 0 {
			return -1
		}
		if at += next; at+1 == len(record) || record[at+1] != '"' {
			return at
		}
	}
}

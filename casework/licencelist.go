package casework

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"touchstone/hashindex"
)

// LineError is what is wrong with one line of a list, from 1 for the header.
type LineError struct {
	Line   int
	Field  string // the column; empty: the line as a whole
	Reason string
}

// Imported says what became of a list of licences.
type Imported struct {
	Added, Unchanged int
	Errors           []LineError // the first maxLineErrors
	Failed           int         // lines that have errors
	Seq              hashindex.Seq
}

const (
	// MaxLicenceLines bounds one list: fewer would make a big seller base tedious, more would hold a
	// transaction's worth of memory for nothing.
	MaxLicenceLines = 100_000

	importBatch   = 1000
	maxLineErrors = 1000
)

// licenceColumns are those of a list of licences; right and seller must be there.
var licenceColumns = []string{"right", "seller", "territory", "from", "until", "note"}

// ImportLicences reads CSV with a header line of licenceColumns' names in any order. What is right with a
// line is granted, a thousand a step; what is wrong is listed.
func (d *Desk) ImportLicences(ctx context.Context, actor string, v Visible, list io.Reader) (done Imported, err error) {
	in := csv.NewReader(list)
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if err != nil {
		return done, invalid("header", "%v: want %s", err, strings.Join(licenceColumns, ","))
	}
	columns, err := columnsOf(header)
	if err != nil {
		return done, err
	}
	var batch []Licence
	for lines := 1; ; lines++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if lines > MaxLicenceLines {
			return done, &hashindex.LimitError{Limit: "licence_lines", Max: MaxLicenceLines}
		}
		at := lineOf(in, err)
		l, err := d.readLicence(ctx, v, columns, record, err)
		if fatal := done.fail(at, err); fatal != nil {
			return done, fatal
		}
		if err == nil {
			batch = append(batch, l)
		}
		if len(batch) == importBatch {
			if err := done.add(ctx, d, actor, v, batch); err != nil {
				return done, err
			}
			batch = batch[:0]
		}
	}
	return done, done.add(ctx, d, actor, v, batch)
}

// lineOf is where the record just read stands: lines that are empty count too.
func lineOf(in *csv.Reader, err error) int {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return parse.StartLine
	}
	if err != nil {
		return 0
	}
	line, _ := in.FieldPos(0)
	return line
}

func columnsOf(header []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, twice := columns[name]; twice || !slices.Contains(licenceColumns, name) {
			return nil, invalid("header", "column %.40q is unknown or there twice: want %s", name, strings.Join(licenceColumns, ","))
		}
		columns[name] = i
	}
	for _, name := range licenceColumns[:2] {
		if _, ok := columns[name]; !ok {
			return nil, invalid("header", "no column %q", name)
		}
	}
	return columns, nil
}

func (d *Desk) readLicence(ctx context.Context, v Visible, columns map[string]int, record []string, err error) (l Licence, _ error) {
	if err != nil {
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			return l, invalid("", "%v", parse.Err)
		}
		return l, err
	}
	if len(record) != len(columns) {
		return l, invalid("", "%d fields, want %d", len(record), len(columns))
	}
	text := func(name string) string {
		if at, ok := columns[name]; ok {
			return strings.TrimSpace(record[at])
		}
		return ""
	}
	id, err := strconv.ParseUint(text("right"), 10, 64)
	if err != nil {
		return l, invalid("right", "%.40q is no id", text("right"))
	}
	l = Licence{Right: RightID(id), Seller: text("seller"), Note: text("note")}
	if l.Territory, err = ParseTerritory(text("territory")); err != nil {
		return l, err
	}
	if l.Term, err = ParseTerm(text("from"), text("until")); err != nil {
		return l, err
	}
	if _, err := d.Right(ctx, v, l.Right); err != nil {
		return l, fieldMissing("right", l.Right.String(), err)
	}
	return l, l.validate()
}

// fail lists what is wrong with a line; any other error it hands back.
func (i *Imported) fail(line int, err error) (fatal error) {
	if err == nil {
		return nil
	}
	at := LineError{Line: line, Reason: err.Error()}
	if input, ok := errors.AsType[*hashindex.InputError](err); ok {
		at.Field, at.Reason = input.Field, input.Reason
	} else if !errors.Is(err, hashindex.ErrInvalid) {
		return fmt.Errorf("line %d: %w", line, err)
	}
	i.Failed++
	if len(i.Errors) < maxLineErrors {
		i.Errors = append(i.Errors, at)
	}
	return nil
}

func (i *Imported) add(ctx context.Context, d *Desk, actor string, v Visible, batch []Licence) error {
	if len(batch) == 0 {
		return nil
	}
	_, added, seq, err := d.AddLicences(ctx, actor, v, batch)
	i.Added, i.Unchanged = i.Added+added, i.Unchanged+len(batch)-added
	i.Seq = seq
	return err
}

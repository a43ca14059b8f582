package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"

	"touchstone/api/wire"
)

// printJSON prints one object on one line.
func (a *app) printJSON(value any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// print prints the value for a program, or the text for a person.
func (a *app) print(value any, text string) error {
	if a.json {
		return a.printJSON(value)
	}
	_, err := fmt.Fprintln(a.stdout, text)
	return err
}

// table prints rows: aligned columns for people, one object a line for programs.
type table struct {
	app     *app
	columns *tabwriter.Writer
	titles  []any // until the first row
}

// table starts a table with these titles. Flush it after the last row.
func (a *app) table(titles ...any) *table {
	return &table{a, tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0), titles}
}

// row prints one row: the value as JSON, or the cells.
func (t *table) row(value any, cells ...any) error {
	if t.app.json {
		return t.app.printJSON(value)
	}
	if t.titles != nil {
		t.cells(t.titles)
		t.titles = nil
	}
	t.cells(cells)
	return nil
}

// cells prints the row's cells. What others named may hold tabs or what moves a terminal's cursor:
// it comes out as it would in source code.
func (t *table) cells(cells []any) {
	for i, cell := range cells {
		if i > 0 {
			io.WriteString(t.columns, "\t")
		}
		io.WriteString(t.columns, harmless(fmt.Sprint(cell)))
	}
	io.WriteString(t.columns, "\n")
}

// Flush prints what waits for the widest cell of its column.
func (t *table) Flush() { t.columns.Flush() }

func harmless(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%+q", text)
	}
	return text
}

// onTerminal reports whether a person watches what is written there.
func onTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func plural(n int, one string) string {
	if n == 1 {
		return fmt.Sprint(n, " ", one)
	}
	return fmt.Sprint(n, " ", one, "s")
}

// transformText says what was done to the reference, in words.
func transformText(t wire.Transform) string {
	if t.Degrees != nil {
		return angleText(t.Mirrored, *t.Degrees)
	}
	switch {
	case t.Mirrored && t.Rotation != 0:
		return fmt.Sprintf("mirrored, turned %d°", t.Rotation)
	case t.Mirrored:
		return "mirrored"
	case t.Rotation != 0:
		return fmt.Sprintf("turned %d°", t.Rotation)
	}
	return "upright"
}

// angleText is for a part, which may be turned by any angle; under half a degree nobody sees.
func angleText(mirrored bool, degrees float64) string {
	text := "upright"
	if mirrored {
		text = "mirrored"
	}
	if degrees < 0.5 || degrees > 359.5 {
		return text
	}
	if !mirrored {
		return fmt.Sprintf("turned %.0f°", degrees)
	}
	return fmt.Sprintf("mirrored, turned %.0f°", degrees)
}

func qualityText(quality *int) string {
	if quality == nil {
		return "unknown"
	}
	return fmt.Sprint(*quality)
}

func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, i := float64(n)/unit, 0
	for ; value >= unit && i < 3; i++ {
		value /= unit
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGT"[i])
}

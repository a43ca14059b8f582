package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// importReport is what an import prints at its end.
type importReport struct {
	Files       int          `json:"files"` // or rows
	Added       int          `json:"added"`
	Skipped     int          `json:"skipped"`   // there already, with the same content
	Refused     int          `json:"refused"`   // there already with other content, or no good
	Poor        int          `json:"poor"`      // added, but too flat to be matched
	Conflicts   int          `json:"conflicts"` // added, and like a reference of another collection
	Seconds     float64      `json:"seconds"`
	PerSecond   float64      `json:"per_second"`
	Interrupted bool         `json:"interrupted,omitempty"`
	Timings     *timingSplit `json:"timings,omitempty"`
}

// shownRefusals bounds the list on the terminal; --errors has them all.
const shownRefusals = 10

// finish prints the summary. err is what stopped the import, if anything did.
func (im *importer) finish(ctx context.Context, err error) error {
	im.bar.done()
	r := &im.report
	slices.SortFunc(im.refusals, func(a, b refusal) int { return strings.Compare(a.File, b.File) })
	r.Seconds = time.Since(im.started).Seconds()
	r.PerSecond = float64(r.Added) / r.Seconds
	r.Interrupted = ctx.Err() != nil
	printed := errors.Join(im.showRefusals(), im.app.print(r, r.text(im.unit, im.collection)))
	switch {
	case err != nil:
		return err
	case r.Interrupted:
		return interruptedError("what is counted as added stays; run the same command again to go on")
	case r.Refused > 0:
		return fmt.Errorf("%d of %d %s %w", r.Refused, r.Files, im.unit, errRefused)
	}
	return printed
}

func (im *importer) showRefusals() error {
	for i, refused := range im.refusals {
		switch {
		case im.app.json:
			if err := im.app.printJSON(refused); err != nil {
				return err
			}
		case i == shownRefusals:
			fmt.Fprintf(im.app.stderr, "  and %d more: --errors FILE lists all\n", len(im.refusals)-i)
			return nil
		default:
			fmt.Fprintf(im.app.stderr, "  %s: %s\n", harmless(refused.File), refused.Error)
		}
	}
	return nil
}

func (r importReport) text(unit, collection string) string {
	text := fmt.Sprintf("%d %s: %d added to %s, %d skipped (there already), %d refused, in %.1f s (%.0f added a second)",
		r.Files, unit, r.Added, collection, r.Skipped, r.Refused, r.Seconds, r.PerSecond)
	if r.Poor > 0 {
		text += fmt.Sprintf("\n%d of those added are too flat to be matched", r.Poor)
	}
	if r.Conflicts > 0 {
		text += fmt.Sprintf("\n%d of those added resemble references of other collections", r.Conflicts)
	}
	if r.Timings != nil {
		text += "\n" + r.Timings.text()
	}
	return text
}

// writeErrors writes every refusal as file,code,reason.
func (im *importer) writeErrors(name string) error {
	if name == "" {
		return nil
	}
	return replaceWhole(name, func(to io.Writer) error {
		w := csv.NewWriter(to)
		w.Write([]string{"file", "code", "reason"})
		for _, r := range im.refusals {
			w.Write([]string{r.File, r.Code, r.Error})
		}
		w.Flush()
		return w.Error()
	})
}

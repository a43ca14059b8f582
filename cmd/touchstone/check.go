package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"touchstone/hashindex"
)

// checked is what check prints.
type checked struct {
	Folder      string         `json:"folder"`
	Seq         uint64         `json:"seq"`
	References  int            `json:"references"`
	OtherRecipe int            `json:"other_recipe"`
	Searchers   map[string]int `json:"searchers"` // entries
	Deep        *deepChecked   `json:"deep,omitempty"`
	Findings    []finding      `json:"findings"`
}

// deepChecked says what check --deep looked at.
type deepChecked struct {
	Share    string `json:"share"`
	Pictures int    `json:"pictures"` // fingerprinted again
	Skipped  int    `json:"skipped,omitempty"`
}

type finding struct {
	Invariant string `json:"invariant"`
	What      string `json:"what"`
}

func (a *app) checkCommand() *cobra.Command {
	var deep string
	verb := a.verb("check", "Walk the data folder and report what is damaged", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.check(ctx, deep)
	})
	verb.Flags().StringVar(&deep, "deep", "", "also fingerprint the `n/t`th part of the kept pictures again, and compare")
	verb.Long = `Read all of the data folder, verify the chain of changes and every checksum, and compare each
searcher with the store. The numbers I1 to I6 are the invariants that the documentation of
package hashindex lists.

With --deep n/t the fingerprints of the nth of t parts of the kept pictures are made again and compared with
those stored. A picture is in the same part every time: --deep 1/30 one night, 2/30 the next, and after thirty
every picture was checked. It takes about as long as adding the pictures did.`
	return verb
}

func (a *app) check(ctx context.Context, deep string) error {
	if a.server != "" {
		return usageError{errors.New("check reads a data folder, not a server"), "touchstone check"}
	}
	result := checked{Folder: a.folder, Searchers: map[string]int{}, Findings: []finding{}}
	var share hashindex.Share
	if deep != "" {
		var err error
		if share, err = parseShare(deep); err != nil {
			return err
		}
		result.Deep = &deepChecked{Share: deep}
	}
	if err := result.walk(ctx, share); err != nil {
		return err
	}
	if err := a.print(result, result.text()); err != nil {
		return err
	}
	if len(result.Findings) > 0 {
		return fmt.Errorf("%s: %w", plural(len(result.Findings), "finding"), errDamage)
	}
	return nil
}

func parseShare(text string) (s hashindex.Share, err error) {
	n, of, ok := strings.Cut(text, "/")
	if s.N, err = strconv.Atoi(n); ok && err == nil {
		s.Of, err = strconv.Atoi(of)
	}
	if !ok || err != nil || s.N < 1 || s.N > s.Of {
		return s, usageError{fmt.Errorf("--deep %q is no part: want n/t, such as 1/30, or 1/1 for all", text), "touchstone check --deep 1/30"}
	}
	return s, nil
}

// walk fills in the result. A store too damaged to be opened or read is a finding as well.
func (r *checked) walk(ctx context.Context, share hashindex.Share) error {
	h, err := openTaking(ctx, r.Folder, searching, true)
	if err == nil {
		var report hashindex.CheckReport
		report, err = h.index.Check(ctx)
		if err == nil {
			err = h.desk.Check(ctx, func(f hashindex.Finding) { report.Findings = append(report.Findings, f) })
		}
		r.take(report)
		if err == nil && r.Deep != nil {
			err = r.again(ctx, h, share)
		}
		err = errors.Join(err, h.close())
	}
	if errors.Is(err, hashindex.ErrDamaged) {
		r.Findings = append(r.Findings, finding{"store", err.Error()})
		return nil
	}
	return err
}

// again makes fingerprints again.
func (r *checked) again(ctx context.Context, h *house, share hashindex.Share) error {
	report, err := h.index.CheckPictures(ctx, h.workers, share)
	r.Deep.Pictures, r.Deep.Skipped = report.Pictures, report.Skipped
	for _, f := range report.Findings {
		r.Findings = append(r.Findings, finding(f))
	}
	return err
}

func (r *checked) take(report hashindex.CheckReport) {
	r.Seq, r.References, r.OtherRecipe = uint64(report.Seq), report.References, report.OtherRecipe
	maps.Copy(r.Searchers, report.Searchers)
	for _, f := range report.Findings {
		r.Findings = append(r.Findings, finding(f))
	}
}

func (r checked) text() string {
	text := fmt.Sprintf("%s: %s, %s", r.Folder, plural(int(r.Seq), "change"), plural(r.References, "reference"))
	if r.OtherRecipe > 0 {
		text += fmt.Sprintf(", %d of them of another recipe and never matched", r.OtherRecipe)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Searchers)) {
		text += fmt.Sprintf("\nsearcher %s: %d entries", name, r.Searchers[name])
	}
	if r.Deep != nil {
		text += fmt.Sprintf("\npart %s: %s fingerprinted again", r.Deep.Share, plural(r.Deep.Pictures, "picture"))
	}
	for _, f := range r.Findings {
		text += fmt.Sprintf("\n%s: %s", f.Invariant, f.What)
	}
	if len(r.Findings) == 0 {
		text += "\nno damage found"
	}
	return text
}

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	Findings    []finding      `json:"findings"`
}

type finding struct {
	Invariant string `json:"invariant"`
	What      string `json:"what"`
}

func (a *app) checkCommand() *cobra.Command {
	verb := a.verb("check", "Walk the data folder and report what is damaged", cobra.NoArgs, a.check)
	verb.Long = `Read all of the data folder, verify the chain of changes and every checksum, and compare each
searcher with the store. The numbers I1 to I6 are the invariants that the documentation of
package hashindex lists.`
	return verb
}

func (a *app) check(ctx context.Context, _ []string) error {
	if a.server != "" {
		return usageError{errors.New("check reads a data folder, not a server"), "touchstone check"}
	}
	result := checked{Folder: a.folder, Searchers: map[string]int{}, Findings: []finding{}}
	if err := result.walk(ctx); err != nil {
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

// walk fills in the result. A store too damaged to be opened or read is a finding as well.
func (r *checked) walk(ctx context.Context) error {
	h, err := openHouse(ctx, r.Folder, searching)
	if err == nil {
		var report hashindex.CheckReport
		report, err = h.index.Check(ctx)
		if err == nil {
			err = h.desk.Check(ctx, func(f hashindex.Finding) { report.Findings = append(report.Findings, f) })
		}
		r.take(report)
		err = errors.Join(err, h.close())
	}
	if errors.Is(err, hashindex.ErrDamaged) {
		r.Findings = append(r.Findings, finding{"store", err.Error()})
		return nil
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
	for _, f := range r.Findings {
		text += fmt.Sprintf("\n%s: %s", f.Invariant, f.What)
	}
	if len(r.Findings) == 0 {
		text += "\nno damage found"
	}
	return text
}

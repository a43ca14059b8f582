package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) collectionsCommand() *cobra.Command {
	return group("collections", "List, create, change and remove collections",
		a.verb("list", "List collections", cobra.NoArgs, a.listCollections),
		a.createCollectionCommand(), a.changeCollectionCommand(), a.removeCollectionCommand())
}

func (a *app) listCollections(ctx context.Context, _ []string) error {
	return a.connect(ctx, reading, func(c *client.Client) error {
		list, err := c.Collections(ctx)
		if err != nil {
			return err
		}
		t := a.table("NAME", "PURPOSE", "REFERENCES", "RADIUS", "COPY RADIUS", "RADIUS64", "PARTIAL")
		defer t.Flush()
		for _, each := range list {
			p := each.Policy
			if err := t.row(each, each.Name, each.Purpose, each.References, bits(p.Radius), bits(p.CopyRadius), bits(p.Radius64), partialText(p.Partial)); err != nil {
				return err
			}
		}
		return nil
	})
}

func bits(radius *int) string {
	if radius == nil {
		return "-"
	}
	return fmt.Sprint(*radius)
}

// partialText says in a word whether the tier is on, and from what coverage.
func partialText(p *wire.PartialPolicy) string {
	switch {
	case p == nil || p.Enabled == nil || p.MinCoverage == nil: // a server that does not know of it
		return "-"
	case !*p.Enabled:
		return "off"
	}
	return fmt.Sprintf("from %.3g %%", 100**p.MinCoverage)
}

const purposes = "what a match means: brand, work, counterfeit or benign"

func (a *app) createCollectionCommand() *cobra.Command {
	var purpose string
	var policy *policyFlags
	verb := a.verb("create NAME", "Create a collection", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, writing, func(c *client.Client) error {
			created, err := c.CreateCollection(ctx, wire.NewCollection{Name: args[0], Purpose: purpose, Policy: policy.asked()})
			if err != nil {
				return err
			}
			return a.print(created, fmt.Sprintf("collection %s created (%s)", created.Name, created.Purpose))
		})
	})
	verb.Flags().StringVar(&purpose, "purpose", "", purposes)
	policy = addPolicyFlags(verb.Flags())
	return required(verb, "purpose")
}

func (a *app) changeCollectionCommand() *cobra.Command {
	var purpose string
	var policy *policyFlags
	verb := a.verb("change NAME", "Change a collection's purpose or policy", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		patch := wire.CollectionPatch{Policy: policy.asked()}
		if purpose != "" {
			patch.Purpose = &purpose
		}
		return a.connect(ctx, changing, func(c *client.Client) error {
			changed, err := c.ChangeCollection(ctx, args[0], patch)
			if err != nil {
				return err
			}
			return a.print(changed, fmt.Sprintf("collection %s changed", changed.Name))
		})
	})
	verb.Flags().StringVar(&purpose, "purpose", "", purposes)
	policy = addPolicyFlags(verb.Flags())
	return verb
}

func (a *app) removeCollectionCommand() *cobra.Command {
	var withReferences bool
	verb := a.verb("remove NAME", "Remove a collection", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.connect(ctx, changing, func(c *client.Client) error {
			removed, err := c.RemoveCollection(ctx, args[0], withReferences)
			if err != nil {
				return err
			}
			return a.print(removed, fmt.Sprintf("collection %s removed", args[0]))
		})
	})
	verb.Flags().BoolVar(&withReferences, "with-references", false, "remove the references in it too")
	return verb
}

// policyFlags are a policy's fields; those not given stay as they are.
type policyFlags struct {
	flags                        *pflag.FlagSet
	radius, copyRadius, radius64 int
	partial                      bool
	minCoverage                  float64
}

func addPolicyFlags(flags *pflag.FlagSet) *policyFlags {
	p := &policyFlags{flags: flags}
	flags.IntVar(&p.radius, "radius", 31, "largest PDQ distance of a match, in `bits` of 256")
	flags.IntVar(&p.copyRadius, "copy-radius", 10, "largest PDQ distance of a copy, in `bits` of 256")
	flags.IntVar(&p.radius64, "radius64", 6, "largest pHash distance, in `bits` of 64, for references without PDQ")
	flags.BoolVar(&p.partial, "partial", true, "search for parts of the pictures too: crops, borders, screenshots; off with --partial=false")
	flags.Float64Var(&p.minCoverage, "min-coverage", 0.1, "`share` of the reference or the query, whichever is more, that a partial match must cover")
	return p
}

func (p *policyFlags) asked() *wire.Policy {
	policy := wire.Policy{
		Radius: given(p, "radius", &p.radius), CopyRadius: given(p, "copy-radius", &p.copyRadius), Radius64: given(p, "radius64", &p.radius64),
	}
	partial := wire.PartialPolicy{Enabled: given(p, "partial", &p.partial), MinCoverage: given(p, "min-coverage", &p.minCoverage)}
	if partial != (wire.PartialPolicy{}) {
		policy.Partial = &partial
	}
	if policy == (wire.Policy{}) {
		return nil
	}
	return &policy
}

// given is the flag's value, nil where the flag was not.
func given[T any](p *policyFlags, name string, value *T) *T {
	if !p.flags.Changed(name) {
		return nil
	}
	return value
}

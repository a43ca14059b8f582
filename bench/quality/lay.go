package quality

import (
	"context"

	"touchstone/hashindex"
)

// Laid is one reference that was proposed for a query, laid over it, and whether that is right.
type Laid struct {
	Attack, Query, Reference string
	Alignment                hashindex.Alignment
	Right                    bool
	Closer                   bool // laid over what is seen when the query is enlarged
	Half                     int  // 0 or 1: pictures of one scene are in one half
}

// Laying is what references are proposed and laid with.
type Laying struct {
	Searcher   hashindex.PartialSearcher // empty
	NewAligner func(query hashindex.Features) hashindex.Aligner
	Proposals  int // for each query
}

// Lay registers the references with the searcher alone, alters pictures as Run does, and lays all
// that is proposed over them, whatever the score.
func Lay(ctx context.Context, sources []Source, config Config, laying Laying) ([]Laid, error) {
	b := &bench{Config: config.withDefaults(), all: sources}
	sources, _ = b.usable(ctx, sources)
	b.references, b.strangers = b.split(sources)
	frames := make([]hashindex.Features, len(b.references))
	for i, r := range b.references {
		frames[i] = b.pictures[r.Name].Frames[0].Features
		laying.Searcher.Apply([]hashindex.FeatureEdit{{Frame: hashindex.FrameID(i), Features: frames[i]}})
	}
	l := &layer{bench: b, Laying: laying, frames: frames}
	if err := l.attack(ctx, "untouched", b.untouched); err != nil {
		return nil, err
	}
	for n, attack := range b.Attacks() {
		if err := l.attack(ctx, attack.Name, b.attack(attack)); err != nil {
			return nil, err
		}
		b.Progress(n + 2)
	}
	return l.laid, nil
}

type layer struct {
	*bench
	Laying
	frames []hashindex.Features // of the references
	laid   []Laid
}

func (l *layer) attack(ctx context.Context, name string, alter alteration) error {
	for _, list := range [][]Source{l.references, l.strangers} {
		n := min(l.Sample, len(list))
		found, errs := make([][]Laid, n), make([]error, n)
		l.each(n, func(i int) { found[i], errs[i] = l.query(ctx, name, list, i, alter) })
		for i := range n {
			if errs[i] != nil {
				return errs[i]
			}
			l.laid = append(l.laid, found[i]...)
		}
	}
	return nil
}

func (l *layer) query(ctx context.Context, attack string, list []Source, i int, alter alteration) ([]Laid, error) {
	encoded, err := alter(ctx, list, i)
	if err != nil {
		return nil, err
	}
	picture, err := l.Fingerprint(ctx, encoded)
	if err != nil {
		return nil, err
	}
	f := picture.Frames[0]
	if f.Quality < hashindex.PoorQuality {
		return nil, nil
	}
	laid, err := l.look(ctx, Laid{Attack: attack, Query: list[i].Name}, f.Features)
	if err != nil || f.Features.Closer == nil {
		return laid, err
	}
	closer, err := l.look(ctx, Laid{Attack: attack, Query: list[i].Name, Closer: true}, f.Features.Closer())
	return append(laid, closer...), err
}

func (l *layer) look(ctx context.Context, laid Laid, query hashindex.Features) (all []Laid, _ error) {
	var scope hashindex.Scope
	scope.Allow(0, 0)
	proposals, err := l.Searcher.Propose(ctx, query, scope, l.Proposals)
	if err != nil {
		return nil, err
	}
	aligner := l.NewAligner(query)
	for _, p := range proposals {
		laid.Alignment, _ = aligner.Align(l.frames[p.Frame], p.Mirrored)
		laid.Reference = l.references[p.Frame].Name
		laid.Right = l.same(laid.Reference, laid.Query)
		laid.Half = l.half(laid.Query)
		all = append(all, laid)
	}
	return all, nil
}

// half deals scenes out by their names.
func (b *bench) half(name string) int {
	sum := 0
	for _, c := range b.Same.of(name) {
		sum = sum*31 + int(c)
	}
	return sum >> 4 & 1
}

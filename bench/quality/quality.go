// Package quality measures how many altered copies are found, and how often a stranger is taken for
// a copy. A part of a set of pictures are strangers, the others become references; every attack of
// package fixtures is applied to a sample of both.
package quality

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"touchstone/fixtures"
	"touchstone/hashindex"
)

// Source is one picture of the set.
type Source struct {
	Name    string // its path in the set
	Encoded []byte
}

// Config says what to measure with. All but Sample, Seed, Workers and Progress is needed.
type Config struct {
	Index       *hashindex.Index // empty and ready
	Fingerprint func(ctx context.Context, encoded []byte) (hashindex.Picture, error)
	Decode      func(ctx context.Context, encoded []byte) (image.Image, error) // as the recipe sees it
	Same        Groups                                                         // pictures known to show the same
	Sample      int                                                            // queries an attack; 300 by default
	HeldOut     float64                                                        // share of the pictures that are strangers; a half by default
	Apart       string                                                         // references whose names begin so are asked for in a column of their own
	Copies      []Pair                                                         // pictures that were not altered here and are known to be copies
	Only        []string                                                       // the attacks to apply; none: all
	Seed        uint64
	Workers     int
	Progress    func(done int) // called after each attack

	// Keep is given each query before it is asked, for other programs to be measured on, and the
	// references' names, by line, with no attack; nil: nothing is kept.
	Keep func(attack string, stranger bool, name string, encoded []byte) error
}

func (c Config) withDefaults() Config {
	if c.Sample == 0 {
		c.Sample = 300
	}
	if c.HeldOut == 0 {
		c.HeldOut = 0.5
	}
	c.Workers = max(c.Workers, 1)
	if c.Progress == nil {
		c.Progress = func(int) {}
	}
	if c.Keep == nil {
		c.Keep = func(string, bool, string, []byte) error { return nil }
	}
	return c
}

// Attacks are those that will be applied.
func (c Config) Attacks() []fixtures.Attack {
	return slices.DeleteFunc(fixtures.Attacks(), func(a fixtures.Attack) bool {
		return len(c.Only) > 0 && !slices.Contains(c.Only, a.Name)
	})
}

// bench is one measurement under way.
type bench struct {
	Config
	references, strangers []Source
	asked, apart          []Source // of the references: those that queries are made of
	rivals                []rival
	certain               Certain
	all                   []Source // those that cannot be used too
	pictures              map[string]hashindex.Picture
}

// Run registers the references and asks for altered copies of them and of the strangers. Pictures that
// cannot be decoded are counted and left out. The same seed gives the same report.
func Run(ctx context.Context, sources []Source, config Config) (Report, error) {
	b := &bench{Config: config.withDefaults(), all: sources}
	report := Report{Pictures: len(sources), Seed: b.Seed}
	var undecidable int
	sources, undecidable = b.usable(ctx, sources)
	report.Unusable = undecidable
	b.references, b.strangers = b.split(sources)
	if len(b.references) == 0 || len(b.strangers) == 0 {
		return Report{}, fmt.Errorf("%d usable pictures: too few to split into references and strangers", len(sources))
	}
	report.References, report.Strangers = len(b.references), len(b.strangers)
	for _, s := range b.references {
		if b.Apart != "" && strings.HasPrefix(s.Name, b.Apart) {
			b.apart = append(b.apart, s)
		} else {
			b.asked = append(b.asked, s)
		}
	}
	if err := b.register(ctx); err != nil {
		return Report{}, err
	}
	return report, b.measure(ctx, &report)
}

// usable keeps the pictures that have enough structure to be matched at all.
func (b *bench) usable(ctx context.Context, sources []Source) (kept []Source, dropped int) {
	pictures := make([]hashindex.Picture, len(sources))
	b.each(len(sources), func(i int) {
		p, err := b.Fingerprint(ctx, sources[i].Encoded)
		if err == nil && p.Frames[0].Quality >= hashindex.PoorQuality {
			p.Frames[0].Features = p.Frames[0].Features.Stored() // a tenth of the memory
			pictures[i] = p
		}
	})
	b.pictures = map[string]hashindex.Picture{}
	for i, s := range sources {
		if pictures[i].Frames != nil {
			kept = append(kept, s)
			b.pictures[s.Name] = pictures[i]
		}
	}
	return kept, len(sources) - len(kept)
}

// split deals the pictures out at random, those known to show the same to one side.
func (b *bench) split(sources []Source) (references, strangers []Source) {
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	sides := map[string]bool{}
	for _, s := range sources {
		group := b.Same.of(s.Name)
		side, dealt := sides[group]
		if !dealt {
			side = rng.Float64() >= b.HeldOut
			sides[group] = side
		}
		if side {
			references = append(references, s)
		} else {
			strangers = append(strangers, s)
		}
	}
	shuffle(rng, references)
	shuffle(rng, strangers)
	return references, strangers
}

func shuffle(rng *rand.Rand, list []Source) {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// register adds the references to the index and to every rival.
func (b *bench) register(ctx context.Context) error {
	c := hashindex.Collection{Name: "references", Purpose: hashindex.Brand, Policy: hashindex.DefaultPolicy()}
	if _, _, err := b.Index.CreateCollection(ctx, "bench", c); err != nil {
		return err
	}
	news := make([]hashindex.NewReference, len(b.references))
	for i, reference := range b.references {
		news[i] = hashindex.NewReference{ExternalID: reference.Name, Picture: b.pictures[reference.Name]}
	}
	b.rivals = newRivals(news)
	var names strings.Builder
	for _, r := range b.references {
		names.WriteString(r.Name + "\n")
	}
	if err := b.Keep("", false, "references.txt", []byte(names.String())); err != nil {
		return err
	}
	_, _, err := b.Index.AddReferences(ctx, "bench", c.Name, news)
	return err
}

// measure fills the report: untouched pictures first, then every attack.
func (b *bench) measure(ctx context.Context, report *Report) error {
	if err := b.addRow(ctx, report, "untouched", b.untouched); err != nil {
		return err
	}
	for _, attack := range b.Attacks() {
		if err := b.addRow(ctx, report, attack.Name, b.attack(attack)); err != nil {
			return err
		}
	}
	report.sum()
	report.Certain = b.certain
	return b.pairs(ctx, report)
}

func (b *bench) addRow(ctx context.Context, report *Report, name string, alter alteration) error {
	row, err := b.row(ctx, name, alter)
	report.Rows = append(report.Rows, row)
	b.Progress(len(report.Rows))
	return err
}

// alteration makes the query from picture i of the list.
type alteration func(ctx context.Context, list []Source, i int) ([]byte, error)

func (b *bench) untouched(_ context.Context, list []Source, i int) ([]byte, error) {
	return list[i].Encoded, nil
}

// mostOthers is how many pictures any attack mixes in.
const mostOthers = 3

// attack mixes in pictures of the strangers where the attack wants others.
func (b *bench) attack(a fixtures.Attack) alteration {
	return func(ctx context.Context, list []Source, i int) ([]byte, error) {
		rng := rand.New(rand.NewPCG(b.Seed, uint64(i)))
		src, err := b.Decode(ctx, list[i].Encoded)
		if err != nil {
			return nil, err
		}
		// As many are drawn whatever the attack mixes in, so that all go on by the same chance.
		var drawn [mostOthers]Source
		for n := range drawn {
			drawn[n] = b.strangers[rng.IntN(len(b.strangers))]
		}
		others := make([]image.Image, a.Others)
		for n := range others {
			if others[n], err = b.Decode(ctx, drawn[n].Encoded); err != nil {
				return nil, err
			}
		}
		encoded, _ := a.Apply(rng, src, others...)
		return encoded, nil
	}
}

// each calls do for 0..n-1, several at a time.
func (b *bench) each(n int, do func(i int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range b.Workers {
		workers.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
}

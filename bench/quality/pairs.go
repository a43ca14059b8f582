package quality

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Pair is a reference and a picture that is known to be a copy of it.
type Pair struct{ Reference, Query string }

// ReadPairs reads lines of kind, group, reference and query, separated by tabs, and keeps those of
// kind copy; a line of headings is no such line.
func ReadPairs(r io.Reader) (pairs []Pair, _ error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 4 {
			return nil, fmt.Errorf("line %d: want a kind, a group, a reference and a query separated by tabs", n)
		}
		if fields[0] == "copy" {
			pairs = append(pairs, Pair{fields[2], fields[3]})
		}
	}
	return pairs, lines.Err()
}

// pairs asks about the copies of registered references. A copy is found when that very reference is
// answered, not a sibling.
func (b *bench) pairs(ctx context.Context, report *Report) error {
	encoded := map[string][]byte{}
	for _, s := range b.all {
		encoded[s.Name] = s.Encoded
	}
	registered := map[string]bool{}
	for _, s := range b.references {
		registered[s.Name] = true
	}
	var mu sync.Mutex
	var failed error
	b.each(len(b.Copies), func(i int) {
		p := b.Copies[i]
		if !registered[p.Reference] || encoded[p.Query] == nil {
			return
		}
		found, err := b.finds(ctx, encoded[p.Query], p.Reference)
		mu.Lock()
		defer mu.Unlock()
		report.Pairs.Asked++
		switch {
		case err != nil:
			failed = fmt.Errorf("%s: %w", p.Query, err)
		case found:
			report.Pairs.Found++
		default:
			report.Pairs.Missed = append(report.Pairs.Missed, p.Reference+" in "+p.Query)
		}
	})
	return failed
}

func (b *bench) finds(ctx context.Context, encoded []byte, reference string) (bool, error) {
	picture, err := b.Fingerprint(ctx, encoded)
	if err != nil {
		return false, err
	}
	answers, err := tiers{b.Index}.answer(ctx, picture)
	for _, a := range answers {
		if a.name == reference {
			return true, nil
		}
	}
	return false, err
}

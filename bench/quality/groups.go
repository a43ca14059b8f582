package quality

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Groups say which pictures are known to show the same, so that an answer with a sibling is no
// mistake. The zero value knows nothing.
type Groups struct{ parent map[string]string }

// Read is the groups with those of pairs of names, one pair a line, separated by a tab; further columns
// are ignored.
func (g Groups) Read(r io.Reader) (Groups, error) {
	var pairs []Pair
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 2 {
			return Groups{}, fmt.Errorf("line %d: want two names separated by a tab", n)
		}
		pairs = append(pairs, Pair{fields[0], fields[1]})
	}
	return g.With(pairs), lines.Err()
}

// With is the groups with each of the pairs in one.
func (g Groups) With(pairs []Pair) Groups {
	if g.parent == nil {
		g.parent = map[string]string{}
	}
	for _, p := range pairs {
		g.join(p.Reference, p.Query)
	}
	return g
}

func (g Groups) join(a, b string) {
	a, b = g.of(a), g.of(b)
	if a != b {
		g.parent[a] = b
	}
}

// of is the name that stands for the picture's group: its own when it is alone.
func (g Groups) of(name string) string {
	for {
		parent, ok := g.parent[name]
		if !ok {
			return name
		}
		name = parent
	}
}

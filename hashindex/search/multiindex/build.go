package multiindex

import (
	"runtime"
	"sync"
)

// build makes a level of runs of sorted entries, in steps as small as asked for.
type build struct {
	level *level
	run   *run
	rough [pair]rough

	// Gathering the entries is stage 0; counting the buckets of the i-th pair of tables is stage 3i+1,
	// sorting the entries 3i+2, listing them 3i+3.
	stage int
	at    int // places done in this stage
}

// stages is how often a build of this width goes through its entries.
func stages(bits int) int { return 3*bits/pieceBits/pair + 1 }

func newBuild(bits int, sources []source) *build {
	n := 0
	for _, s := range sources {
		n += s.level.live()
	}
	l := newLevel(bits, n)
	l.makeTables(n)
	return &build{level: l, run: newRun(sources)}
}

// step goes through about n entries, in one stage or several, and reports whether all is built.
func (b *build) step(n int) bool {
	for last := 3 * len(b.level.tables) / pair; b.stage <= last; {
		if n <= 0 {
			return false
		}
		n -= b.advance(n)
	}
	return true
}

// advance stays in one stage and counts at least one entry, so that stages of none end too.
func (b *build) advance(n int) int {
	if b.stage == 0 {
		return b.gather(n)
	}
	l, i := b.level, (b.stage-1)/3*pair
	from, to := b.at, min(b.at+n, l.size())
	switch b.stage % 3 {
	case 1:
		l.tally(i, from, to)
	case 2:
		l.sort(&b.rough, i, from, to)
	case 0:
		for k := range b.rough {
			l.tables[i+k].list(b.rough[k].entries[from:to])
		}
	}
	b.at = to
	if to == l.size() {
		b.next(i)
	}
	return max(to-from, 1)
}

func (b *build) gather(n int) int {
	for i := range n {
		if !b.run.next() {
			b.stage, b.at = 1, 0
			return i + 1
		}
		b.level.add(b.run.level.at(b.run.place))
	}
	return n
}

func (b *build) next(i int) {
	for k := range b.rough {
		t := &b.level.tables[i+k]
		switch b.stage % 3 {
		case 1:
			t.settle()
			b.rough[k].begin(t, b.level.size())
		case 0:
			t.seal()
		}
	}
	b.stage, b.at = b.stage+1, 0
}

// bytes is the memory held. What sorting needs is not there yet at first, but will be.
func (b *build) bytes() int { return b.level.bytes() + pair*8*cap(b.level.records)/b.level.stride }

// tabulate makes the tables of a level that has its entries, on all processors.
func (l *level) tabulate() {
	l.makeTables(l.size())
	pairs := make(chan int, len(l.tables)/pair)
	for i := 0; i < len(l.tables); i += pair {
		pairs <- i
	}
	close(pairs)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), cap(pairs)) {
		workers.Go(func() {
			var r [pair]rough
			for i := range pairs {
				l.tabulatePair(i, &r)
			}
		})
	}
	workers.Wait()
}

func (l *level) tabulatePair(i int, r *[pair]rough) {
	l.tally(i, 0, l.size())
	for k := range r {
		l.tables[i+k].settle()
		r[k].begin(&l.tables[i+k], l.size())
	}
	l.sort(r, i, 0, l.size())
	for k := range r {
		l.tables[i+k].list(r[k].entries)
		l.tables[i+k].seal()
	}
}

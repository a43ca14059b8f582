package load_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"touchstone/bench/load"
)

func TestClosedLoopKeepsItsWorkersBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at, most, sent atomic.Int64
		stream := &load.Stream{Name: "work", Unit: "pieces", Each: 10, Workers: 3, Send: func(context.Context, int) error {
			sent.Add(1)
			most.Store(max(most.Load(), at.Add(1)))
			time.Sleep(100 * time.Millisecond)
			at.Add(-1)
			return nil
		}}
		rows := run(t, load.Config{Streams: []*load.Stream{stream}, Phases: 1, Phase: time.Second})
		r := rows[0]
		if r.Requests != 30 || r.Rate != 30 || r.Units != 300 || most.Load() != 3 || r.P50 != 0.1 || r.Max != 0.1 {
			t.Errorf("%d at once: %+v", most.Load(), r)
		}
	})
}

// TestOpenLoopCountsFromWhenARequestWasDue: a server that stalls for a second is a second late for all who
// came meanwhile, whoever was held up by whom.
func TestOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &load.Stream{Name: "work", Rate: 10, Workers: 1, Send: func(_ context.Context, n int) error {
			if n == 0 {
				time.Sleep(time.Second)
			}
			return nil
		}}
		r := run(t, load.Config{Streams: []*load.Stream{stream}, Phases: 1, Phase: 2 * time.Second})[0]
		if r.Requests != 20 || r.Max != 1 || r.P50 < 0.05 || r.P50 > 0.15 {
			t.Errorf("%+v", r)
		}
	})
}

func TestDisturbanceRunsInEverySecondPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disturbing atomic.Bool
		numbers := map[int]bool{}
		other := &load.Stream{Name: "adds", Rate: 5, Workers: 1, Send: func(context.Context, int) error { disturbing.Store(true); return nil }}
		stream := &load.Stream{Name: "work", Workers: 1, Send: func(_ context.Context, n int) error {
			if numbers[n] {
				t.Errorf("request %d was sent twice", n)
			}
			numbers[n] = true
			time.Sleep(10 * time.Millisecond)
			if disturbing.Swap(false) {
				time.Sleep(40 * time.Millisecond)
			}
			return nil
		}}
		rows := run(t, load.Config{Streams: []*load.Stream{stream}, Disturbing: []*load.Stream{other}, Phases: 4, Phase: time.Second})
		if len(rows) != 3 || rows[0].With != "" || rows[1].With != "adds" || rows[2].Stream != "adds" {
			t.Fatalf("%+v", rows)
		}
		if rows[0].Max != 0.01 || rows[1].Max != 0.05 || rows[2].Requests != 10 {
			t.Errorf("%+v", rows)
		}
		var text strings.Builder
		if err := load.WriteText(&text, rows); err != nil || !strings.Contains(text.String(), "beside adds is") {
			t.Errorf("%v\n%s", err, text.String())
		}
	})
}

func TestErrorsAreCountedAndTheFirstIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := &load.Stream{Name: "work", Workers: 1, Send: func(_ context.Context, n int) error {
			time.Sleep(100 * time.Millisecond)
			if n%2 == 0 {
				return errors.New("refused")
			}
			return nil
		}}
		r := run(t, load.Config{Streams: []*load.Stream{stream}, Phases: 1, Phase: time.Second})[0]
		if r.Requests != 5 || r.Errors != 5 || r.Error != "refused" {
			t.Errorf("%+v", r)
		}
	})
}

func run(t *testing.T, config load.Config) []load.Row {
	t.Helper()
	rows, err := load.Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

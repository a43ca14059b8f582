package gate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"touchstone/api/gate"
)

// arrivals is work that comes to a lane in the time of the test's own: what became of it.
type arrivals struct {
	mu      sync.Mutex
	took    []time.Duration // from coming to leaving, of what was let in
	turned  int
	longest int // queue
}

// offer sends so many pieces, each after a random pause with that mean, and each taking service.
func offer(lane *gate.Lane, rng *rand.Rand, pieces int, pause, service time.Duration) *arrivals {
	a := &arrivals{}
	var work sync.WaitGroup
	for range pieces {
		time.Sleep(time.Duration(rng.ExpFloat64() * float64(pause)))
		work.Go(func() { a.one(lane, service) })
	}
	work.Wait()
	return a
}

func (a *arrivals) one(lane *gate.Lane, service time.Duration) {
	begun := time.Now()
	leave, err := lane.Enter(context.Background())
	if err == nil {
		time.Sleep(service)
		leave()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.longest = max(a.longest, lane.Figures().Waiting)
	if err != nil {
		a.turned++
		return
	}
	a.took = append(a.took, time.Since(begun))
}

func (a *arrivals) percentile(p int) time.Duration {
	slices.Sort(a.took)
	return a.took[(len(a.took)-1)*p/100]
}

// TestFiveTimesTheCapacityLeavesWhatIsLetInOnTime compares a minute at five times the capacity with one
// at four fifths of it.
func TestFiveTimesTheCapacityLeavesWhatIsLetInOnTime(t *testing.T) {
	const service, places = 50 * time.Millisecond, 2
	const capacity = service / places // between two pieces
	config := gate.Config{Name: "pictures", AtOnce: places, Patience: 2 * time.Second, Usual: service}
	for seed := range uint64(2) { // the same in each run
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			normal := offer(gate.NewLane(config), rng, int(time.Minute/capacity)*4/5, capacity*5/4, service)
			flooded := gate.NewLane(config)
			begun := time.Now()
			over := offer(flooded, rng, int(time.Minute/capacity)*5, capacity/5, service)
			did, could := len(over.took), int(time.Since(begun)/capacity)
			t.Logf("seed %d: normal: p50 %s, p99 %s, %d turned away; flooded: p50 %s, p99 %s, %d done of %d possible, %d turned away",
				seed, normal.percentile(50), normal.percentile(99), normal.turned, over.percentile(50), over.percentile(99), did, could, over.turned)
			if over.percentile(99) > 2*normal.percentile(99) {
				t.Errorf("p99 is %s, want at most twice the normal %s", over.percentile(99), normal.percentile(99))
			}
			if did < could*95/100 {
				t.Errorf("%d pieces done, want nearly the %d that there were places for", did, could)
			}
			if normal.turned > len(normal.took)/50 {
				t.Errorf("%d pieces of %d turned away below the capacity", normal.turned, len(normal.took))
			}
			if f := flooded.Figures(); f.Active != 0 || f.Waiting != 0 || int(f.TurnedAway) != over.turned {
				t.Errorf("afterwards: %+v", f)
			}
		})
	}
}

func TestBurstIsLetInForAFewTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := gate.Config{Name: "x", AtOnce: 2, Patience: time.Minute, Usual: 100 * time.Millisecond}
		a := offer(gate.NewLane(config), rand.New(rand.NewPCG(1, 1)), 30, 0, 100*time.Millisecond)
		if len(a.took) != 10 || a.turned != 20 || a.percentile(100) != 500*time.Millisecond {
			t.Errorf("%d let in, %d turned away, the last after %s; want two at once and eight who wait for four turns at most", len(a.took), a.turned, a.percentile(100))
		}
		config.Patience = 250 * time.Millisecond
		if a := offer(gate.NewLane(config), rand.New(rand.NewPCG(1, 1)), 30, 0, 100*time.Millisecond); len(a.took) != 6 {
			t.Errorf("%d let in, want two at once and four who wait for 250 ms at most", len(a.took))
		}
		config.Usual = 10 * time.Microsecond
		if a := offer(gate.NewLane(config), rand.New(rand.NewPCG(1, 1)), 500, 0, 10*time.Microsecond); a.turned != 0 {
			t.Errorf("%d of a burst of what takes no time are turned away", a.turned)
		}
	})
}

func TestLaneLearnsWhatATurnTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := gate.NewLane(gate.Config{Name: "x", AtOnce: 1, Patience: time.Minute, Usual: time.Millisecond})
		for range 100 {
			offer(lane, rand.New(rand.NewPCG(1, 1)), 1, 0, time.Second)
		}
		if mean := lane.Figures().Mean; mean < 990*time.Millisecond || mean > time.Second {
			t.Errorf("a turn of a second takes %s", mean)
		}
	})
}

func TestResumedWorkComesNextAndCountsForWhatItResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := gate.NewLane(gate.Config{Name: "x", AtOnce: 1, Patience: time.Minute, Usual: 100 * time.Millisecond})
		var mu sync.Mutex
		var order []string
		take := func(name string, enter func(context.Context) (func(), error)) {
			leave, err := enter(t.Context())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			leave()
		}
		var work sync.WaitGroup
		for _, each := range []struct {
			name  string
			enter func(context.Context) (func(), error)
		}{{"first", lane.Enter}, {"second", lane.Enter}, {"waiting", lane.Wait}, {"resumed", lane.Resume}} {
			work.Go(func() { take(each.name, each.enter) })
			synctest.Wait()
		}
		work.Wait()
		if got := fmt.Sprint(order); got != "[first resumed second waiting]" {
			t.Errorf("the order is %s", got)
		}
		for range 100 { // a piece, and two that resume it
			take("a", lane.Enter)
			take("b", lane.Resume)
			take("c", lane.Resume)
		}
		if mean := lane.Figures().Mean; mean < 290*time.Millisecond || mean > 320*time.Millisecond {
			t.Errorf("a piece of three turns of 100 ms takes %s", mean)
		}
	})
}

func TestWhoWaitsLongerThanExpectedIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := gate.NewLane(gate.Config{Name: "x", AtOnce: 1, Patience: time.Second, Usual: time.Millisecond})
		leave, err := lane.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		_, err = lane.Enter(t.Context())
		if busy, ok := errors.AsType[*gate.Busy](err); !ok || busy.After <= 0 || time.Since(begun) != time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err = lane.Resume(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("work that goes on waits for as long as its context: %v", err)
		}
		resumed := make(chan error)
		go func() {
			again, err := lane.Resume(context.Background())
			again()
			resumed <- err
		}()
		synctest.Wait()
		leave()
		if err := <-resumed; err != nil {
			t.Error(err)
		}
		if f := lane.Figures(); f.Active != 0 || f.Waiting != 0 {
			t.Errorf("afterwards: %+v", f)
		}
	})
}

func TestTurnsAreTakenInOrderAndNoneIsLost(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 1))
		lane := gate.NewLane(gate.Config{Name: "x", AtOnce: 2, Patience: time.Hour, Usual: time.Millisecond})
		var mu sync.Mutex
		var order []int
		var work sync.WaitGroup
		for n := range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			if rng.IntN(3) == 0 {
				time.AfterFunc(time.Duration(rng.IntN(100))*time.Millisecond, cancel)
			}
			work.Go(func() {
				defer cancel()
				leave, err := lane.Enter(ctx)
				if err != nil {
					return
				}
				mu.Lock()
				order = append(order, n)
				mu.Unlock()
				time.Sleep(5 * time.Millisecond)
				leave()
				leave()
			})
			synctest.Wait()
		}
		work.Wait()
		// Two places begin at the same moment, so neighbours may be written the other way round.
		for i := 2; i < len(order); i++ {
			if order[i] < order[i-2] {
				t.Errorf("%d had its turn after %d", order[i], order[i-2])
			}
		}
		if f := lane.Figures(); f.Active != 0 || f.Waiting != 0 {
			t.Errorf("afterwards: %+v", f)
		}
	})
}

func TestNoClientFillsTheMemoryOfAll(t *testing.T) {
	m := gate.NewBudget(100, 40)
	greedy := m.Claim("greedy")
	for _, each := range []struct {
		claim *gate.Claim
		bytes int64
		full  string // the limit that refuses it
	}{
		{greedy, 40, ""}, {greedy, 1, "mine"}, {m.Claim("greedy"), 1, "mine"},
		{m.Claim("b"), 40, ""}, {m.Claim("c"), 21, "all"}, {m.Claim("c"), 20, ""}, {m.Claim("d"), 1, "all"},
	} {
		err := each.claim.Hold(each.bytes)
		full, refused := errors.AsType[*gate.Full](err)
		if refused != (each.full != "") || refused && full.Mine != (each.full == "mine") {
			t.Errorf("%d bytes: %v, want %q", each.bytes, err, each.full)
		}
	}
	greedy.Release(30)
	if err := greedy.Hold(30); err != nil || m.Held() != 100 {
		t.Errorf("what was given back: %v, %d held", err, m.Held())
	}
	greedy.Release(1000) // no more than it holds
	greedy.Close()
	if m.Held() != 60 {
		t.Errorf("%d held, want 60", m.Held())
	}
}

// TestMemoryAddsUp compares many claims at once with a sum.
func TestMemoryAddsUp(t *testing.T) {
	m := gate.NewBudget(1000, 300)
	var work sync.WaitGroup
	for n := range 20 {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for range 100 {
				claim, held := m.Claim(fmt.Sprint("client", n%5)), int64(0)
				for range 10 {
					if bytes := rng.Int64N(50); claim.Hold(bytes) == nil {
						held += bytes
					}
				}
				if m.Held() > 1000 {
					t.Errorf("%d held", m.Held())
				}
				claim.Release(held / 2)
				claim.Close()
			}
		})
	}
	work.Wait()
	if m.Held() != 0 {
		t.Errorf("%d held in the end", m.Held())
	}
}

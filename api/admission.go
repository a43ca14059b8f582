package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/gate"
)

// lanes keep what is quick from waiting behind what is slow. A request takes a place once its body has
// arrived, or else slow clients would fill them, and gives it back when its answer begins.
type lanes struct {
	quick   *gate.Lane // reads, and look-ups of hashes
	picture *gate.Lane // one place for each picture being decoded, or searched for in every tier
	video   *gate.Lane // one place for each video being decoded: half of the workers, so that pictures are answered meanwhile
	write   *gate.Lane // which share commits, so that many at once cost little more than one
}

func newLanes(c Config) lanes {
	lane := func(name string, atOnce int, usual time.Duration) *gate.Lane {
		return gate.NewLane(gate.Config{Name: name, AtOnce: atOnce, Patience: c.Limits.QueueWait, Usual: usual})
	}
	return lanes{
		quick:   lane("quick work", 4*runtime.GOMAXPROCS(0), 2*time.Millisecond),
		picture: lane("pictures", c.Workers, 50*time.Millisecond),
		video:   lane("videos", max(1, c.Workers/2), time.Second),
		write:   lane("writes", 64, 20*time.Millisecond),
	}
}

func (l lanes) all() map[string]*gate.Lane {
	return map[string]*gate.Lane{"quick": l.quick, "picture": l.picture, "video": l.video, "write": l.write}
}

// laneOf is the lane of a route's own work; pictures take their places one by one besides. Those that
// tell whether the server is alive never wait.
func (l lanes) laneOf(r route) *gate.Lane {
	switch {
	case r.need.public:
		return nil
	case r.method == http.MethodGet || r.path == "/v1/match/hash":
		return l.quick
	case slices.Contains([]string{"/v1/match", "/v1/compare", "/v1/compare/overlay", "/v1/hash"}, r.path):
		return nil // pictures, and nothing else
	}
	return l.write
}

// place is that of a request in its lane.
type place struct {
	lane  *gate.Lane // nil: it needs none
	leave func()     // nil: it has none yet
}

const placeKey = "place"

// placed gives the request the lane of its route, and a place at once where no body has to arrive first.
func (s *Server) placed(r route) echo.MiddlewareFunc {
	lane := s.lanes.laneOf(r)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if lane == nil {
			return next
		}
		return func(c echo.Context) error {
			p := &place{lane: lane}
			defer p.end()
			c.Set(placeKey, p)
			c.Response().Before(p.end) // whoever reads slowly keeps nobody waiting
			if r.method == http.MethodGet || r.method == http.MethodDelete {
				if err := begin(c); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

func (p *place) end() {
	if p.leave != nil {
		p.leave()
	}
}

// begin takes the request's place in its lane, now that what it needs is there. It may be called again.
func begin(c echo.Context) error {
	p, _ := c.Get(placeKey).(*place)
	if p == nil || p.leave != nil {
		return nil
	}
	leave, err := p.lane.Enter(c.Request().Context())
	p.leave = leave
	return crowded(err)
}

// stepOut gives the request's place up for as long as it waits for what is not this server's to do. Begin
// takes one again.
func stepOut(c echo.Context) {
	if p, _ := c.Get(placeKey).(*place); p != nil {
		p.end()
		p.leave = nil
	}
}

// crowded gives a lane's refusal its kind.
func crowded(err error) error {
	if busy, ok := errors.AsType[*gate.Busy](err); ok {
		return &failure{kind: overloaded, detail: busy.Error(), after: max(busy.After, time.Second)}
	}
	return err
}

// clientOf names whoever a request's memory counts for: the key, or else the address. Of IPv6 it is the
// network, as one machine has many addresses there.
func clientOf(c echo.Context) string {
	if id := callerOf(c).id; id != "" {
		return "key " + id
	}
	address, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return "unknown"
	}
	if address = address.Unmap(); address.Is6() {
		network, _ := address.Prefix(64) // of an address of IPv6 that does not fail
		return network.String()
	}
	return address.String()
}

// hold counts n of what requests may hold: bytes, or requests.
func hold(claim *gate.Claim, what string, n int64) error {
	err := claim.Hold(n)
	full, ok := errors.AsType[*gate.Full](err)
	switch {
	case !ok:
		return err
	case full.Mine:
		return &failure{kind: rateLimited, detail: full.Error() + ": send less at once", limit: "client_" + what, max: full.Max}
	}
	return &failure{kind: overloaded, detail: full.Error() + ": send less at once", limit: "held_" + what, max: full.Max}
}

// takePlace waits for a place among the pictures: the first of a request may be turned away.
func (s *Server) takePlace(ctx context.Context, first bool) (leave func(), err error) {
	if first {
		leave, err = s.lanes.picture.Enter(ctx)
	} else {
		leave, err = s.lanes.picture.Resume(ctx)
	}
	return leave, crowded(err)
}

package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// followers bounds how many clients wait for events.
type followers struct {
	mu  sync.Mutex // guards what follows
	all int
	of  map[string]int // by client
}

// join counts one more, who leaves by leave.
func (f *followers) join(client string, l Limits) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.all >= l.Followers:
		return nil, &failure{kind: overloaded, detail: fmt.Sprintf("%d clients follow streams already", f.all), limit: "followers", max: int64(l.Followers)}
	case f.of[client] >= l.Following:
		return nil, &failure{kind: rateLimited, detail: fmt.Sprintf("the client follows %d streams already", f.of[client]), limit: "client_followers", max: int64(l.Following)}
	}
	f.all++
	f.of[client]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.all--
		if f.of[client]--; f.of[client] == 0 {
			delete(f.of, client)
		}
	}, nil
}

func (f *followers) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all
}

// follower is a client that is told the events of a stream. Events are read from the store as it takes them, the
// last one of each segment: one that reads slowly is told less often, holds nothing, and keeps nobody waiting.
type follower struct {
	server *Server
	c      echo.Context
	conn   *http.ResponseController
	id     string
	seq    uint64 // told last
	out    bytes.Buffer
}

const eventStreamType = "text/event-stream"

func (s *Server) followStream(c echo.Context) error {
	o := optionsOf(c)
	after := uint64(o.integer("after", 0, 0, math.MaxInt))
	if o.err != nil {
		return o.err
	}
	if last := c.Request().Header.Get("Last-Event-ID"); last != "" {
		var err error
		if after, err = strconv.ParseUint(last, 10, 63); err != nil {
			return invalid("Last-Event-ID", "%.40q is no id of an event of this server", last)
		}
	}
	of, err := s.stream(c)
	if err != nil {
		return err
	}
	leave, err := s.tail.join(clientOf(c), s.limits)
	if err != nil {
		return err
	}
	defer leave()
	f := &follower{server: s, c: c, conn: http.NewResponseController(c.Response().Writer), id: of.ID, seq: after}
	c.Response().Header().Set("Content-Type", eventStreamType)
	c.Response().WriteHeader(200)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	return f.run()
}

// run tells events until the stream has ended, the client goes away or no longer reads, or the server stops.
func (f *follower) run() error {
	heart := time.NewTicker(f.server.limits.Heartbeat)
	defer heart.Stop()
	for {
		moved := f.server.streams.Moved(f.id) // asked before reading: what happens in between is not missed
		if err := f.tell(); err != nil {
			return err
		}
		if moved == nil {
			return f.tellEnd()
		}
		select {
		case <-moved:
		case <-heart.C:
			f.out.WriteString(":\n\n")
		case <-f.server.stopping.Done():
			return nil
		case <-f.c.Request().Context().Done():
			return f.c.Request().Context().Err()
		}
	}
}

// tell writes what is new. Each time the request gets time for the next.
func (f *follower) tell() error {
	bodyOf(f.c.Request()).clock.extend(2*f.server.limits.Heartbeat + f.server.limits.FollowWait)
	segments, err := f.server.streams.Events(f.c.Request().Context(), f.id, f.seq)
	if err != nil {
		return aboutStream(err)
	}
	for _, segment := range segments {
		f.event(segment.Seq, segment.State.String(), f.server.wireStreamSegment(segment))
		if f.seq = segment.Seq; f.out.Len() >= flushAt {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	return f.flush()
}

func (f *follower) tellEnd() error {
	of, err := f.server.streams.Stream(f.c.Request().Context(), f.id)
	if err != nil {
		return aboutStream(err)
	}
	f.event(of.Seq, "ended", wireStream(of))
	return f.flush()
}

func (f *follower) event(seq uint64, name string, data any) {
	text, _ := json.Marshal(data) // these types cannot fail
	fmt.Fprintf(&f.out, "id: %d\nevent: %s\ndata: %s\n\n", seq, name, text)
}

func (f *follower) flush() error {
	f.conn.SetWriteDeadline(time.Now().Add(f.server.limits.FollowWait))
	_, err := f.c.Response().Write(f.out.Bytes())
	f.out.Reset()
	if err == nil {
		err = f.conn.Flush()
	}
	if err != nil {
		return fail(clientGone, "%v", err)
	}
	return nil
}

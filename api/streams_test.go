package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/hashindex/store/memory"
)

// still adds the picture of which hexOf is the hash, and returns its id.
func (h *house) still(collection string, n int) string {
	h.t.Helper()
	a := h.json("POST", "/v1/collections/"+collection+"/references", map[string]any{"external_id": fmt.Sprint(n), "hashes": map[string]string{"pdq": hexOf(n)}})
	return into[wire.AddedReferences](a.want(201)).References[0].ID
}

func streamFrames(from int, hashes ...int) (frames wire.StreamFrames) {
	for i, n := range hashes {
		frames.Frames = append(frames.Frames, wire.StreamFrame{At: new(float64(from + i)), PDQ: hexOf(n), Quality: new(90)})
	}
	return frames
}

func (h *house) stream(asked wire.NewStream) wire.Stream {
	h.t.Helper()
	return into[wire.Stream](h.json("POST", "/v1/streams", asked).want(201))
}

// standing is a picture that stands still.
func standing(n, times int) (list []int) {
	for range times {
		list = append(list, n)
	}
	return list
}

func TestStreamTellsWhatItShows(t *testing.T) {
	h := open(t).ready()
	h.collection("films", "work")
	id := h.still("films", 100)
	opened := h.stream(wire.NewStream{Subject: "channel-7", Policy: &wire.StreamPolicy{Frames: 4, Seconds: 20}})
	if opened.State != "open" || opened.Policy.Frames != 4 || opened.Policy.Seconds != 20 || opened.Bytes == 0 {
		t.Errorf("%+v", opened)
	}
	path := "/v1/streams/" + opened.ID
	fed := into[wire.FedFrames](h.json("POST", path+"/frames", streamFrames(0, 1, 2, 3, 4, 5)).want(200))
	if fed.Counts.Searched != 5 || fed.Seq != 0 || len(fed.OpenSegments) != 0 {
		t.Errorf("%+v", fed)
	}
	fed = into[wire.FedFrames](h.json("POST", path+"/frames", streamFrames(5, standing(100, 10)...)).want(200))
	if fed.Counts.Searched != 1 || fed.Counts.Unchanged != 9 || fed.Seq == 0 || len(fed.OpenSegments) != 1 {
		t.Errorf("%+v", fed)
	}
	ended := into[wire.Stream](h.delete(path).want(200))
	if ended.State != "ended" || ended.Reason != "asked" || ended.Counts.Frames != 15 || ended.Segments != 1 || len(ended.OpenSegments) != 0 {
		t.Errorf("%+v", ended)
	}
	segments := into[wire.StreamSegments](h.get(path + "/segments").want(200)).Segments
	if len(segments) != 1 || segments[0].ReferenceID != id || segments[0].ExternalID != "100" || segments[0].State != "closed" ||
		segments[0].From < 4 || segments[0].From > 5 || segments[0].To < 14 || segments[0].Frames != 10 {
		t.Errorf("%+v", segments)
	}
}

// event is one of a stream's, as the client reads it.
type event struct{ id, name, data string }

// follow sends the stream's events until the answer ends.
func (h *house) follow(ctx context.Context, path, last string) <-chan event {
	h.t.Helper()
	r := h.request("GET", path+"/events", "", nil).WithContext(ctx)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("%d %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	events := make(chan event, 100)
	go func() {
		defer close(events)
		defer response.Body.Close()
		var e event
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					events <- e
				}
				e = event{}
			}
		}
	}()
	return events
}

func TestFollowerIsToldEventsAndAfterwardsWhatItMissed(t *testing.T) {
	h := open(t).ready()
	h.collection("films", "work")
	h.still("films", 100)
	path := "/v1/streams/" + h.stream(wire.NewStream{}).ID
	events := h.follow(t.Context(), path, "")
	h.json("POST", path+"/frames", streamFrames(0, standing(100, 8)...)).want(200)
	first := <-events
	if first.name != "opened" || first.id != "1" {
		t.Fatalf("%+v", first)
	}
	h.json("POST", path+"/frames", streamFrames(8, standing(100, 8)...)).want(200)
	if grown := <-events; grown.name != "grown" || grown.id != "2" {
		t.Errorf("%+v", grown)
	}
	h.delete(path).want(200)
	for _, want := range []string{"closed", "ended"} {
		if e := <-events; e.name != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	if e, more := <-events; more {
		t.Errorf("%+v after the end", e)
	}
	missed := h.follow(t.Context(), path, first.id)
	e := <-missed
	var segment wire.StreamSegment
	if err := json.Unmarshal([]byte(e.data), &segment); err != nil || e.name != "closed" || segment.Frames != 16 {
		t.Errorf("%+v, %v, want the segment as it closed", e, err)
	}
	if e := <-missed; e.name != "ended" {
		t.Errorf("%+v, want ended", e)
	}
	if e := <-h.follow(t.Context(), path, e.id); e.name != "ended" {
		t.Errorf("%+v: told again what was read", e)
	}
}

func TestFollowersAreBoundedAndEndWithTheServer(t *testing.T) {
	h := openWith(t, api.Config{Limits: api.Limits{Followers: 3, Following: 2}}).ready()
	path := "/v1/streams/" + h.stream(wire.NewStream{}).ID
	ctx, cancel := context.WithCancel(t.Context())
	one, two := h.follow(t.Context(), path, ""), h.follow(ctx, path, "")
	if p := h.get(path+"/events").problem(429, "rate_limited"); p.Limit != "client_followers" || p.Max != 2 {
		t.Errorf("%+v", p)
	}
	cancel()
	for range two {
		t.Error("an event where nothing has happened")
	}
	h.server.Stop()
	for range one {
		t.Error("an event where nothing has happened")
	}
}

func TestFollowerThatDoesNotReadIsDropped(t *testing.T) {
	h := openWith(t, api.Config{Limits: api.Limits{FollowWait: 50 * time.Millisecond, Heartbeat: time.Millisecond}}).ready()
	path := "/v1/streams/" + h.stream(wire.NewStream{}).ID
	dropped := make(chan struct{})
	go func() {
		defer close(dropped)
		r := h.request("GET", path+"/events", "", nil)
		h.server.ServeHTTP(newStuck(), r)
	}()
	h.json("POST", path+"/frames", streamFrames(0, 1, 2, 3)).want(200) // meanwhile nobody waits for it
	select {
	case <-dropped:
	case <-time.After(2 * time.Minute):
		t.Fatal("it is still there")
	}
}

// stuck is a connection whose client takes nothing more: writes wait for their deadline.
type stuck struct {
	header   http.Header
	deadline time.Time
}

func newStuck() *stuck                               { return &stuck{header: http.Header{}} }
func (s *stuck) Header() http.Header                 { return s.header }
func (s *stuck) WriteHeader(int)                     {}
func (s *stuck) FlushError() error                   { return nil }
func (s *stuck) SetWriteDeadline(at time.Time) error { s.deadline = at; return nil }
func (s *stuck) Write(p []byte) (int, error) {
	if s.deadline.IsZero() {
		return 0, fmt.Errorf("a write of %d bytes without a deadline", len(p))
	}
	<-time.After(time.Until(s.deadline))
	return 0, context.DeadlineExceeded
}

func TestStreamIsThereAfterARestart(t *testing.T) {
	index := openIndex(t, memory.New())
	h := serve(t, index, api.Config{}).ready()
	h.collection("films", "work")
	h.still("films", 100)
	id := h.stream(wire.NewStream{Subject: "channel-7"}).ID
	h.json("POST", "/v1/streams/"+id+"/frames", streamFrames(0, standing(100, 8)...)).want(200)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = serve(t, index, api.Config{})
	h.json("POST", "/v1/streams/"+id+"/frames", streamFrames(9, standing(100, 8)...)).want(200)
	s := into[wire.Stream](h.delete("/v1/streams/" + id).want(200))
	if s.Subject != "channel-7" || s.Counts.Frames != 16 || s.Segments != 1 {
		t.Errorf("%+v, want one segment of all frames", s)
	}
}

func TestRepeatedOpeningOpensOneStream(t *testing.T) {
	h := open(t).ready()
	first := into[wire.Stream](h.keyed("k", "POST", "/v1/streams", `{}`).want(201))
	again := into[wire.Stream](h.keyed("k", "POST", "/v1/streams", `{}`).want(201))
	if all := into[wire.Streams](h.get("/v1/streams").want(200)).Streams; len(all) != 1 || first.ID != again.ID {
		t.Errorf("%s and %s of %+v", first.ID, again.ID, all)
	}
	body := string(marshal(t, streamFrames(0, 1, 2, 3)))
	path := "/v1/streams/" + first.ID + "/frames"
	one, two := h.keyed("f", "POST", path, body).want(200), h.keyed("f", "POST", path, body).want(200)
	if string(one.body) != string(two.body) || two.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s, then %s", one.body, two.body)
	}
}

func TestPagesOfStreamsCoverAll(t *testing.T) {
	h := open(t).ready()
	want := map[string]bool{}
	for range 5 {
		want[h.stream(wire.NewStream{}).ID] = true
	}
	path, pages := "/v1/streams?limit=2", 0
	for next := "start"; next != ""; pages++ {
		page := into[wire.Streams](h.get(path).want(200))
		for _, s := range page.Streams {
			delete(want, s.ID)
		}
		next = page.Next
		path = "/v1/streams?limit=2&cursor=" + next
	}
	if pages != 3 || len(want) > 0 {
		t.Errorf("%d pages lack %v", pages, want)
	}
}

package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/keys"
	"touchstone/api/wire"
)

// raw opens a connection and sends the text on it.
func (h *house) raw(text string) net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// answerOf reads the answer to a raw request.
func (h *house) answerOf(conn net.Conn) answer {
	h.t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	if response.Close {
		response.Header.Set("Connection", "close") // which package http takes out
	}
	return answer{h.t, "raw", response.StatusCode, response.Header, body}
}

// TestSlowUploadsOfOneClientLeaveTheMemoryOfOthers lets a client begin uploads and never end them.
func TestSlowUploadsOfOneClientLeaveTheMemoryOfOthers(t *testing.T) {
	const share, each = 256 << 10, 64 << 10
	h := openWith(t, api.Config{Limits: api.Limits{HeldBytes: 4 * share, ClientBytes: share, BodyBytes: share, Body: 2 * time.Minute}}).ready()
	slow, other := h.key(keys.New{Scopes: keys.Match}), h.key(keys.New{Scopes: keys.Match})
	var uploads []net.Conn
	defer func() {
		for _, conn := range uploads {
			conn.Close()
		}
	}()
	upload := func(token string) net.Conn {
		return h.raw(fmt.Sprintf("POST /v1/hash HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s",
			token, share, strings.Repeat("x", each)))
	}
	for range share / each {
		uploads = append(uploads, upload(slow))
	}
	waitUntil(t, func() bool { return h.server.Held() == share })
	late := upload(slow)
	defer late.Close()
	a := h.answerOf(late)
	if p := a.problem(429, "rate_limited"); p.Limit != "client_bytes" || p.Max != share || a.header.Get("Retry-After") == "" {
		t.Errorf("over its share: %+v", p)
	}
	h.as(other, h.request("POST", "/v1/hash", "image/jpeg", bytes.NewReader(product(1)))).want(200)
	for _, conn := range uploads {
		conn.Close()
	}
	waitUntil(t, func() bool { return h.server.Held() == 0 })
	h.as(slow, h.request("POST", "/v1/hash", "image/jpeg", bytes.NewReader(product(1)))).want(200)
}

// waitUntil asks again and again, for as long as a test may take.
func waitUntil(t *testing.T, is func() bool) {
	t.Helper()
	for !is() {
		if t.Context().Err() != nil {
			t.Fatal("it never came true")
		}
		runtime.Gosched()
	}
}

// TestMemoryOfAllIsBounded takes many clients to fill it.
func TestMemoryOfAllIsBounded(t *testing.T) {
	size := int64(64 << 10)
	h := openWith(t, api.Config{Limits: api.Limits{HeldBytes: 2 * size, ClientBytes: size, BodyBytes: 2 * size, Body: 2 * time.Minute}}).ready()
	for range 2 {
		conn := h.raw(fmt.Sprintf("POST /v1/hash HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s",
			h.key(keys.New{Scopes: keys.Match}), 2*size, strings.Repeat("x", int(size))))
		defer conn.Close()
	}
	waitUntil(t, func() bool { return h.server.Held() == 2*size })
	token := h.key(keys.New{Scopes: keys.Admin})
	for _, a := range []answer{
		h.as(token, h.request("POST", "/v1/hash", "image/jpeg", bytes.NewReader(product(1)))),
		h.jsonAs(token, "POST", "/v1/collections", wire.NewCollection{Name: "shoes", Purpose: "brand"}),
	} {
		if p := a.problem(503, "overloaded"); p.Limit != "held_bytes" || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %+v", a.asked, p)
		}
	}
	h.getAs(token, "/v1/stats").want(200)
	h.get("/livez").want(200)
}

// TestCrowdIsTurnedAwayAndTheRestIsServed sends five times as many pictures at once as there is room for.
func TestCrowdIsTurnedAwayAndTheRestIsServed(t *testing.T) {
	const room, all = 2 + 8, 5 * (2 + 8) // two at work, and eight who wait for four turns at most
	b := newBlocked()
	h := openWith(t, api.Config{Fingerprint: b, Workers: 2, Limits: api.Limits{QueueWait: 5 * time.Minute, Request: 5 * time.Minute}}).ready()
	r := newRush(h, [][]byte{product(1)})
	for range all {
		r.send()
	}
	waitUntil(t, func() bool { return r.turnedAway() == all-room })
	h.get("/livez").want(200)
	h.get("/readyz").want(200)
	h.json("POST", "/v1/match/hash", wire.MatchHashRequest{Hashes: []string{hexOf(1)}}).want(200) // which waits in another lane
	close(b.gate)
	r.work.Wait()
	r.check(t)
	if r.served != room || b.most.Load() > 2 {
		t.Errorf("%d served, want %d; %d at once", r.served, room, b.most.Load())
	}
	h.post("/v1/hash", "image/jpeg", product(1)).want(200)
}

func (c *rush) turnedAway() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turned
}

// TestFiveTimesTheCapacityOverHTTP floods the server for as long as TOUCHSTONE_OVERLOAD says, such as 1m,
// and compares what is let in with an ordinary load. It measures, so it wants a machine to itself.
func TestFiveTimesTheCapacityOverHTTP(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("TOUCHSTONE_OVERLOAD"))
	if err != nil {
		t.Skip("TOUCHSTONE_OVERLOAD=1m measures it")
	}
	h := openWith(t, api.Config{Workers: 2}).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(100))
	h.client.Transport = &http.Transport{MaxIdleConnsPerHost: 1000}
	pictures := make([][]byte, 8)
	for i := range pictures {
		pictures[i] = product(i)
	}
	turn := h.turn(pictures)
	t.Logf("a picture takes %s", turn)
	normal := newRush(h, pictures).come(long, turn*5/4)
	over := newRush(h, pictures).come(long, turn/5)
	t.Logf("normal: %s", normal)
	t.Logf("five times the capacity: %s", over)
	normal.check(t)
	over.check(t)
	if over.percentile(99) > 2*normal.percentile(99) {
		t.Errorf("p99 is %s, want at most twice the normal %s", over.percentile(99), normal.percentile(99))
	}
	if live := over.alive[len(over.alive)/2]; live > 100*time.Millisecond {
		t.Errorf("livez takes %s", live)
	}
}

// turn is the time between two pictures when the server does nothing else.
func (h *house) turn(pictures [][]byte) time.Duration {
	const rounds, clients = 50, 4
	begun := time.Now()
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for n := range rounds {
				if a, err := h.ask(pictures[n%len(pictures)]); err != nil || a.status != 200 {
					h.t.Errorf("status %d, %v", a.status, err)
				}
			}
		})
	}
	work.Wait()
	return time.Since(begun) / (rounds * clients)
}

// rush sends pictures without waiting for the answers to those before.
type rush struct {
	h        *house
	pictures [][]byte
	work     sync.WaitGroup

	mu             sync.Mutex
	sent           int
	served, turned int
	took, alive    []time.Duration // of those served; of livez meanwhile
	odd            []string
	memory         uint64 // the most in use
}

// ask matches the picture in every tier. Nothing is held against the contract, which takes longer than the
// server does.
func (h *house) ask(picture []byte) (a answer, err error) {
	response, err := h.client.Post(h.url+"/v1/match", "image/jpeg", bytes.NewReader(picture))
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{h.t, "POST /v1/match", response.StatusCode, response.Header, body}, err
}

func newRush(h *house, pictures [][]byte) *rush { return &rush{h: h, pictures: pictures} }

func (c *rush) send() {
	n := c.sent
	c.sent++
	c.work.Go(func() {
		begun := time.Now()
		a, err := c.h.ask(c.pictures[n%len(c.pictures)])
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err != nil:
			c.odd = append(c.odd, err.Error())
		case a.status == 200:
			c.served++
			c.took = append(c.took, time.Since(begun))
		case (a.status == 503 || a.status == 429) && a.header.Get("Retry-After") != "":
			c.turned++
		default:
			c.odd = append(c.odd, fmt.Sprintf("%d %.200s", a.status, a.body))
		}
	})
}

// come sends pictures with random pauses of that mean, and asks now and then whether the server is alive.
func (c *rush) come(long, pause time.Duration) *rush {
	rng := rand.New(rand.NewPCG(1, 1))
	begun := time.Now()
	for next, asked := begun, begun; time.Since(begun) < long; {
		next = next.Add(time.Duration(rng.ExpFloat64() * float64(pause)))
		time.Sleep(time.Until(next))
		c.send()
		if time.Since(asked) > 100*time.Millisecond {
			asked = time.Now()
			c.work.Go(func() { c.askAlive() })
		}
	}
	c.work.Wait()
	slices.Sort(c.took)
	slices.Sort(c.alive)
	return c
}

func (c *rush) askAlive() {
	begun := time.Now()
	response, err := c.h.client.Get(c.h.url + "/livez")
	if err != nil || response.StatusCode != 200 {
		c.h.t.Errorf("livez: %v, %v", response, err)
		return
	}
	response.Body.Close()
	took := time.Since(begun)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive = append(c.alive, took)
	c.memory = max(c.memory, memory.HeapInuse)
}

func (c *rush) percentile(p int) time.Duration { return c.took[(len(c.took)-1)*p/100] }

func (c *rush) String() string {
	return fmt.Sprintf("%d served, p50 %s, p99 %s; %d turned away; livez p50 %s; heap at most %d MiB", c.served,
		c.percentile(50), c.percentile(99), c.turned, c.alive[len(c.alive)/2], c.memory>>20)
}

func (c *rush) check(t *testing.T) {
	t.Helper()
	if len(c.odd) > 0 {
		t.Errorf("%d answers are neither 200 nor a refusal with Retry-After, such as %s", len(c.odd), c.odd[0])
	}
	c.h.get("/livez").want(200)
}

// TestWhoWaitsForChangesTakesNoPlace has more requests wait than there are places for quick work.
func TestWhoWaitsForChangesTakesNoPlace(t *testing.T) {
	h := open(t).ready()
	waiting := 4*runtime.GOMAXPROCS(0) + 1
	var work sync.WaitGroup
	for range waiting {
		work.Go(func() { h.get("/v1/changes?wait=60").want(200) })
	}
	waitUntil(t, func() bool { return h.server.Requests() == int64(waiting) })
	h.get("/v1/limits").want(200)
	h.server.Stop() // ends what waits
	work.Wait()
}

// TestIdleConnectionsKeepNobodyOut opens more connections than are allowed and does on each as little as
// a client can. With TOUCHSTONE_IDLE=10000, say, it opens so many, and measures how much slower others are.
func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	count, long := 500, false
	if n, err := strconv.Atoi(os.Getenv("TOUCHSTONE_IDLE")); err == nil {
		count, long = n, true
	}
	h := openWith(t, api.Config{Limits: api.Limits{Connections: count / 5, ClientRequests: count / 20, Header: 2 * time.Minute, Body: 2 * time.Minute}}).ready()
	// A connection of its own for each request: one that is kept is idle too, and may give way.
	h.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	lazy, other := h.key(keys.New{Scopes: keys.Match}), h.key(keys.New{Scopes: keys.Match})
	ask := func(rounds int) []time.Duration {
		var took []time.Duration
		for range rounds {
			begun := time.Now()
			h.getAs(other, "/v1/limits").want(200)
			took = append(took, time.Since(begun))
			if rounds == 1 {
				h.as(other, h.request("POST", "/v1/hash", "image/jpeg", bytes.NewReader(product(1)))).want(200)
			}
		}
		slices.Sort(took)
		return took
	}
	var before []time.Duration
	if long {
		before = ask(1000)
	}
	ways := []string{
		"",                                       // not a byte
		"GET /livez HTTP/1.1\r\nHost: x\r\n",     // half a header
		"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", // one request, and nothing more
		"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
		"POST /v1/hash HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 100\r\n\r\nx", // without a key
		"POST /v1/hash HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + lazy + "\r\nContent-Type: image/jpeg\r\nContent-Length: 100\r\n\r\nx",
	}
	var idle []net.Conn
	defer func() {
		for _, conn := range idle {
			conn.Close()
		}
	}()
	for n := range count {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, ways[n%len(ways)]) // it may be closed by now
		idle = append(idle, conn)
		if n%100 == 99 {
			ask(1)
		}
	}
	if !long {
		return
	}
	after := ask(1000)
	t.Logf("%d idle connections: p99 before %s, with them %s", count, before[989], after[989])
	if after[989] > before[989]*12/10 {
		t.Errorf("p99 is %s with %d idle connections, want at most a fifth more than %s", after[989], count, before[989])
	}
}

// TestAnswerToWhatIsNotReadIsNotHeldBack sends a part of a body that the server does not want.
func TestAnswerToWhatIsNotReadIsNotHeldBack(t *testing.T) {
	h := openWith(t, api.Config{Limits: api.Limits{Body: 10 * time.Minute}}).ready()
	want := map[string]int{"/v1/hash": 415, "/nowhere": 404, "/livez": 405}
	conns := map[string]net.Conn{}
	for path := range want {
		conns[path] = h.raw("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf")
	}
	for path, conn := range conns {
		status := want[path]
		if a := h.answerOf(conn); a.status != status || !strings.EqualFold(a.header.Get("Connection"), "close") {
			t.Errorf("%s: status %d, %v", path, a.status, a.header)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		conn.Close()
	}
}

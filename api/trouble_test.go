package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/store/memory"
)

func wireSeq(seq uint64) string { return strconv.FormatUint(seq, 10) }

// blocked is a fingerprinter that says when it is asked and answers when the gate opens.
type blocked struct {
	api.Fingerprinter
	entered, gate chan struct{}
	busy, most    atomic.Int64
}

func newBlocked() *blocked {
	return &blocked{Fingerprinter: fingerprint.New(fingerprint.Limits{}), entered: make(chan struct{}, 1000), gate: make(chan struct{})}
}

func (b *blocked) Picture(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	now := b.busy.Add(1)
	defer b.busy.Add(-1)
	for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
	}
	b.entered <- struct{}{}
	select {
	case <-b.gate:
		return b.Fingerprinter.Picture(context.WithoutCancel(ctx), encoded)
	case <-ctx.Done():
		return hashindex.Picture{}, ctx.Err()
	}
}

func TestBusyServerRefusesInsteadOfQueueing(t *testing.T) {
	b := newBlocked()
	h := openWith(t, api.Config{Fingerprint: b, Workers: 1, Limits: api.Limits{QueueWait: time.Millisecond}}).ready()
	first := make(chan answer, 1)
	go func() { first <- h.post("/v1/hash", "image/jpeg", product(1)) }()
	<-b.entered
	a := h.post("/v1/hash", "image/jpeg", product(2))
	if a.problem(503, "overloaded"); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	h.get("/livez").want(200)
	close(b.gate)
	(<-first).want(200)
	h.post("/v1/hash", "image/jpeg", product(2)).want(200)
}

func TestPicturesAreDecodedByAtMostSoManyWorkers(t *testing.T) {
	b := newBlocked()
	h := openWith(t, api.Config{Fingerprint: b, Workers: 2, Limits: api.Limits{QueueWait: time.Minute}}).ready()
	var requests sync.WaitGroup
	for range 3 {
		requests.Go(func() { h.parts("/v1/hash", images(product(1), product(2), product(3))...).want(200) })
	}
	<-b.entered
	<-b.entered
	close(b.gate)
	requests.Wait()
	if most := b.most.Load(); most != 2 {
		t.Errorf("%d pictures were decoded at once, want 2", most)
	}
}

func TestMemoryOfUploadsIsBounded(t *testing.T) {
	size := int64(len(product(1)))
	const features = 40 << 10 // of one, at most
	h := openWith(t, api.Config{Limits: api.Limits{HeldBytes: 2*(size+features) + size/2}}).ready()
	h.collection("shoes", "brand")
	before := h.seq()
	h.parts("/v1/collections/shoes/references", images(product(1), product(1), product(1))...).problem(503, "overloaded")
	if after := h.seq(); after != before {
		t.Errorf("seq went from %d to %d", before, after)
	}
	for range 5 { // what is held is given back
		h.add("shoes", product(1), product(1))
	}
}

func TestBodyHasALimit(t *testing.T) {
	h := openWith(t, api.Config{Limits: api.Limits{BodyBytes: int64(len(product(1))) * 2}}).ready()
	h.parts("/v1/match", image(product(1))).want(200)
	p := h.parts("/v1/match", images(product(1), product(1), product(1))...).problem(413, "limit_exceeded")
	if p.Limit != "body_bytes" {
		t.Errorf("got %+v", p)
	}
}

func TestBodyCutShortAddsNothing(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	before := h.seq()
	for _, contentType := range []string{"application/json", "text/csv", "multipart/form-data; boundary=b"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		body := "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n"
		if contentType == "text/csv" {
			body = "pdq\n" + hexOf(1) + "\n"
		}
		fmt.Fprintf(conn, "POST /v1/collections/shoes/references HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n%s", contentType, body)
		conn.(*net.TCPConn).CloseWrite()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer{t: t, asked: contentType, status: response.StatusCode, header: response.Header, body: text}.problem(400, "body_malformed")
		conn.Close()
	}
	if after := h.seq(); after != before {
		t.Errorf("seq went from %d to %d", before, after)
	}
}

func TestSlowRequestEndsInTime(t *testing.T) {
	b := newBlocked()
	h := openWith(t, api.Config{Fingerprint: b, Limits: api.Limits{Request: 20 * time.Millisecond}}).ready()
	for _, a := range []answer{h.post("/v1/match", "image/jpeg", product(1)), h.parts("/v1/match", images(product(1), product(2), product(3))...)} {
		if a.problem(503, "timeout"); a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

func TestSlowBodyEndsInTime(t *testing.T) {
	h := openWith(t, api.Config{Limits: api.Limits{Body: time.Millisecond, Request: time.Millisecond}}).ready()
	c := h.converse("")
	defer c.close()
	if got := c.next(); got.Problem == nil || got.Problem.Code != "body_too_slow" {
		t.Errorf("got %+v", got)
	}
}

// panicking is a decoder with a bug.
type panicking struct{ api.Fingerprinter }

func (panicking) Picture(context.Context, []byte) (hashindex.Picture, error) { panic("canary-panic") }

func TestDecoderThatPanicsRefusesThePicture(t *testing.T) {
	h := openWith(t, api.Config{Fingerprint: panicking{}}).ready()
	a := h.post("/v1/match", "image/jpeg", product(1))
	a.problem(422, "image_corrupt")
	if strings.Contains(string(a.body), "canary") || !strings.Contains(h.log.String(), "canary-panic") {
		t.Errorf("the client gets %s", a.body)
	}
}

// failing is a store whose writes fail.
type failing struct {
	*memory.Store
	err atomic.Pointer[error]
}

func (f *failing) Update(write func(hashindex.Writer) error) error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return f.Store.Update(write)
}

func TestTroubleOnOurSideIsLoggedAndNotTold(t *testing.T) {
	store := &failing{Store: memory.New()}
	h := serve(t, openIndex(t, store), api.Config{}).ready()
	h.collection("shoes", "brand")
	for code, c := range map[string]struct {
		err    error
		status int
	}{
		"storage_full":      {&fs.PathError{Op: "write", Path: "/canary/path", Err: syscall.ENOSPC}, 507},
		"storage_failed":    {&fs.PathError{Op: "write", Path: "/canary/path", Err: syscall.EIO}, 503},
		"storage_read_only": {fmt.Errorf("/canary/path: %w", syscall.EROFS), 503},
		"storage_damaged":   {fmt.Errorf("/canary/path: %w", hashindex.ErrDamaged), 500},
		"internal_error":    {errors.New("/canary/path: nobody foresaw this"), 500},
	} {
		store.err.Store(&c.err)
		a := h.parts("/v1/collections/shoes/references", image(product(1)))
		p := a.problem(c.status, code)
		if strings.Contains(string(a.body), "canary") {
			t.Errorf("%s tells %s", code, a.body)
		}
		if c.status != 500 && a.header.Get("Retry-After") == "" {
			t.Errorf("%s without Retry-After", code)
		}
		if code != "storage_read_only" && !strings.Contains(h.log.String(), c.err.Error()) {
			t.Errorf("%s is not in the log", code)
		}
		if p.RequestID == "" {
			t.Errorf("%s without a request id", code)
		}
		h.get("/v1/collections/shoes").want(200) // reads go on
	}
	store.err.Store(nil)
	h.add("shoes", product(1))
}

// exploding is a store with a bug.
type exploding struct{ *memory.Store }

func (exploding) Blob(hashindex.Digest) ([]byte, error) { panic("canary-panic") }

func TestPanicIsAnInternalErrorWithoutItsStack(t *testing.T) {
	h := serve(t, openIndex(t, exploding{memory.New()}), api.Config{}).ready()
	h.collection("shoes", "brand")
	id := h.add("shoes", product(1))[0].ID
	a := h.get("/v1/references/" + id + "/image")
	a.problem(500, "internal_error")
	if strings.Contains(string(a.body), "canary") || strings.Contains(string(a.body), ".go:") {
		t.Errorf("the client gets %s", a.body)
	}
	if log := h.log.String(); !strings.Contains(log, "canary-panic") || !strings.Contains(log, "showImage") {
		t.Error("the log lacks the stack")
	}
	h.get("/livez").want(200)
}

func TestEveryKindOfErrorHasItsCode(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   string
		status int
	}{
		{hashindex.ErrInvalid, "input_invalid", 400},
		{&hashindex.InputError{Field: "f"}, "input_invalid", 400},
		{&hashindex.LimitError{Limit: "l"}, "limit_exceeded", 413},
		{api.AboutCollection(hashindex.ErrNotFound), "collection_not_found", 404},
		{api.AboutCollection(hashindex.ErrExists), "collection_exists", 409},
		{api.AboutReference(hashindex.ErrNotFound), "reference_not_found", 404},
		{api.AboutReference(hashindex.ErrExists), "reference_exists", 409},
		{hashindex.ErrNotEmpty, "collection_not_empty", 409},
		{hashindex.ErrRecipe, "recipe_mismatch", 409},
		{hashindex.ErrNotReady, "not_ready", 503},
		{hashindex.ErrClosed, "stopping", 503},
		{hashindex.ErrReadOnly, "storage_read_only", 503},
		{hashindex.ErrDamaged, "storage_damaged", 500},
		{&hashindex.DecodeError{Reason: "a new one"}, "image_corrupt", 422},
		{context.DeadlineExceeded, "timeout", 503},
		{context.Canceled, "client_gone", 499},
		{syscall.ENOSPC, "storage_full", 507},
		{syscall.EDQUOT, "storage_full", 507},
		{syscall.EIO, "storage_failed", 503},
		{hashindex.ErrNotFound, "internal_error", 500},
		{errors.New("new"), "internal_error", 500},
	} {
		if code, status := api.KindOf(fmt.Errorf("wrapped: %w", c.err)); code != c.code || status != c.status {
			t.Errorf("%v is %d %s, want %d %s", c.err, status, code, c.status, c.code)
		}
	}
}

func TestConcurrentClientsLoseNothing(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	const clients, each = 8, 20
	var work sync.WaitGroup
	for c := range clients {
		work.Go(func() {
			for i := range each {
				n := c*each + i
				h.json("POST", "/v1/collections/list/references", wire.HashReference{ExternalID: fmt.Sprint(n), Hashes: wire.Hashes{PDQ: hexOf(n)}}).want(201)
				got := into[wire.MatchHashAnswer](h.json("POST", "/v1/match/hash", wire.MatchHashRequest{Hashes: []string{hexOf(n)}}).want(200))
				if len(got.Results[0].Matches) != 1 {
					t.Errorf("reference %d is not found once it is added: %+v", n, got)
				}
			}
		})
	}
	work.Wait()
	if n := into[wire.Stats](h.get("/v1/stats")).References; n != clients*each {
		t.Errorf("%d references, want %d", n, clients*each)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/fixtures"
	"touchstone/fixtures/faultfs"
)

// TestServerOutlivesAFailingDisk has a server write to a disk of which at first the first operation fails, then the
// second, and so on through every step of an addition of a picture, of a hash, of a change and of a removal: alone, or
// with all that come after it. The client is told what is wrong; reads are answered meanwhile; and as soon as the
// disk works again the same request is carried out, once, by the same server. After that the power is cut: what a
// failed sync has dropped must not be missed. Each step fails in one way of six; with TOUCHSTONE_DISK_FAULTS=1 in all
// of them, and the power is cut after each.
func TestServerOutlivesAFailingDisk(t *testing.T) {
	thorough := os.Getenv("TOUCHSTONE_DISK_FAULTS") != ""
	f := &faulty{t: t, random: rand.New(rand.NewPCG(1, 1)), cutEach: 10}
	folder := t.TempDir()
	disk, err := faultfs.Mount(folder, faultfs.Options{Fail: f.fail})
	if err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer disk.Unmount()
	f.disk = disk
	data := filepath.Join(folder, "data")
	touchstone(t, exitOK, "collections", "create", "list", "--purpose", "work", "--data", data)
	server := serveChild(t, data)
	defer server.kill()
	f.base = server.base

	ways := 1
	if thorough {
		ways, f.cutEach = 2*len(diskErrors), 1
	}
	f.probe = f.add(f.hash())
	for name, write := range map[string]func() *request{
		"picture": f.picture,
		"hash":    f.hash,
		"change":  func() *request { return f.about("PATCH", f.add(f.hash()), `{"note":"changed"}`) },
		"removal": func() *request { return f.about("DELETE", f.add(f.hash()), "") },
	} {
		for way := range ways {
			steps := f.throughAll(name, write, way)
			if steps < 4 { // a page, a sync, a meta page and a sync
				t.Errorf("%s: %d steps can fail, which cannot be all", name, steps)
			}
			t.Logf("%s: %d steps", name, steps)
		}
	}
	if want, got := f.held, f.references(); want != got {
		t.Errorf("%d references are there, and %d were acknowledged", got, want)
	}
	if f.cuts == 0 {
		t.Error("the power was never cut")
	}
	server.kill()
	touchstone(t, exitOK, "check", "--data", data)
}

var diskErrors = []struct {
	errno  syscall.Errno
	status int
	code   string
}{
	{syscall.ENOSPC, 507, "storage_full"},
	{syscall.EROFS, 503, "storage_read_only"},
	{syscall.EIO, 503, "storage_failed"},
}

// faulty is a server on a disk that fails.
type faulty struct {
	t       *testing.T
	disk    *faultfs.Disk
	base    string
	random  *rand.Rand
	keys    int
	probe   string // the id of a reference that is there
	held    int    // references that are there
	rounds  int
	cutEach int // rounds
	cuts    int

	mu      sync.Mutex // guards what follows
	until   int        // operations before the one that fails; below 0: none does
	lasting bool       // all after it fail too
	errno   syscall.Errno
	failed  int
}

func (f *faulty) fail(faultfs.Operation) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.errno == 0 {
		return 0
	}
	f.until--
	if f.until == 0 || f.until < 0 && f.lasting {
		f.failed++
		return f.errno
	}
	return 0
}

func (f *faulty) arm(step int, lasting bool, errno syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until, f.lasting, f.errno, f.failed = step, lasting, errno, 0
}

// disarm mends the disk and says how many operations failed.
func (f *faulty) disarm() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errno = 0
	return f.failed
}

// throughAll has each step of the write fail, the first in that way, and returns how many it has.
func (f *faulty) throughAll(name string, write func() *request, way int) int {
	for step := 1; ; step++ {
		trouble, lasting := diskErrors[(step+way)%len(diskErrors)], (step+way)%2 == 0
		what := fmt.Sprintf("%s, step %d, %v, lasting %v", name, step, trouble.errno, lasting)
		r := write()
		f.arm(step, lasting, trouble.errno)
		status, answer := f.send(r)
		f.reads(what)
		failed := f.disarm()
		if status >= 300 {
			var problem wire.Problem
			if err := json.Unmarshal(answer, &problem); err != nil || status != trouble.status || problem.Code != trouble.code {
				f.t.Fatalf("%s: the client is told %d %s", what, status, answer)
			}
			if status, answer = f.sendOnceViewsEnd(r); status >= 300 {
				f.t.Fatalf("%s: once the disk works again the client is told %d %s", what, status, answer)
			}
		} else if r.method == "POST" {
			if again, same := f.send(r); again != status || idOf(same) != idOf(answer) {
				f.t.Fatalf("%s: answered %d %s, and the second time %d %s", what, status, answer, again, same)
			}
		}
		f.held += r.more
		f.rounds++
		if failed > 0 && f.rounds%f.cutEach == 0 {
			f.cutPower(what)
		}
		if failed == 0 {
			return step - 1
		}
	}
}

// reads are answered whatever the disk does.
func (f *faulty) reads(what string) {
	f.t.Helper()
	for _, r := range []*request{
		{method: "GET", path: "/v1/references/" + f.probe},
		{method: "GET", path: "/v1/collections/list/references?limit=1"},
		{method: "POST", path: "/v1/match/hash", contentType: "application/json", body: []byte(`{"algorithm":"phash","hashes":["` + codeOf("1") + `"]}`)},
		{method: "GET", path: "/livez"},
	} {
		if status, answer := f.send(r); status != 200 {
			f.t.Fatalf("%s: %s %s meanwhile: %d %s", what, r.method, r.path, status, answer)
		}
	}
}

// cutPower cuts the power and looks for all changes that there are.
func (f *faulty) cutPower(what string) {
	f.t.Helper()
	f.cuts++
	left := f.disk.CutNow(f.random)
	left.Said = nil
	for after := uint64(0); ; {
		status, answer := f.send(&request{method: "GET", path: fmt.Sprintf("/v1/changes?after=%d&limit=1000", after)})
		var page wire.Changes
		if err := json.Unmarshal(answer, &page); err != nil || status != 200 {
			f.t.Fatalf("%s: changes: %d %s", what, status, answer)
		}
		if len(page.Changes) == 0 {
			break
		}
		for _, c := range page.Changes {
			left.Said = fmt.Appendf(left.Said, "%d %s\n", c.Seq, c.Digest)
			after = c.Seq
		}
	}
	if err := afterPowerLoss(left); err != nil {
		f.t.Fatalf("%s: after a power loss: %v", what, err)
	}
}

// request is one that can be sent again.
type request struct {
	method, path, contentType, key string
	body                           []byte
	more                           int // references that are there afterwards
}

func (f *faulty) send(r *request) (status int, answer []byte) {
	f.t.Helper()
	sent, err := http.NewRequestWithContext(f.t.Context(), r.method, f.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		f.t.Fatal(err)
	}
	if r.contentType != "" {
		sent.Header.Set("Content-Type", r.contentType)
	}
	if r.key != "" {
		sent.Header.Set("Idempotency-Key", r.key)
	}
	got, err := http.DefaultClient.Do(sent)
	if err != nil {
		f.t.Fatal(err)
	}
	defer got.Body.Close()
	if answer, err = io.ReadAll(got.Body); err != nil {
		f.t.Fatal(err)
	}
	return got.StatusCode, answer
}

// sendOnceViewsEnd sends it again while the server says that it is busy: to undo a commit it waits for a second
// for the views that go on, and on a busy machine those may take longer.
func (f *faulty) sendOnceViewsEnd(r *request) (status int, answer []byte) {
	for range 100 {
		if status, answer = f.send(r); !bytes.Contains(answer, []byte(`"overloaded"`)) {
			break
		}
	}
	return status, answer
}

// addition is a request under a key of its own.
func (f *faulty) addition(contentType string, body []byte) *request {
	f.keys++
	return &request{"POST", "/v1/collections/list/references", contentType, fmt.Sprint("key-", f.keys), body, 1}
}

func (f *faulty) hash() *request {
	return f.addition("application/json", []byte(`{"hashes":{"phash":"`+codeOf(fmt.Sprint(f.keys+1))+`"}}`))
}

func (f *faulty) picture() *request {
	var body bytes.Buffer
	picture := fixtures.Product(f.random.IntN(50))
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("image", "picture.jpg")
	if err == nil {
		_, err = part.Write(fixtures.EncodeJPEG(picture.SubImage(image.Rect(0, 0, 320, 240)), 50+f.random.IntN(50)))
	}
	if err != nil || form.Close() != nil {
		f.t.Fatal(err)
	}
	return f.addition(form.FormDataContentType(), body.Bytes())
}

// about is a request to change or remove a reference, in which none is lost but by removal.
func (f *faulty) about(method, id, body string) *request {
	r := &request{method: method, path: "/v1/references/" + id, body: []byte(body)}
	if method == "DELETE" {
		r.more = -1
	} else {
		r.contentType = "application/json"
	}
	return r
}

// add sends an addition to a disk that works and returns the reference's id.
func (f *faulty) add(r *request) string {
	f.t.Helper()
	status, answer := f.send(r)
	id := idOf(answer)
	if status != 201 || id == "" {
		f.t.Fatalf("addition: %d %s", status, answer)
	}
	f.held++
	return id
}

// idOf is the id of the one reference of the answer; none: it is of no addition.
func idOf(answer []byte) string {
	var added wire.AddedReferences
	if err := json.Unmarshal(answer, &added); err != nil || len(added.References) != 1 {
		return ""
	}
	return added.References[0].ID
}

func (f *faulty) references() (n int) {
	for _, err := range client.New(f.base, nil).AllReferences(f.t.Context(), "list") {
		if err != nil {
			f.t.Fatal(err)
		}
		n++
	}
	return n
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"touchstone/api"
	"touchstone/api/client"
	"touchstone/api/wire"
)

// TestConcurrentClientsSeeOneOrder has eight clients add, change, remove, read and look up the same few
// references while the server is killed and started again. For each reference, all that they were answered
// must fit into one order in which nothing is seen before it is asked for, nor unseen after it was answered.
// TOUCHSTONE_HISTORIES is how many histories are taken, three when unset.
func TestConcurrentClientsSeeOneOrder(t *testing.T) {
	histories := 3
	if text := os.Getenv("TOUCHSTONE_HISTORIES"); text != "" {
		var err error
		if histories, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	data := filepath.Join(t.TempDir(), "data")
	touchstone(t, exitOK, "collections", "create", "list", "--purpose", "work", "--data", data)
	server := serveChild(t, data)
	var answered, lost int
	for n := range histories {
		h := newHistory(fmt.Sprint("history-", n, "-"))
		var clients sync.WaitGroup
		for range 2 {
			ctx, dead := context.WithCancel(t.Context())
			enough := h.after(20 + rng.IntN(60))
			for id := range 8 {
				mind := rand.New(rand.NewPCG(rng.Uint64(), 2))
				clients.Go(func() { h.live(ctx, client.New(server.base, nil), id, mind) })
			}
			<-enough
			server.kill()
			dead()
			clients.Wait()
			server = serveChild(t, data)
		}
		h.read(t.Context(), client.New(server.base, nil)) // what is left
		if err := h.judge(); err != nil {
			t.Fatalf("seed %d, history %d: %v", seed, n, err)
		}
		answered, lost = answered+len(h.done)-h.lost, lost+h.lost
		if (n+1)%50 == 0 || n+1 == histories {
			t.Logf("%d histories: %d operations answered, %d unknown", n+1, answered, lost)
		}
	}
	server.kill()
	touchstone(t, exitOK, "check", "--data", data)
	if answered == 0 || lost == 0 {
		t.Error("want operations that were answered, and some that a kill made unknown")
	}
}

// TestHistoryWithAStaleAnswerIsRefused: the proof can fail. A server that gives an answer once more when it is no
// longer true is found out.
func TestHistoryWithAStaleAnswerIsRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	touchstone(t, exitOK, "collections", "create", "list", "--purpose", "work", "--data", data)
	house, err := open(data, writing, plan{searcher: defaultSearcher, config: api.Config{Access: api.Trusted}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer house.close()
	for name, question := range map[string]string{"nothing": "", "read": "GET /v1/collections/list/references", "look-up": "POST /v1/match/hash"} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(&forgetful{Handler: house.handler, question: question, kept: map[string]*httptest.ResponseRecorder{}})
			defer server.Close()
			c := client.New(server.URL, nil)
			if err := c.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			h := newHistory(name)
			for _, kind := range []string{"read", "look-up", "add", "read", "look-up", "remove", "read", "look-up"} {
				h.do(t.Context(), c, 0, kind, 0)
			}
			if err := h.judge(); (err != nil) != (question != "") || len(h.odd) > 0 {
				t.Errorf("judged: %v; answers that nobody should get: %v", err, h.odd)
			}
		})
	}
}

// forgetful answers a question as it was first answered, as a cache would.
type forgetful struct {
	http.Handler
	question string // method and path
	kept     map[string]*httptest.ResponseRecorder
}

func (f *forgetful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method+" "+r.URL.Path != f.question {
		f.Handler.ServeHTTP(w, r)
		return
	}
	said := f.kept[r.URL.String()]
	if said == nil {
		said = httptest.NewRecorder()
		f.Handler.ServeHTTP(said, r)
		f.kept[r.URL.String()] = said
	}
	for name, values := range said.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(said.Code)
	w.Write(said.Body.Bytes())
}

const referencesEach = 3 // of a history: few, so that the clients meet

// history is what some clients asked and were answered. Its references are its own.
type history struct {
	prefix string
	begun  time.Time

	mu    sync.Mutex // guards what follows
	done  []porcupine.Operation
	lost  int
	odd   []error                // answers that nobody should get
	ids   [referencesEach]string // that each reference was last seen under
	notes int

	count  atomic.Int64
	target atomic.Int64
	enough chan struct{}
}

func newHistory(prefix string) *history { return &history{prefix: prefix, begun: time.Now()} }

// asked is the input of an operation, about one reference.
type asked struct {
	kind string // add, change, remove, read, look-up
	ref  int
	id   string // change and remove
	note string // change
}

// told is its output.
type told struct {
	lost  bool   // nobody knows what became of it
	found bool   // of add: made; else: there
	id    string // of what is there
	note  string // read and change
}

// after is closed once so many more operations have been answered.
func (h *history) after(n int) <-chan struct{} {
	h.enough = make(chan struct{})
	h.target.Store(h.count.Load() + int64(n))
	return h.enough
}

// live is one client. It ends with its server.
func (h *history) live(ctx context.Context, c *client.Client, id int, mind *rand.Rand) {
	kinds := []string{"add", "add", "change", "remove", "read", "read", "look-up", "look-up"}
	for h.do(ctx, c, id, kinds[mind.IntN(len(kinds))], mind.IntN(referencesEach)) {
		if h.count.Add(1) == h.target.Load() {
			close(h.enough)
		}
	}
}

// read reads every reference once.
func (h *history) read(ctx context.Context, c *client.Client) {
	for ref := range referencesEach {
		h.do(ctx, c, 0, "read", ref)
		h.do(ctx, c, 0, "look-up", ref)
	}
}

// do carries out one operation and notes it. It reports whether the server answered.
func (h *history) do(ctx context.Context, c *client.Client, by int, kind string, ref int) bool {
	in := h.ask(kind, ref)
	call := time.Since(h.begun)
	out, err := in.send(ctx, c, h.prefix)
	back := time.Since(h.begun)
	h.mu.Lock()
	defer h.mu.Unlock()
	problem, refused := errors.AsType[*client.Problem](err)
	if refused && problem.Status != http.StatusServiceUnavailable {
		h.odd = append(h.odd, err)
	}
	if err != nil {
		if out.lost = in.kind == "add" || in.kind == "change" || in.kind == "remove"; !out.lost {
			return refused // a question without an answer says nothing
		}
		h.lost++
	}
	if out.id != "" {
		h.ids[ref] = out.id
	}
	h.done = append(h.done, porcupine.Operation{ClientId: by, Input: in, Call: int64(call), Output: out, Return: int64(back)})
	return err == nil || refused
}

func (h *history) ask(kind string, ref int) asked {
	h.mu.Lock()
	defer h.mu.Unlock()
	in := asked{kind: kind, ref: ref}
	if kind == "change" || kind == "remove" {
		if in.id = h.ids[ref]; in.id == "" {
			return asked{kind: "add", ref: ref}
		}
	}
	if kind == "change" {
		h.notes++
		in.note = fmt.Sprint("note ", h.notes)
	}
	return in
}

// send asks the server. An error means that nobody knows.
func (in asked) send(ctx context.Context, c *client.Client, prefix string) (out told, err error) {
	name := fmt.Sprint(prefix, in.ref)
	switch in.kind {
	case "add":
		var added wire.AddedReferences
		if added, err = c.AddHashes(ctx, "list", []wire.HashReference{{ExternalID: name, Hashes: wire.Hashes{PHash: codeOf(name)}}}); err == nil {
			out = told{found: true, id: added.References[0].ID}
		}
	case "change":
		var changed wire.Reference
		if changed, err = c.ChangeReference(ctx, in.id, wire.ReferencePatch{Note: &in.note}); err == nil {
			out = told{found: true, id: changed.ID, note: changed.Note}
		}
	case "remove":
		_, err = c.RemoveReference(ctx, in.id)
		out.found = err == nil
	case "read":
		var r wire.Reference
		if r, err = c.ReferenceNamed(ctx, "list", name); err == nil {
			out = told{found: true, id: r.ID, note: r.Note}
		}
	case "look-up":
		out, err = in.lookUp(ctx, c, name)
	}
	if problem, ok := errors.AsType[*client.Problem](err); ok && (problem.Status == http.StatusNotFound || problem.Code == "reference_exists") {
		return told{}, nil
	}
	return out, err
}

func (in asked) lookUp(ctx context.Context, c *client.Client, name string) (told, error) {
	answer, err := c.MatchHashes(ctx, wire.MatchHashRequest{Algorithm: "phash", Hashes: []string{codeOf(name)}, Radius: new(0), Limit: 10})
	if err != nil || len(answer.Results[0].Matches) == 0 {
		return told{}, err
	}
	if found := answer.Results[0].Matches; len(found) > 1 || found[0].ExternalID != name {
		return told{found: true, id: fmt.Sprint(found)}, nil // which no order explains
	}
	return told{found: true, id: answer.Results[0].Matches[0].ReferenceID}, nil
}

func codeOf(name string) string { return fmt.Sprintf("%016x", hashOf(name)) }

// judge is an error unless one order explains everything.
func (h *history) judge() error {
	if len(h.odd) > 0 {
		return errors.Join(h.odd...)
	}
	model := oneReference.ToModel()
	switch result := porcupine.CheckOperationsTimeout(model, h.done, 2*time.Minute); result {
	case porcupine.Ok:
		return nil
	default:
		return fmt.Errorf("%s:\n%s", result, h.culprit(model))
	}
}

// culprit is the history of a reference that no order explains.
func (h *history) culprit(model porcupine.Model) string {
	for _, of := range partition(h.done) {
		if !porcupine.CheckOperations(model, of) {
			slices.SortFunc(of, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
			var text strings.Builder
			for _, o := range of {
				fmt.Fprintf(&text, "%12d %12d client %d: %+v -> %+v\n", o.Call, o.Return, o.ClientId, o.Input, o.Output)
			}
			return text.String()
		}
	}
	return "undecided"
}

// state is a reference at one moment, in words too simple to be wrong.
type state struct {
	there bool
	id    string // "": added by an operation whose answer was lost, and not seen since
	note  string
}

// oneReference says what may be answered. Of an operation whose answer is lost, both may be true: that it was
// carried out, and that it was not; but not that it is carried out after its server is gone.
var oneReference = porcupine.NondeterministicModel{
	Partition: partition,
	Init:      func() []any { return []any{state{}} },
	Step: func(before, input, output any) []any {
		s, in, out := before.(state), input.(asked), output.(told)
		if out.lost {
			return append(s.steps(in, told{found: true}), s)
		}
		return s.steps(in, out)
	},
	Equal: func(a, b any) bool { return a == b },
}

// steps are the states after an operation that was so answered; none when the state does not allow the answer.
func (s state) steps(in asked, out told) []any {
	switch in.kind {
	case "add":
		if out.found == s.there {
			return nil
		}
		if out.found {
			s = state{there: true, id: out.id}
		}
		return []any{s}
	case "change", "remove":
		return s.edited(in, out)
	}
	if out.found != s.there || !out.found {
		return only(out.found == s.there, s)
	}
	same := s.id == "" || s.id == out.id
	if in.kind == "read" {
		same = same && s.note == out.note
	}
	s.id = out.id
	return only(same, s)
}

// edited is a change or a removal, by the id.
func (s state) edited(in asked, out told) []any {
	if !out.found {
		return only(!s.there || s.id != in.id, s)
	}
	if !s.there || s.id != "" && s.id != in.id {
		return nil
	}
	if in.kind == "remove" {
		return []any{state{}}
	}
	s.id, s.note = in.id, in.note
	return []any{s}
}

func only(allowed bool, s state) []any {
	if allowed {
		return []any{s}
	}
	return nil
}

// partition puts the operations of each reference together: each is a thing of its own.
func partition(all []porcupine.Operation) [][]porcupine.Operation {
	each := make([][]porcupine.Operation, referencesEach)
	for _, o := range all {
		ref := o.Input.(asked).ref
		each[ref] = append(each[ref], o)
	}
	return each
}

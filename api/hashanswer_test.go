package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/store/memory"
)

// FuzzHashAnswer holds the answers' bytes to those of encoding/json.
func FuzzHashAnswer(f *testing.F) {
	for _, id := range []string{"", "sku-1", `a"b\c`, "<&>", "é\u2028\u2029", "\x7f\x00\n", "\xff\xc0", strings.Repeat("x", 300)} {
		f.Add(uint64(17), uint64(3), id, "bags", 4, uint8(2))
	}
	f.Add(uint64(0), uint64(1<<63), "", "", -1, uint8(0))
	f.Fuzz(func(t *testing.T, seq, id uint64, externalID, collection string, distance int, n uint8) {
		matches, want := []hashindex.HashMatch{}, []wire.HashMatch{}
		for range n % 4 {
			matches = append(matches, hashindex.HashMatch{Reference: hashindex.ReferenceID(id), ExternalID: externalID, Collection: collection, Distance: distance})
			want = append(want, wire.HashMatch{ReferenceID: strconv.FormatUint(id, 10), ExternalID: externalID, Collection: collection, Distance: distance})
		}
		same(t, api.AppendHashMatches([]byte("before "), matches), append([]byte("before "), bytes.TrimSuffix(marshalled(t, want), []byte("\n"))...))
		same(t, api.AppendHashLine(nil, hashindex.Seq(seq), matches), marshalled(t, wire.MatchHashLine{Seq: seq, Matches: want}))
	})
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

// marshalled ends in a line break, as echo's answers do.
func marshalled(t *testing.T, value any) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(value); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAnswerOfHashesIsTheBytesOfEncodingJSON(t *testing.T) {
	h := open(t).ready()
	h.listOf(30)
	h.json("POST", "/v1/collections/list/references", wire.HashReference{ExternalID: `odd <"é">`, Hashes: wire.Hashes{PDQ: near(hexOf(0), 3)}}).want(201)
	for _, n := range []int{0, 1, 30, 3000} {
		asked := wire.MatchHashRequest{Hashes: []string{}}
		for i := range n {
			asked.Hashes = append(asked.Hashes, near(hexOf(i%40), i%7))
		}
		a := h.json("POST", "/v1/match/hash", asked).want(200)
		same(t, a.body, marshalled(t, into[wire.MatchHashAnswer](a)))
		if got := len(into[wire.MatchHashAnswer](a).Results); got != n {
			t.Errorf("%d results for %d hashes", got, n)
		}
		if n > 0 && !strings.Contains(string(a.body), `odd \u003c\"é\"\u003e`) {
			t.Errorf("the odd name is missing in %.500s", a.body)
		}
	}
}

// TestLargeAnswerIsSentInParts: more than is gathered before some is sent.
func TestLargeAnswerIsSentInParts(t *testing.T) {
	h := open(t).ready()
	crowd(h, 1000)
	asked := wire.MatchHashRequest{Limit: 1000}
	for range 40 {
		asked.Hashes = append(asked.Hashes, hexOf(0))
	}
	a := h.json("POST", "/v1/match/hash", asked).want(200)
	if got := a.header.Get("Content-Length"); got != "" || len(a.body) < 1<<20 {
		t.Errorf("%d bytes, Content-Length %q", len(a.body), got)
	}
	got := into[wire.MatchHashAnswer](a)
	same(t, a.body, marshalled(t, got))
	for i, r := range got.Results {
		if len(r.Matches) != 1000 {
			t.Errorf("result %d has %d matches", i, len(r.Matches))
		}
	}
}

// crowd adds references of one hash.
func crowd(h *house, n int) {
	h.t.Helper()
	h.collection("crowd", "work")
	var list []wire.HashReference
	for i := range n {
		list = append(list, wire.HashReference{ExternalID: fmt.Sprint(i), Hashes: wire.Hashes{PDQ: hexOf(0)}})
	}
	h.json("POST", "/v1/collections/crowd/references", wire.HashReferences{References: list}).want(201)
}

// exhausted is a searcher whose Search fails once it has been asked so often.
type exhausted struct {
	hashindex.Searcher
	left atomic.Int64
}

var errSearch = errors.New("no more")

func (f *exhausted) Search(ctx context.Context, probes []hashindex.Hash, scope hashindex.Scope, found []hashindex.Found) ([]hashindex.Found, error) {
	if f.left.Add(-1) < 0 {
		return found, errSearch
	}
	return f.Searcher.Search(ctx, probes, scope, found)
}

// TestAnswerThatFailsHalfWayIsBrokenOff: a part of it must not look like the whole.
func TestAnswerThatFailsHalfWayIsBrokenOff(t *testing.T) {
	searcher := &exhausted{Searcher: linear.New(256)}
	searcher.left.Store(1 << 40)
	index, err := hashindex.Open(hashindex.Config{
		Store: memory.New(), Recipe: fingerprint.Recipe,
		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher {
			if a == hashindex.PDQ {
				return searcher
			}
			return linear.New(a.Bits())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkAndClose(t, index) })
	h := serve(t, index, api.Config{}).ready()
	crowd(h, 1000)
	asked := wire.MatchHashRequest{Limit: 1000}
	for range 1000 {
		asked.Hashes = append(asked.Hashes, hexOf(0))
	}
	body, _ := json.Marshal(asked)
	for left, wantStatus := range map[int64]int{0: 500, 10: 200} { // before anything is sent, and after
		searcher.left.Store(left)
		response, err := h.client.Do(h.request("POST", "/v1/match/hash", "application/json", bytes.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != wantStatus || (err != nil) != (wantStatus == 200) {
			t.Errorf("after %d searches: status %d, %v", left, response.StatusCode, err)
		}
	}
	searcher.left.Store(1 << 40)
}

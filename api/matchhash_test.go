package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint/pdq"
)

// listOf fills a collection with hashes named by their numbers.
func (h *house) listOf(n int) {
	h.t.Helper()
	h.collection("list", "work")
	var list []wire.HashReference
	for i := range n {
		list = append(list, wire.HashReference{ExternalID: fmt.Sprint(i), Hashes: wire.Hashes{PDQ: hexOf(i)}})
	}
	h.json("POST", "/v1/collections/list/references", wire.HashReferences{References: list}).want(201)
}

// near is the hash with so many bits turned over.
func near(text string, bits int) string {
	h, err := hashindex.ParseHash(text)
	if err != nil {
		panic(err)
	}
	for i := range bits {
		h.Words[i%4] ^= 1 << (i / 4)
	}
	return h.String()
}

func TestHashesAreAnsweredInTheOrderAsked(t *testing.T) {
	h := open(t).ready()
	h.listOf(50)
	asked := wire.MatchHashRequest{Algorithm: "pdq", Collections: []string{"list"}}
	for i := range 50 {
		asked.Hashes = append(asked.Hashes, near(hexOf(49-i), i%40))
	}
	got := into[wire.MatchHashAnswer](h.json("POST", "/v1/match/hash", asked).want(200))
	for i, r := range got.Results {
		if i%40 > 31 {
			if len(r.Matches) != 0 {
				t.Errorf("hash %d is %d bits off and answered by %+v", i, i%40, r)
			}
			continue
		}
		if len(r.Matches) != 1 || r.Matches[0].ExternalID != fmt.Sprint(49-i) || r.Matches[0].Distance != i%40 {
			t.Errorf("hash %d: %+v", i, r)
		}
	}
	if got.Seq != h.seq() {
		t.Errorf("seq %d", got.Seq)
	}
}

func TestRadiusAndLimitHoldForHashes(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	var list []wire.HashReference
	for i := range 20 {
		list = append(list, wire.HashReference{Hashes: wire.Hashes{PDQ: near(hexOf(0), i)}})
	}
	h.json("POST", "/v1/collections/list/references", wire.HashReferences{References: list}).want(201)
	for _, c := range []struct{ radius, limit, want int }{{0, 0, 1}, {5, 0, 6}, {64, 0, 10}, {64, 1000, 20}, {64, 3, 3}} {
		asked := wire.MatchHashRequest{Hashes: []string{hexOf(0)}, Radius: &c.radius, Limit: c.limit}
		if got := into[wire.MatchHashAnswer](h.json("POST", "/v1/match/hash", asked).want(200)).Results[0].Matches; len(got) != c.want {
			t.Errorf("radius %d limit %d: %d matches, want %d", c.radius, c.limit, len(got), c.want)
		}
	}
}

func TestDihedralFindsTheMirroredHash(t *testing.T) {
	h := open(t).ready()
	h.collection("list", "work")
	hashed := into[wire.HashAnswer](h.post("/v1/hash", "image/jpeg", product(1)).want(200)).Results[0].Hashes
	upright, err := hashindex.ParseHash(hashed.PDQ)
	if err != nil {
		t.Fatal(err)
	}
	mirrored := pdq.Derive(upright)[hashindex.Mirrored]
	h.json("POST", "/v1/collections/list/references", wire.HashReference{Hashes: wire.Hashes{PDQ: mirrored.String()}}).want(201)
	for dihedral, want := range map[bool]int{false: 0, true: 1} {
		asked := wire.MatchHashRequest{Hashes: []string{hexOf(7), hashed.PDQ}, Dihedral: dihedral}
		got := into[wire.MatchHashAnswer](h.json("POST", "/v1/match/hash", asked).want(200))
		if len(got.Results) != 2 || len(got.Results[0].Matches) != 0 || len(got.Results[1].Matches) != want {
			t.Errorf("dihedral %v: %+v", dihedral, got)
		}
	}
}

func TestStreamAnswersEqualTheBatch(t *testing.T) {
	h := open(t).ready()
	h.listOf(100)
	var lines strings.Builder
	asked := wire.MatchHashRequest{}
	for i := range 2500 { // more than two chunks
		text := near(hexOf(i%150), i%20)
		asked.Hashes = append(asked.Hashes, text)
		if i%2 == 0 {
			fmt.Fprintf(&lines, "%q\n", text)
		} else {
			fmt.Fprintf(&lines, "{\"hash\":%q}\r\n\n", text)
		}
	}
	batch := into[wire.MatchHashAnswer](h.json("POST", "/v1/match/hash", asked).want(200))
	stream := h.post("/v1/match/hash?algorithm=pdq&collections=list", "application/x-ndjson", []byte(strings.TrimSuffix(lines.String(), "\r\n\n"))).want(200)
	got := strings.Split(strings.TrimSpace(string(stream.body)), "\n")
	if len(got) != len(batch.Results) {
		t.Fatalf("%d lines for %d hashes", len(got), len(batch.Results))
	}
	for i, text := range got {
		want, _ := json.Marshal(wire.MatchHashLine{Seq: batch.Seq, Matches: batch.Results[i].Matches})
		if text != string(want) {
			t.Fatalf("line %d is %s, want %s", i, text, want)
		}
	}
}

func TestEmptyStreamHasAnEmptyAnswer(t *testing.T) {
	h := open(t).ready()
	if a := h.post("/v1/match/hash", "application/x-ndjson", nil).want(200); len(a.body) != 0 {
		t.Errorf("got %q", a.body)
	}
}

func TestBadLineIsAnsweredInItsPlace(t *testing.T) {
	h := open(t).ready()
	h.listOf(3)
	body := fmt.Sprintf("%q\nnonsense\n%q\n{\"hsah\":1}\n\"c3d4a1f00e5b9687\"\n%q\n", hexOf(0), hexOf(1), hexOf(2))
	a := h.post("/v1/match/hash", "application/x-ndjson", []byte(body)).want(200)
	want := []string{"0", "body_malformed", "1", "body_malformed", "input_invalid", "2"}
	var got []string
	for line := range strings.Lines(string(a.body)) {
		l := into[wire.MatchHashLine](answer{t: t, body: []byte(line)})
		if l.Problem != nil {
			got = append(got, l.Problem.Code)
			if !strings.Contains(l.Problem.Detail, fmt.Sprintf("line %d", len(got))) {
				t.Errorf("problem %d: %q", len(got), l.Problem.Detail)
			}
			continue
		}
		got = append(got, l.Matches[0].ExternalID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStreamThatCannotBeginIsAProblem(t *testing.T) {
	h := open(t).ready()
	for query, want := range map[string]struct {
		status int
		code   string
	}{
		"?radius=65":                     {400, "input_invalid"},
		"?algorithm=phash&radius=17":     {400, "input_invalid"},
		"?dihedral=yes":                  {400, "input_invalid"},
		"?algorithm=ahash&dihedral=true": {400, "input_invalid"},
		"?collections=boots":             {404, "collection_not_found"},
	} {
		h.post("/v1/match/hash"+query, "application/x-ndjson", []byte("\""+hexOf(1)+"\"\n")).problem(want.status, want.code)
	}
}

func TestStreamEndsWithTheProblemThatEndsIt(t *testing.T) {
	h := open(t).ready()
	a := h.post("/v1/match/hash", "application/x-ndjson", []byte("\""+hexOf(1)+"\"\n"+strings.Repeat("x", 5000)+"\n\""+hexOf(1)+"\"\n")).want(200)
	lines := strings.Split(strings.TrimSpace(string(a.body)), "\n")
	last := into[wire.MatchHashLine](answer{t: t, body: []byte(lines[len(lines)-1])})
	if len(lines) != 2 || last.Problem == nil || last.Problem.Limit != "line_bytes" {
		t.Errorf("got %s", a.body)
	}
}

func TestStreamAnswersALineBeforeTheNextIsSent(t *testing.T) {
	h := open(t).ready()
	h.listOf(3)
	c := h.converse("")
	defer c.close()
	for i := range 3 {
		if got := c.ask(fmt.Sprintf("%q", hexOf(i))); len(got.Matches) != 1 || got.Matches[0].ExternalID != fmt.Sprint(i) {
			t.Errorf("line %d: %+v", i, got)
		}
	}
}

func TestStreamEndsWhenTheServerStops(t *testing.T) {
	h := open(t).ready()
	h.listOf(1)
	c := h.converse("")
	defer c.close()
	c.ask(fmt.Sprintf("%q", hexOf(0)))
	stopped := make(chan error, 1)
	go func() { stopped <- h.stop() }()
	if got := c.next(); got.Problem == nil || got.Problem.Code != "stopping" {
		t.Errorf("got %+v", got)
	}
	c.close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// conversation is a stream under way.
type conversation struct {
	t     testing.TB
	send  *io.PipeWriter
	lines *bufio.Scanner
	close func()
}

func (h *house) converse(query string) *conversation {
	h.t.Helper()
	body, send := io.Pipe()
	response, err := h.client.Do(h.request("POST", "/v1/match/hash"+query, "application/x-ndjson", body))
	if err != nil {
		h.t.Fatal(err)
	}
	return &conversation{h.t, send, bufio.NewScanner(response.Body), func() { send.Close(); response.Body.Close() }}
}

// ask sends a line and waits for its answer.
func (c *conversation) ask(line string) wire.MatchHashLine {
	c.t.Helper()
	if _, err := io.WriteString(c.send, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
	return c.next()
}

func (c *conversation) next() wire.MatchHashLine {
	c.t.Helper()
	if !c.lines.Scan() {
		c.t.Fatalf("the stream ended: %v", c.lines.Err())
	}
	return into[wire.MatchHashLine](answer{t: c.t, body: c.lines.Bytes()})
}

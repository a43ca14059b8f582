package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// transport answers without a network, so that time can be the test's own.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// answering gives the answers in turn, the last again and again, and counts the calls.
func answering(calls *int, answers ...func() (*http.Response, error)) *client.Client {
	return client.New("http://server", &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			io.Copy(io.Discard, r.Body)
		}
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		answer := answers[min(*calls, len(answers)-1)]
		*calls++
		return answer()
	})})
}

func status(code int, retryAfter, body string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		w := httptest.NewRecorder()
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		w.WriteString(body)
		return w.Result(), nil
	}
}

func refused() (*http.Response, error) { return nil, syscall.ECONNREFUSED }

func TestCallsThatChangeNothingAreTriedAgain(t *testing.T) {
	busy, good := status(503, "2", `{"code":"overloaded"}`), status(200, "", `{}`)
	tests := []struct {
		name    string
		answers []func() (*http.Response, error)
		calls   int
		took    time.Duration
		ok      bool
	}{
		{"busy, then not", []func() (*http.Response, error){busy, good}, 2, 2 * time.Second, true},
		{"not there yet", []func() (*http.Response, error){refused, refused, good}, 3, 300 * time.Millisecond, true},
		{"busy for ever", []func() (*http.Response, error){busy}, 5, 8 * time.Second, false},
		{"busy for long", []func() (*http.Response, error){status(503, "60", "")}, 1, 0, false},
		{"at fault", []func() (*http.Response, error){status(500, "", "")}, 1, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, begun := 0, time.Now()
				_, err := answering(&calls, test.answers...).Match(t.Context(), []client.Image{{Content: []byte("x")}}, client.MatchOptions{})
				if calls != test.calls || (err == nil) != test.ok || time.Since(begun) != test.took {
					t.Errorf("%d calls in %s, %v; want %d in %s", calls, time.Since(begun), err, test.calls, test.took)
				}
			})
		})
	}
}

func TestCallsThatChangeSomethingAreSentOnce(t *testing.T) {
	ctx := t.Context()
	note := "n"
	for name, change := range map[string]func(*client.Client) error{
		"create": func(c *client.Client) error { _, err := c.CreateCollection(ctx, wire.NewCollection{}); return err },
		"patch": func(c *client.Client) error {
			_, err := c.ChangeReference(ctx, "1", wire.ReferencePatch{Note: &note})
			return err
		},
		"remove": func(c *client.Client) error { _, err := c.RemoveReference(ctx, "1"); return err },
		"add":    func(c *client.Client) error { _, err := c.AddImages(ctx, "c", []client.Image{{}}); return err },
		"list": func(c *client.Client) error {
			_, err := c.AddHashList(ctx, "c", "csv", strings.NewReader(""))
			return err
		},
	} {
		calls := 0
		if err := change(answering(&calls, status(503, "1", ""))); err == nil || calls != 1 {
			t.Errorf("%s: %d calls, %v", name, calls, err)
		}
	}
}

// TestNamedCallIsTriedAgainUnderItsName, and what only asks has none.
func TestNamedCallIsTriedAgainUnderItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		c := client.New("http://server", &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			names = append(names, r.Method+" "+r.Header.Get("Idempotency-Key"))
			if len(names) == 1 {
				return nil, syscall.ECONNREFUSED
			}
			return status(200, "", `{}`)()
		})}).Once("one")
		if _, err := c.CreateCollection(t.Context(), wire.NewCollection{Name: "shoes"}); err != nil {
			t.Error(err)
		}
		_, err := c.MatchHashes(t.Context(), wire.MatchHashRequest{})
		if _, removed := c.RemoveReference(t.Context(), "1"); err != nil || removed != nil {
			t.Error(err, removed)
		}
		if want := []string{"POST one", "POST one", "POST ", "DELETE "}; !slices.Equal(names, want) {
			t.Errorf("calls %q, want %q", names, want)
		}
	})
}

func TestProblemKeepsWhatTheServerSaid(t *testing.T) {
	calls := 0
	c := answering(&calls, status(413, "", `{"code":"limit_exceeded","title":"Too much","detail":"image 3: 30 is too much","limit":"image_bytes","max":20,"image":3}`))
	_, err := c.Hash(t.Context(), []client.Image{{}})
	problem, ok := errors.AsType[*client.Problem](err)
	if !ok || problem.Status != 413 || problem.Code != "limit_exceeded" || *problem.Image != 3 {
		t.Fatalf("got %#v", err)
	}
	if want := "image 3: 30 is too much (limit image_bytes: 20)"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestAnyErrorAnswerIsAProblem(t *testing.T) {
	calls := 0
	_, err := answering(&calls, status(502, "", "<h1>Bad gateway</h1>")).Stats(t.Context())
	problem, ok := errors.AsType[*client.Problem](err)
	if !ok || problem.Status != 502 || !strings.Contains(err.Error(), "Bad gateway") {
		t.Errorf("got %v", err)
	}
}

func TestServerThatIsNotThereIsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		if err := answering(&calls, refused).Ready(t.Context()); !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCallEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := 0
	if err := answering(&calls, status(200, "", "{}")).Ready(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPicturesArriveInOrderWithTheirNames(t *testing.T) {
	var ids, metas, contents []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil || r.ContentLength <= 0 {
			t.Error(err, r.ContentLength)
			return
		}
		for {
			part, err := parts.NextPart()
			if err != nil {
				break
			}
			text, _ := io.ReadAll(part)
			switch part.FormName() {
			case "external_id":
				ids = append(ids, string(text))
			case "meta":
				metas = append(metas, string(text))
			case "image":
				contents = append(contents, part.FileName()+"="+string(text))
			}
		}
		fmt.Fprint(w, `{"references":[],"seq":7}`)
	}))
	defer server.Close()
	added, err := client.New(server.URL+"/", nil).AddImages(t.Context(), "c", []client.Image{
		{Name: "a \"b\"\r\n.png", ExternalID: "é/1", Content: []byte("one")},
		{ExternalID: "2", Meta: map[string]string{"k": "v"}, Content: []byte("two")},
	})
	if err != nil || added.Seq != 7 {
		t.Fatal(added, err)
	}
	got := [][]string{ids, metas, contents[1:]}
	want := [][]string{{"é/1", "2"}, {"{}", `{"k":"v"}`}, {"image=two"}}
	if !reflect.DeepEqual(got, want) || !strings.HasSuffix(contents[0], "=one") {
		t.Errorf("got %q, %q, want %q", got, contents, want)
	}
}

func TestOddNamesStayInTheirPlaceInThePath(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		fmt.Fprint(w, `{}`)
	}))
	defer server.Close()
	if _, err := client.New(server.URL, nil).Reference(t.Context(), "../a/b?c"); err != nil || path != "/v1/references/..%2Fa%2Fb%3Fc" {
		t.Errorf("got %q, %v", path, err)
	}
}

func TestAllReferencesFollowsTheCursor(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages := map[string]wire.References{
			"":  {References: []wire.Reference{{ID: "1"}, {ID: "2"}}, Next: "x"},
			"x": {References: []wire.Reference{{ID: "3"}}},
		}
		json.NewEncoder(w).Encode(pages[r.URL.Query().Get("cursor")])
	}))
	defer server.Close()
	var got []string
	for r, err := range client.New(server.URL, nil).AllReferences(t.Context(), "c") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.ID)
	}
	if !reflect.DeepEqual(got, []string{"1", "2", "3"}) {
		t.Errorf("got %v", got)
	}
}

func TestAllChangesEndsWithTheHistory(t *testing.T) {
	// A key that is restricted gets pages with gaps, and empty ones before the end.
	hidden := map[uint64]bool{2: true, 3: true, 6: true}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var after uint64
		fmt.Sscan(r.URL.Query().Get("after"), &after)
		page := wire.Changes{Next: min(after+2, 7), Seq: 7}
		for seq := after + 1; seq <= page.Next; seq++ {
			if !hidden[seq] {
				page.Changes = append(page.Changes, wire.Change{Seq: seq})
			}
		}
		json.NewEncoder(w).Encode(page)
	}))
	defer server.Close()
	var got []uint64
	for change, err := range client.New(server.URL, nil).AllChanges(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, change.Seq)
	}
	if !slices.Equal(got, []uint64{4, 5, 7}) {
		t.Errorf("got %d", got)
	}
}

func TestKeyIsSentAsBearer(t *testing.T) {
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Get("Authorization"))
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	plain := client.New(server.URL, nil)
	for _, c := range []*client.Client{plain, plain.WithKey("tsk_a_b"), plain} {
		if _, err := c.Stats(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(sent, []string{"", "Bearer tsk_a_b", ""}) {
		t.Errorf("sent %q", sent)
	}
}

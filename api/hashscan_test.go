package api_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

var (
	hex64  = "c3d4a1f00e5b9687"
	hex256 = strings.Repeat("0123456789aBcDeF", 4)
)

// bodies are requests with whether they are plain.
func hashBodies() map[string]bool {
	return map[string]bool{
		`{}`:                            true,
		`{"hashes":[]}`:                 true,
		`{"hashes":["` + hex256 + `"]}`: true,
		`{"algorithm":"phash","hashes":["` + hex64 + `","` + hex64 + `"],"radius":8,"limit":1000,"collections":["a","b c"],"dihedral":false}`: true,
		" {\n\t\"radius\" : 0 ,\r\n\"dihedral\": true, \"hashes\" : [ \"" + hex64 + "\" , \"" + hex256 + "\" ] } \n":                          true,
		`{"algorithm":"","limit":999999999,"collections":[]}`:                                                                                 true,
		`{"limit":1000000000}`: false, `{"limit":01}`: false, `{"limit":-1}`: false, `{"limit":1.0}`: false, `{"limit":1e1}`: false,
		`{"limit":null}`: false, `{"limit":"1"}`: false, `{"limit":}`: false, `{"dihedral":tru}`: false, `{"dihedral":trueish}`: false,
		`{"Limit":1}`: false, `{"limit":1,"limit":2}`: false, `{"hashes":["` + hex64 + `"],"hashes":[]}`: false, `{"unknown":1}`: false,
		`{"hashes":["` + hex64 + `",]}`: false, `{"hashes":["` + hex64 + `"}`: false, `{"hashes":[null]}`: false, `{"hashes":null}`: false,
		`{"hashes":["xyz"]}`: false, `{"hashes":["` + hex64[1:] + `g"]}`: false, `{"hashes":["` + hex64[1:] + "\x80\"]}": false,
		`{"hashes":["\u0063` + hex64[1:] + `"]}`: false, `{"collections":["\u0061"]}`: false, `{"collections":["é"]}`: false, "{\"collections\":[\"\x01\"]}": false,
		`{"radius":3,}`: false, `{"radius":3} x`: false, `{"radius":3}{}`: false, `[]`: false, `null`: false, ``: false, `{`: false, `{"`: false, `{"a`: false, `"`: false,
		`{"algorithm":"pdq"`: false, `{"algorithm":"pdq}`: false, `{"algorithm" "pdq"}`: false, `{"hashes":["` + hex256: false, `{"hashes":["` + hex256 + `"`: false,
	}
}

func TestPlainRequestIsReadAsEncodingJSONReadsIt(t *testing.T) {
	for body, plain := range hashBodies() {
		if got := checkScan(t, []byte(body)); got != plain {
			t.Errorf("%s: plain is %v", body, got)
		}
	}
}

// TestOurClientsRequestIsPlain: it would be answered as well if not, but slower.
func TestOurClientsRequestIsPlain(t *testing.T) {
	radius := 31
	body, err := json.Marshal(wire.MatchHashRequest{Algorithm: "pdq", Hashes: []string{hex256}, Radius: &radius, Limit: 7, Collections: []string{"bags"}, Dihedral: true})
	if err != nil || !checkScan(t, body) {
		t.Errorf("%s: %v", body, err)
	}
}

func TestScanStopsAtOneHashTooMany(t *testing.T) {
	for _, n := range []int{hashindex.MaxHashes, hashindex.MaxHashes + 1} {
		body := fmt.Sprintf(`{"hashes":[%s]}`, strings.TrimSuffix(strings.Repeat(`"`+hex64+`",`, n), ","))
		if got := checkScan(t, []byte(body)); got != (n == hashindex.MaxHashes) {
			t.Errorf("%d hashes: plain is %v", n, got)
		}
	}
}

func FuzzHashRequest(f *testing.F) {
	for body := range hashBodies() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkScan(t, body) })
}

// checkScan fails the test when the scanner accepts what encoding/json does not, or reads it otherwise.
func checkScan(t *testing.T, body []byte) bool {
	t.Helper()
	given := append([]byte{}, body...)
	got, hashes, plain := api.ScanHashRequest(body, nil)
	if string(given) != string(body) {
		t.Fatalf("%q was changed", given)
	}
	if !plain {
		return false
	}
	var want wire.MatchHashRequest
	if err := api.ParseJSON(body, &want); err != nil {
		t.Fatalf("%q was accepted: %v", body, err)
	}
	for i, text := range want.Hashes {
		h, err := hashindex.ParseHash(text)
		if err != nil || i >= len(hashes) || hashes[i] != h {
			t.Fatalf("%q: hash %d is %v, %v", body, i, h, err)
		}
	}
	if len(hashes) != len(want.Hashes) {
		t.Fatalf("%q: %d hashes, want %d", body, len(hashes), len(want.Hashes))
	}
	want.Hashes = nil
	if len(want.Collections) == 0 { // null and empty mean the same
		want.Collections = nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\n got %+v\nwant %+v", body, got, want)
	}
	return true
}

func FuzzHashLine(f *testing.F) {
	for _, line := range []string{
		`"` + hex64 + `"`, `"` + hex256 + `"`, `{"hash":"` + hex256 + `"}`, ` `, `{"hash" : "` + hex64 + `" } `, `{"hash":"` + hex64 + `","hash":"` + hex256 + `"}`,
		`{}`, `{"hash":null}`, `{"hsah":"` + hex64 + `"}`, `"` + hex64, `"` + hex64 + `" x`, `{"hash":"` + hex64 + `"`, `nonsense`, `"\u0063"`, `[]`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) == 0 {
			return // the stream skips those
		}
		got, plain := api.ScanHashLine(line)
		if !plain {
			return
		}
		text, err := api.ParseHashLine(line)
		if err != nil {
			t.Fatalf("%q was accepted: %v", line, err)
		}
		if want, err := hashindex.ParseHash(text); err != nil || got != want {
			t.Fatalf("%q: %v, want %v, %v", line, got, want, err)
		}
	})
}

func TestUsualLinesArePlain(t *testing.T) {
	for _, line := range []string{`"` + hex64 + `"`, `"` + hex256 + `"`, `{"hash":"` + hex256 + `"}`, `{"hash": "` + hex64 + `"}`} {
		if _, plain := api.ScanHashLine([]byte(line)); !plain {
			t.Errorf("%s is not", line)
		}
	}
}

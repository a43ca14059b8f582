package api_test

import (
	"fmt"
	"strings"
	"testing"

	"touchstone/api/hashlist"
	"touchstone/api/wire"
	"touchstone/fixtures"
)

// giant is the header of a picture of 30,000 by 30,000.
func giant(t *testing.T) []byte {
	t.Helper()
	for _, f := range fixtures.Bombs() {
		if strings.Contains(f.Why, "30,000") && strings.HasSuffix(f.Name, ".png") {
			return f.Content
		}
	}
	t.Fatal("no such fixture")
	return nil
}

// badCase is a request that must be refused.
type badCase struct {
	name         string
	send         func(*house) answer
	status       int
	code         string
	field, limit string
}

const (
	addPath   = "/v1/collections/shoes/references"
	matchPath = "/v1/match"
)

func TestBadInputIsRefusedByNameAndChangesNothing(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	h.add("shoes", product(1))
	before := h.seq()
	for _, c := range badCases(t) {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			p := c.send(h).problem(c.status, c.code)
			if p.Field != c.field || p.Limit != c.limit || p.Detail == "" || p.RequestID == "" {
				t.Errorf("field %q limit %q, want %q %q: %+v", p.Field, p.Limit, c.field, c.limit, p)
			}
			if after := h.seq(); after != before {
				t.Errorf("seq went from %d to %d", before, after)
			}
		})
	}
	h.t = t
	if n := into[wire.Collection](h.get("/v1/collections/shoes")).References; n != 1 {
		t.Errorf("%d references", n)
	}
}

func badCases(t *testing.T) []badCase {
	var cases []badCase
	cases = append(cases, badPictures(t)...)
	cases = append(cases, badHashes()...)
	cases = append(cases, badOptions()...)
	cases = append(cases, badBodies()...)
	return append(cases, badParts()...)
}

// badPictures are sent in every way that pictures are.
func badPictures(t *testing.T) (cases []badCase) {
	for _, picture := range []struct {
		name    string
		content []byte
		status  int
		code    string
		limit   string
	}{
		{"empty file", nil, 422, "image_empty", ""},
		{"text", []byte("this is not a picture"), 422, "image_format_unsupported", ""},
		{"html", []byte("<html><script>alert(1)</script></html>"), 422, "image_format_unsupported", ""},
		{"tiff", []byte("II*\x00\x08\x00\x00\x00\x01\x00"), 422, "image_format_unsupported", ""},
		{"truncated picture", product(1)[:len(product(1))/2], 422, "image_truncated", ""},
		{"30000x30000 header", giant(t), 413, "limit_exceeded", "image_pixels"},
		{"too many bytes", append([]byte("\xff\xd8\xff"), make([]byte, 20<<20)...), 413, "limit_exceeded", "image_bytes"},
	} {
		for way, send := range map[string]func(*house) answer{
			"added":       func(h *house) answer { return h.parts(addPath, image(picture.content)) },
			"matched":     func(h *house) answer { return h.parts(matchPath, image(picture.content)) },
			"matched raw": func(h *house) answer { return h.post(matchPath, "image/jpeg", picture.content) },
			"hashed":      func(h *house) answer { return h.post("/v1/hash", "application/octet-stream", picture.content) },
			"compared":    func(h *house) answer { return h.parts("/v1/compare", image(product(1)), image(picture.content)) },
			"among others": func(h *house) answer {
				return h.parts(matchPath, image(product(1)), image(picture.content), image(product(2)))
			},
			"added at last": func(h *house) answer {
				return h.parts(addPath, image(product(1)), image(product(2)), image(picture.content))
			},
		} {
			cases = append(cases, badCase{picture.name + " " + way, send, picture.status, picture.code, "", picture.limit})
		}
	}
	return cases
}

func TestRefusedPictureIsNamedByItsPlace(t *testing.T) {
	h := open(t).ready()
	h.collection("shoes", "brand")
	for _, path := range []string{matchPath, addPath, "/v1/hash"} {
		for place := range 4 {
			contents := [][]byte{product(1), product(2), product(3), product(4)}
			contents[place] = contents[place][:1000]
			p := h.parts(path, images(contents...)...).problem(422, "image_truncated")
			if p.Image == nil || *p.Image != place || !strings.Contains(p.Detail, fmt.Sprintf("image %d", place)) {
				t.Errorf("%s: %+v, want image %d", path, p, place)
			}
		}
	}
}

func hashBody(format string, args ...any) func(*house) answer {
	return func(h *house) answer { return h.json("POST", "/v1/match/hash", fmt.Sprintf(format, args...)) }
}

func hashReference(format string, args ...any) func(*house) answer {
	return func(h *house) answer { return h.json("POST", addPath, fmt.Sprintf(format, args...)) }
}

func list(contentType, text string) func(*house) answer {
	return func(h *house) answer { return h.post(addPath, contentType, []byte(text)) }
}

func badHashes() []badCase {
	const short = "c3d4a1f00e5b9687"
	many := `"` + strings.Repeat(hexOf(1)+`","`, 10000) + hexOf(1) + `"`
	return []badCase{
		{"hash of another width", hashBody(`{"hashes":["%s","%s"]}`, hexOf(1), short), 400, "input_invalid", "hashes[1]", ""},
		{"hash of another width of 64 bits", hashBody(`{"algorithm":"phash","hashes":["%s"]}`, hexOf(1)), 400, "input_invalid", "hashes[0]", ""},
		{"no hexadecimal", hashBody(`{"hashes":["%s"]}`, strings.Repeat("zz", 32)), 400, "input_invalid", "hashes[0]", ""},
		{"empty hash", hashBody(`{"hashes":[""]}`), 400, "input_invalid", "hashes[0]", ""},
		{"10,001 hashes", hashBody(`{"hashes":[%s]}`, many), 413, "limit_exceeded", "", "hashes"},
		{"unknown algorithm", hashBody(`{"algorithm":"md5","hashes":[]}`), 400, "input_invalid", "algorithm", ""},
		{"radius beyond", hashBody(`{"hashes":[],"radius":65}`), 400, "input_invalid", "radius", ""},
		{"radius beyond 64 bits'", hashBody(`{"algorithm":"dhash","hashes":[],"radius":17}`), 400, "input_invalid", "radius", ""},
		{"radius negative", hashBody(`{"hashes":[],"radius":-1}`), 400, "input_invalid", "radius", ""},
		{"limit beyond", hashBody(`{"hashes":[],"limit":1001}`), 400, "input_invalid", "limit", ""},
		{"dihedral of 64 bits", hashBody(`{"algorithm":"phash","hashes":[],"dihedral":true}`), 400, "input_invalid", "dihedral", ""},
		{"hashes in unknown collection", hashBody(`{"hashes":[],"collections":["boots"]}`), 404, "collection_not_found", "", ""},
		{"reference without hashes", hashReference(`{"external_id":"a"}`), 400, "input_invalid", "hashes", ""},
		{"reference with a bad hash", hashReference(`{"hashes":{"pdq":"%s"}}`, short), 400, "input_invalid", "hashes.pdq", ""},
		{"second reference with a bad hash", hashReference(`{"references":[{"hashes":{"pdq":"%s"}},{"hashes":{"dhash":"xyz"}}]}`, hexOf(1)), 400, "input_invalid", "references[1].hashes.dhash", ""},
		{"bad quality", hashReference(`{"hashes":{"pdq":"%s"},"quality":101}`, hexOf(1)), 400, "input_invalid", "quality", ""},
		{"quality that means unknown", hashReference(`{"hashes":{"pdq":"%s"},"quality":-1}`, hexOf(1)), 400, "input_invalid", "quality", ""},
		{"no references", hashReference(`{"references":[]}`), 400, "input_invalid", "references", ""},
		{"one and several", hashReference(`{"references":[{"hashes":{"pdq":"%s"}}],"external_id":"a"}`, hexOf(1)), 400, "input_invalid", "references", ""},
		{"external id too long", hashReference(`{"hashes":{"pdq":"%s"},"external_id":"%s"}`, hexOf(1), strings.Repeat("x", 257)), 413, "limit_exceeded", "", "external_id_bytes"},
		{"control character", hashReference(`{"hashes":{"pdq":"%s"},"external_id":"a\u0000b"}`, hexOf(1)), 400, "input_invalid", "external_id", ""},
		{"meta too long", hashReference(`{"hashes":{"pdq":"%s"},"meta":{"k":"%s"}}`, hexOf(1), strings.Repeat("x", 17<<10)), 413, "limit_exceeded", "", "meta_bytes"},
		{"list of nothing", list("text/csv", ""), 400, "input_invalid", "header", ""},
		{"list of another column", list("text/csv", "pdq,md5\n"), 400, "input_invalid", "md5", ""},
		{"list with a bad hash", list("text/csv", "pdq\n"+hexOf(1)+"\n"+short+"\n"), 400, "input_invalid", "pdq", ""},
		{"list of lines that are not JSON", list("application/x-ndjson", "{\"pdq\":\""+hexOf(1)+"\"}\nnonsense\n"), 400, "input_invalid", "row", ""},
		{"list with a row too long", list("application/x-ndjson", strings.Repeat(" ", hashlist.MaxRecord+1)), 413, "limit_exceeded", "", "hash_list_row_bytes"},
	}
}

func badOptions() (cases []badCase) {
	for query, field := range map[string]string{
		"radius=65": "radius", "radius=-1": "radius", "radius=ten": "radius", "radius=": "radius", "radius=1&radius=2": "radius",
		"limit=0": "limit", "limit=1001": "limit", "limit=1e2": "limit", "effort=lazy": "effort", "radios=3": "radios", "%zz": "query", "a;b": "query",
	} {
		cases = append(cases, badCase{"match?" + query, func(h *house) answer { return h.post(matchPath+"?"+query, "image/jpeg", product(1)) }, 400, "input_invalid", field, ""})
	}
	for path, field := range map[string]string{
		addPath + "?limit=0": "limit", addPath + "?limit=1001": "limit", addPath + "?cursor=nonsense": "cursor",
		"/v1/changes?after=-1": "after", "/v1/changes?after=x": "after", "/v1/changes?limit=1001": "limit", "/v1/collections?x=1": "x",
	} {
		cases = append(cases, badCase{"GET " + path, func(h *house) answer { return h.get(path) }, 400, "input_invalid", field, ""})
	}
	return append(cases,
		badCase{"match in unknown collection", func(h *house) answer { return h.post(matchPath+"?collections=shoes,boots", "image/jpeg", product(1)) }, 404, "collection_not_found", "", ""},
		badCase{"list of unknown collection", func(h *house) answer { return h.get("/v1/collections/boots/references") }, 404, "collection_not_found", "", ""},
		badCase{"added to unknown collection", func(h *house) answer { return h.parts("/v1/collections/boots/references", image(product(1))) }, 404, "collection_not_found", "", ""},
		badCase{"removed with a typing error", func(h *house) answer { return h.delete("/v1/collections/shoes?references=all") }, 400, "input_invalid", "references", ""},
		badCase{"compare?radius=65", func(h *house) answer { return h.parts("/v1/compare?radius=65", images(product(1), product(2))...) }, 400, "input_invalid", "radius", ""},
	)
}

func badBodies() (cases []badCase) {
	create := func(body string) func(*house) answer {
		return func(h *house) answer { return h.json("POST", "/v1/collections", body) }
	}
	for body, field := range map[string]string{
		"": "", "{": "", "nonsense": "", `{"name":"a","purpose":"brand"} x`: "", "[]": "", `"text"`: "", "{\"name\":\"\xff\"}": "",
		`{"name":"a","porpoise":"brand"}`: "porpoise", `{"name":7}`: "name", `{"policy":{"radius":"x"}}`: "policy.radius", `{"policy":{"radios":1}}`: "radios",
		strings.Repeat("[", 100_000): "",
	} {
		cases = append(cases, badCase{"body " + body[:min(len(body), 40)], create(body), 400, "body_malformed", field, ""})
	}
	return append(cases,
		badCase{"null", create("null"), 400, "input_invalid", "name", ""},
		badCase{"unknown purpose", create(`{"name":"a","purpose":"fun"}`), 400, "input_invalid", "purpose", ""},
		badCase{"radius of a policy", create(`{"name":"a","purpose":"brand","policy":{"radius":65}}`), 400, "input_invalid", "policy.radius", ""},
		badCase{"copy radius beyond radius", create(`{"name":"a","purpose":"brand","policy":{"radius":5,"copy_radius":6}}`), 400, "input_invalid", "policy.copy_radius", ""},
		badCase{"document too long", create(`{"name":"` + strings.Repeat("x", 33<<20) + `"}`), 413, "limit_exceeded", "", "document_bytes"},
		badCase{"JSON of another type", func(h *house) answer { return h.post("/v1/collections", "text/plain", []byte("{}")) }, 415, "content_type_unsupported", "", ""},
		badCase{"JSON of no type", func(h *house) answer { return h.post("/v1/match/hash", "", []byte("{}")) }, 415, "content_type_unsupported", "", ""},
		badCase{"picture as a form", func(h *house) answer { return h.post(matchPath, "application/x-www-form-urlencoded", product(1)) }, 415, "content_type_unsupported", "", ""},
		badCase{"references of another type", func(h *house) answer { return h.post(addPath, "image/jpeg", product(1)) }, 415, "content_type_unsupported", "", ""},
		badCase{"compressed", func(h *house) answer {
			r := h.request("POST", "/v1/collections", "application/json", strings.NewReader("{}"))
			r.Header.Set("Content-Encoding", "gzip")
			return h.do(r)
		}, 415, "content_encoding_unsupported", "", ""},
		badCase{"unknown route", func(h *house) answer { return h.get("/v2/collections") }, 404, "route_not_found", "", ""},
		badCase{"method not allowed", func(h *house) answer { return h.json("PUT", "/v1/collections", "{}") }, 405, "method_not_allowed", "", ""},
		badCase{"from a page of another site", func(h *house) answer {
			r := h.request("POST", "/v1/collections", "application/json", strings.NewReader(`{"name":"a","purpose":"brand"}`))
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			return h.do(r)
		}, 403, "cross_origin", "", ""},
	)
}

func badParts() []badCase {
	const form = "multipart/form-data; boundary=b"
	raw := func(path, contentType, body string) func(*house) answer {
		return func(h *house) answer { return h.post(path, contentType, []byte(body)) }
	}
	parts := func(path string, parts ...part) func(*house) answer {
		return func(h *house) answer { return h.parts(path, parts...) }
	}
	small := flat()
	many := make([][]byte, 101)
	for i := range many {
		many[i] = small
	}
	return []badCase{
		{"101 images", parts(addPath, images(many...)...), 413, "limit_exceeded", "", "reference_images"},
		{"65 images", parts(matchPath, images(many[:65]...)...), 413, "limit_exceeded", "", "match_images"},
		{"no image", parts(addPath, field("external_id", "a")), 400, "input_invalid", "image", ""},
		{"no part", raw(matchPath, form, "--b--\r\n"), 400, "input_invalid", "image", ""},
		{"no boundary", raw(matchPath, "multipart/form-data", "--b--\r\n"), 400, "body_malformed", "", ""},
		{"broken multipart", raw(addPath, form, "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nhalf"), 400, "body_malformed", "", ""},
		{"multipart of nonsense", raw(addPath, form, "nonsense"), 400, "body_malformed", "", ""},
		{"multipart that is empty", raw(addPath, form, ""), 400, "body_malformed", "", ""},
		{"broken part header", raw(addPath, form, "--b\r\nnonsense\r\n\r\nx\r\n--b--\r\n"), 400, "body_malformed", "", ""},
		{"unknown part", parts(addPath, image(product(1)), field("colour", "red")), 400, "body_malformed", "colour", ""},
		{"part of another route", parts("/v1/hash", image(product(1)), field("subject", "x")), 400, "body_malformed", "subject", ""},
		{"one id for two images", parts(addPath, image(product(1)), image(product(2)), field("external_id", "a")), 400, "input_invalid", "external_id", ""},
		{"two metas for three images", parts(addPath, image(product(1)), image(product(2)), image(product(3)), field("meta", "{}"), field("meta", "{}")), 400, "input_invalid", "meta", ""},
		{"meta that is no object", parts(addPath, image(product(1)), field("meta", "[1]")), 400, "input_invalid", "meta", ""},
		{"meta of numbers", parts(addPath, image(product(1)), field("meta", `{"a":1}`)), 400, "input_invalid", "meta", ""},
		{"field too long", parts(addPath, image(product(1)), field("meta", strings.Repeat(" ", 65<<10))), 413, "limit_exceeded", "", "field_bytes"},
		{"ids without end", parts(addPath, append([]part{image(product(1))}, repeated("external_id", 101)...)...), 400, "input_invalid", "external_id", ""},
	}
}

func repeated(name string, times int) (parts []part) {
	for range times {
		parts = append(parts, field(name, "x"))
	}
	return parts
}

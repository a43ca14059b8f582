package pack_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"touchstone/api/overlay"
	"touchstone/casework"
	"touchstone/casework/pack"
	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/pdq"
	"touchstone/hashindex/search/linear"
	"touchstone/hashindex/search/searchtest"
	"touchstone/hashindex/store/memory"
	"touchstone/hashindex/store/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// remembering makes the fingerprints of a picture once.
type remembering struct {
	*fingerprint.Maker
	made sync.Map // digest: hashindex.Picture
}

func (r *remembering) Detailed(ctx context.Context, encoded []byte) (hashindex.Picture, error) {
	if made, ok := r.made.Load(hashindex.DigestOf(encoded)); ok {
		return made.(hashindex.Picture), nil
	}
	made, err := r.Maker.Detailed(ctx, encoded)
	if err == nil {
		r.made.Store(hashindex.DigestOf(encoded), made)
	}
	return made, err
}

var (
	maker = &remembering{Maker: fingerprint.New(fingerprint.Limits{})}
	codec = pack.Codec{
		Encode: func(c hashindex.Change) ([]byte, error) { return record.Append(nil, c) },
		Decode: record.Decode,
	}
	verifier = pack.Verifier{Codec: codec, Maker: maker, Recipe: fingerprint.Recipe, NewAligner: align.New}
	start    = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
)

// office is a desk over an index with one collection under a right.
type office struct {
	t       *testing.T
	index   *hashindex.Index
	desk    *casework.Desk
	builder *pack.Builder
	later   atomic.Int64 // nanoseconds since start: the desk's clock is read in the background
}

func (o *office) now() time.Time { return start.Add(time.Duration(o.later.Load())) }

func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t}
	newSearcher := func(a hashindex.Algorithm) hashindex.Searcher { return linear.New(a.Bits()) }
	var err error
	o.index, err = hashindex.Open(hashindex.Config{
		Store: memory.New(), Recipe: fingerprint.Recipe, NewSearcher: newSearcher, Now: o.now,
		NewPartialSearcher: searchtest.NewExhaustive, NewAligner: align.New,
	})
	o.must(err)
	o.must(o.index.WaitReady(t.Context()))
	o.desk, err = casework.Open(casework.Config{Index: o.index, Variants: pdq.Derive, NewSearcher: newSearcher, Now: o.now, Flush: time.Hour})
	o.must(err)
	t.Cleanup(func() {
		o.must(o.desk.Close())
		o.must(o.index.Close())
	})
	o.builder = &pack.Builder{Desk: o.desk, Index: o.index, Codec: codec, Maker: maker, Draw: draw, Version: "test", Now: o.now}
	_, _, err = o.index.CreateCollection(t.Context(), "", hashindex.Collection{Name: "shoes", Purpose: hashindex.Brand, Policy: hashindex.DefaultPolicy()})
	o.must(err)
	_, _, err = o.desk.PutHolder(t.Context(), "op", casework.Holder{ID: "acme", Name: "Acme <b>Shoes</b>"})
	o.must(err)
	_, _, err = o.desk.AddRight(t.Context(), "op", casework.Everything, casework.Right{Holder: "acme", Kind: casework.Trademark, Number: "EM 4711", Collections: []string{"shoes"}})
	o.must(err)
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func draw(ctx context.Context, reference, query []byte, e hashindex.Evidence) ([]byte, error) {
	known, err := maker.Still(ctx, reference)
	if err != nil {
		return nil, err
	}
	asked, err := maker.Still(ctx, query)
	if err != nil {
		return nil, err
	}
	laid := e.Alignment.Alignment
	if e.Alignment.IsZero() {
		laid = e.Transform.Alignment()
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, overlay.Draw(overlay.Fit(known, hashindex.Features{}), overlay.Fit(asked, hashindex.Features{}), laid))
	return out.Bytes(), err
}

// hit registers a picture, posts another one of it, and confirms the hit.
func (o *office) hit(reference, query []byte, listing string) casework.HitID {
	o.t.Helper()
	known, err := maker.Detailed(o.t.Context(), reference)
	o.must(err)
	known.Frames = slices.Clone(known.Frames)
	for i := range known.Frames {
		known.Frames[i].Features = known.Frames[i].Features.Stored()
	}
	_, _, err = o.index.AddReferences(o.t.Context(), "lab", "shoes", []hashindex.NewReference{{ExternalID: "of " + listing, Picture: known, Encoded: reference}}, casework.Remember)
	o.must(err)
	asked, err := maker.Detailed(o.t.Context(), query)
	o.must(err)
	answer, err := o.index.Match(o.t.Context(), hashindex.Query{Picture: asked, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort, Limit: 10})
	o.must(err)
	if len(answer.Matches) != 1 {
		o.t.Fatalf("%s: %d matches", listing, len(answer.Matches))
	}
	rulings, err := o.desk.Record(o.t.Context(), "pipeline", []casework.Observation{{
		Subject: casework.Subject{Listing: listing, Seller: "sam"}, At: o.now(), Matches: answer.Matches, Encoded: query,
	}})
	o.must(err)
	id := rulings[0][0].Hit
	_, _, err = o.desk.DecideOne(o.t.Context(), "rita", casework.Everything, id, casework.Order{Action: casework.Confirm, Reason: "stolen_image"})
	o.must(err)
	return id
}

func cropped(img image.Image) image.Image {
	b := img.Bounds()
	return img.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(image.Rect(b.Min.X, b.Min.Y, b.Min.X+b.Dx()*7/10, b.Max.Y))
}

// packs are one of a near copy, one of a part, and one of a notice about both.
func packs(t *testing.T) (*office, map[string][]byte) {
	t.Helper()
	o := openOffice(t)
	whole := o.hit(fixtures.EncodeJPEG(fixtures.Product(1), 95), fixtures.EncodeJPEG(fixtures.Product(1), 4), "a")
	part := o.hit(fixtures.EncodeJPEG(fixtures.Product(2), 90), fixtures.EncodeJPEG(cropped(fixtures.Product(2)), 80), "b")
	n, _, err := o.desk.AddNotice(t.Context(), "ann", casework.Everything, casework.NewNotice{Holder: "acme", Hits: []casework.HitID{whole, part}, Text: "<script>alert(1)</script>", Submit: true})
	o.must(err)
	made := map[string][]byte{}
	made["whole"], err = o.builder.Hit(t.Context(), "ann", casework.Everything, whole)
	o.must(err)
	made["part"], err = o.builder.Hit(t.Context(), "ann", casework.Visible{"shoes"}, part)
	o.must(err)
	made["notice"], err = o.builder.Notice(t.Context(), "ann", casework.Everything, n.ID)
	o.must(err)
	return o, made
}

// made is packs, made once for all tests that only read them.
func made(t *testing.T) map[string][]byte {
	t.Helper()
	shared.Do(func() { _, shared.packs = packs(t) })
	if shared.packs == nil {
		t.Fatal("the packs could not be made")
	}
	return shared.packs
}

var shared struct {
	sync.Once
	packs map[string][]byte
}

func verify(t *testing.T, raw []byte) pack.Report {
	t.Helper()
	report, err := verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestPackFollowsFromItsPictures(t *testing.T) {
	for name, raw := range made(t) {
		report := verify(t, raw)
		if !report.Sound() || len(report.Unproven) > 0 {
			t.Errorf("%s: %q, unproven %q", name, report.Findings, report.Unproven)
		}
		if report.Last == 0 || report.Digest.IsZero() || (name == "notice") != (report.Hits == 2) {
			t.Errorf("%s: %+v", name, report)
		}
		if gapless := name != "part"; gapless != (report.Gaps == 0) {
			t.Errorf("%s: %d gaps", name, report.Gaps)
		}
		files, err := pack.Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		page := string(files["index.html"])
		if strings.Contains(page, "<script") || strings.Contains(page, "<b>Shoes") || !strings.Contains(page, "data:image/png;base64,") || strings.Contains(page, "http") && strings.Contains(page, "src=\"http") {
			t.Errorf("%s: the page is not safe, or not whole", name)
		}
	}
}

// TestEveryFlippedByteIsFound flips bytes in turn: some 100 of them, or with TOUCHSTONE_FLIPS=all every one.
func TestEveryFlippedByteIsFound(t *testing.T) {
	raw := bytes.Clone(made(t)["whole"])
	step := max(1, len(raw)/60)
	if os.Getenv("TOUCHSTONE_FLIPS") == "all" {
		step = 1
	}
	for at := 0; at < len(raw); at++ {
		if edge := at < 20 || at >= len(raw)-20; !edge && at%step != 0 {
			continue
		}
		raw[at] ^= 1 << (at % 8)
		if report := verify(t, raw); report.Sound() {
			t.Errorf("a flipped bit of byte %d of %d is not found", at, len(raw))
		}
		raw[at] ^= 1 << (at % 8)
	}
	if report := verify(t, raw); !report.Sound() {
		t.Fatalf("after all flips were undone: %q", report.Findings)
	}
}

// TestWhoeverSealsAnewIsFound: with the sums made anew, what does not follow is found all the same.
func TestWhoeverSealsAnewIsFound(t *testing.T) {
	made := made(t)
	whole, err := pack.Read(made["whole"])
	if err != nil {
		t.Fatal(err)
	}
	part, err := pack.Read(made["part"])
	if err != nil {
		t.Fatal(err)
	}
	other := fixtures.EncodeJPEG(fixtures.Product(9), 90)
	edit := func(change func(*pack.Case)) func(map[string][]byte) {
		return func(files map[string][]byte) {
			var c pack.Case
			if err := json.Unmarshal(files["case.json"], &c); err != nil {
				t.Fatal(err)
			}
			change(&c)
			text, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			files["case.json"] = text
		}
	}
	for name, change := range map[string]func(map[string][]byte){
		"distance":     edit(func(c *pack.Case) { c.Hits[0].Hit.Evidence.Distance-- }),
		"radius":       edit(func(c *pack.Case) { c.Hits[0].Hit.Evidence.Radius = 0 }),
		"score":        edit(func(c *pack.Case) { c.Hits[0].Hit.Score = 1 }),
		"query's hash": edit(func(c *pack.Case) { c.Hits[0].Hit.Evidence.QueryHash = c.Hits[0].Hit.Evidence.ReferenceHash }),
		"both hashes": edit(func(c *pack.Case) {
			e := &c.Hits[0].Hit.Evidence
			e.QueryHash.Words[0] ^= 1
			e.ReferenceHash.Words[0] ^= 1
		}),
		"quality": edit(func(c *pack.Case) { c.Hits[0].Hit.Evidence.QueryQuality-- }),
		"state":   edit(func(c *pack.Case) { c.Hits[0].Hit.State = casework.Rejected }),
		"right":   edit(func(c *pack.Case) { c.Rights[0].State = casework.RightVerified }),
		"query's picture": func(files map[string][]byte) {
			edit(func(c *pack.Case) {
				delete(files, "pictures/"+c.Hits[0].Query.Content.String())
				c.Hits[0].Query.Content = hashindex.DigestOf(other)
				files["pictures/"+c.Hits[0].Query.Content.String()] = other
			})(files)
		},
		"another's picture": func(files map[string][]byte) {
			edit(func(c *pack.Case) {
				delete(files, "pictures/"+c.Hits[0].Query.Content.String())
				d := hashindex.DigestOf(other)
				c.Hits[0].Query.Content, c.Hits[0].Hit.Picture, c.Hits[0].Hit.Evidence.QueryContent = d, d, d
				files["pictures/"+d.String()] = other
			})(files)
		},
		"what a picture comes to": edit(func(c *pack.Case) { c.Hits[0].Known.Hashes[hashindex.PHash].Words[0] ^= 1 }),
		"file of nothing":         func(files map[string][]byte) { files["pictures/"+strings.Repeat("0", 64)] = other },
		"missing overlay":         func(files map[string][]byte) { delete(files, "overlays/hit-1.png") },
		"a change's actor":        edit(func(c *pack.Case) { c.History[3].Actor = "nobody" }),
		"a change's bytes":        edit(func(c *pack.Case) { c.History[3].Bytes[60] ^= 1 }),
		"a change left out":       edit(func(c *pack.Case) { c.History = append(c.History[:3:3], c.History[4:]...) }),
		"last changes left out":   edit(func(c *pack.Case) { c.History = c.History[:len(c.History)-2] }),
		"changes in another order": edit(func(c *pack.Case) {
			c.History[2], c.History[3] = c.History[3], c.History[2]
		}),
		"another chain": edit(func(c *pack.Case) {
			change, err := record.Decode(c.History[3].Bytes)
			if err != nil {
				t.Fatal(err)
			}
			change.Actor = "nobody"
			c.History[3].Actor = change.Actor
			if c.History[3].Bytes, err = record.Append(nil, change); err != nil {
				t.Fatal(err)
			}
			c.History[3].Digest = hashindex.DigestOf(c.History[3].Bytes)
		}),
		"reference of another hash": edit(func(c *pack.Case) { c.Hits[0].Hit.Reference++ }),
	} {
		files := map[string][]byte{}
		for name, content := range whole {
			files[name] = bytes.Clone(content)
		}
		change(files)
		sealed, err := pack.Seal(files)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if report := verify(t, sealed); report.Sound() {
			t.Errorf("%s: not found", name)
		}
	}
	edit(func(c *pack.Case) { c.Hits[0].Hit.Evidence.Alignment.Inliers++ })(part)
	sealed, err := pack.Seal(part)
	if err != nil {
		t.Fatal(err)
	}
	if report := verify(t, sealed); report.Sound() {
		t.Error("another alignment: not found")
	}
}

func TestPackOfAnotherRecipeSaysWhatItCannotShow(t *testing.T) {
	v := verifier
	v.Recipe = "other/1"
	report, err := v.Verify(t.Context(), made(t)["whole"])
	if err != nil || !report.Sound() || len(report.Unproven) != 1 {
		t.Errorf("%q, unproven %q, %v", report.Findings, report.Unproven, err)
	}
}

func TestPackWithoutAPictureSaysSo(t *testing.T) {
	o := openOffice(t)
	id := o.hit(fixtures.EncodeJPEG(fixtures.Product(1), 95), fixtures.EncodeJPEG(fixtures.Product(1), 30), "a")
	o.later.Add(int64(400 * 24 * time.Hour))
	o.must(o.desk.Sweep(t.Context())) // the policy keeps pictures for a year
	raw, err := o.builder.Hit(t.Context(), "", casework.Everything, id)
	o.must(err)
	if report := verify(t, raw); !report.Sound() || len(report.Unproven) != 1 {
		t.Errorf("%q, unproven %q", report.Findings, report.Unproven)
	}
}

func TestPackIsAlwaysTheSameAndInSightOrNotThere(t *testing.T) {
	o, made := packs(t)
	again, err := o.builder.Notice(t.Context(), "ann", casework.Everything, 1)
	if err != nil || !bytes.Equal(again, made["notice"]) {
		t.Errorf("%d bytes, then %d: %v", len(made["notice"]), len(again), err)
	}
	for _, err := range []error{
		second(o.builder.Hit(t.Context(), "", casework.Visible{"boots"}, 1)), second(o.builder.Notice(t.Context(), "", casework.Visible{"boots"}, 1)),
		second(o.builder.Hit(t.Context(), "", casework.Everything, 99)), second(o.builder.Notice(t.Context(), "", casework.Everything, 99)),
	} {
		if !errors.Is(err, hashindex.ErrNotFound) {
			t.Error(err)
		}
	}
}

func second[A any](_ A, err error) error { return err }

// hostile are ZIPs that no builder makes.
var hostile = sync.OnceValue(func() map[string][]byte {
	archive := func(fill func(*zip.Writer)) []byte {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		fill(w)
		w.Close()
		return out.Bytes()
	}
	file := func(w *zip.Writer, name string, method uint16, content []byte) {
		part, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			part.Write(content)
		}
	}
	all := map[string][]byte{"nothing": nil, "text": []byte("PK"), "empty": archive(func(*zip.Writer) {})}
	for _, name := range []string{"../case.json", "/case.json", "pictures/../../x", "C:\\x", "case.json/", "pictures/", "CASE.JSON", "case.json\x00", ".", ""} {
		all["named "+name] = archive(func(w *zip.Writer) { file(w, name, zip.Store, []byte("{}")) })
	}
	all["twice"] = archive(func(w *zip.Writer) {
		file(w, "case.json", zip.Store, []byte("{}"))
		file(w, "case.json", zip.Store, []byte("{}"))
	})
	all["bomb"] = archive(func(w *zip.Writer) { file(w, "case.json", zip.Deflate, make([]byte, 100<<20)) })
	all["many"] = archive(func(w *zip.Writer) {
		for n := range pack.MaxFiles + 1 {
			file(w, fmt.Sprintf("overlays/hit-%d.png", n), zip.Store, nil)
		}
	})
	all["comment"] = archive(func(w *zip.Writer) { w.SetComment("hello") })
	all["no manifest"] = archive(func(w *zip.Writer) {
		file(w, "case.json", zip.Store, []byte("{}"))
		file(w, "index.html", zip.Store, nil)
	})
	return all
})

func TestHostileZIPsAreFindings(t *testing.T) {
	whole := made(t)["whole"]
	all := map[string][]byte{
		"cut short": whole[:len(whole)/2], "prefixed": append([]byte("x"), whole...), "followed": append(bytes.Clone(whole), 0),
		"twice in a row": append(bytes.Clone(whole), whole...),
	}
	for name, raw := range hostile() {
		all[name] = raw
	}
	for name, raw := range all {
		report, err := verifier.Verify(t.Context(), raw)
		if limit, ok := errors.AsType[*hashindex.LimitError](err); err == nil && report.Sound() || err != nil && !ok {
			t.Errorf("%s: %+v, %v, %v", name, report, err, limit)
		}
	}
}

// blind makes no fingerprints: fuzzing is not about decoders.
type blind struct{}

func (blind) Detailed(context.Context, []byte) (hashindex.Picture, error) {
	return hashindex.Picture{}, errors.New("not here")
}

func FuzzVerify(f *testing.F) {
	for _, raw := range hostile() {
		if len(raw) < 1<<20 {
			f.Add(raw)
		}
	}
	v := verifier
	v.Maker = blind{}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if report, err := v.Verify(t.Context(), raw); err == nil && report.Sound() {
			t.Errorf("a pack out of nothing: %+v", report)
		}
	})
}

package align_test

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
)

func featuresOf(tb testing.TB, encoded []byte) hashindex.Features {
	tb.Helper()
	picture, err := fingerprint.New(fingerprint.Limits{}).Detailed(context.Background(), encoded)
	if err != nil {
		tb.Fatal(err)
	}
	return picture.Frames[0].Features
}

func TestEveryAttackOnAGeneratedPictureIsLaidOverIt(t *testing.T) {
	src, other := fixtures.Product(3), fixtures.Photo(8)
	reference := featuresOf(t, fixtures.EncodeJPEG(src, 90)).Stored()
	stranger := featuresOf(t, fixtures.EncodeJPEG(fixtures.Photo(31), 90)).Stored()
	for _, attack := range fixtures.Attacks() {
		encoded, _ := attack.Apply(rand.New(rand.NewPCG(5, 5)), src, other)
		aligner := align.New(featuresOf(t, encoded))
		mirrored := attack.Name == "mirror" || attack.Name == "mirror_crop10_jpeg30"
		if a, ok := aligner.Align(reference, mirrored); !ok {
			t.Errorf("%s: not found: %d inliers, correlation %.2f, score %.2f", attack.Name, a.Inliers, a.Correlation, a.Score)
		}
		for _, m := range []bool{false, true} {
			if a, ok := aligner.Align(stranger, m); ok {
				t.Errorf("%s: a stranger was found: %+v", attack.Name, a)
			}
		}
	}
}

func TestSmallPictureIsLaidOverACloserLook(t *testing.T) {
	pasted := fixtures.Attacks()
	pasted = slices.DeleteFunc(pasted, func(a fixtures.Attack) bool { return a.Name != "pip25" })
	plainly, closer := 0, 0
	for seed := range 6 {
		src := fixtures.Photo(40 + seed)
		reference := featuresOf(t, fixtures.EncodeJPEG(src, 90)).Stored()
		encoded, _ := pasted[0].Apply(rand.New(rand.NewPCG(5, uint64(seed))), src, fixtures.Photo(8))
		query := featuresOf(t, encoded)
		if _, ok := align.New(query).Align(reference, false); ok {
			plainly++
		}
		if _, ok := align.New(query.Closer()).Align(reference, false); ok {
			closer++
		}
	}
	t.Logf("%d found, %d with a closer look", plainly, closer)
	if closer < 6 {
		t.Errorf("%d of 6 found with a closer look, %d without", closer, plainly)
	}
}

func TestManyCornersUnderAStickerSuffice(t *testing.T) {
	src := fixtures.Product(5)
	reference := featuresOf(t, fixtures.EncodeJPEG(src, 90)).Stored()
	for _, attack := range fixtures.Attacks() {
		if attack.Name != "sticker" {
			continue
		}
		for seed := range uint64(4) {
			encoded, _ := attack.Apply(rand.New(rand.NewPCG(seed, 1)), src)
			if a, ok := align.New(featuresOf(t, encoded)).Align(reference, false); !ok {
				t.Errorf("seed %d: %d corners of %d, %.1f of %.1f cells alike, score %.2f", seed, a.Inliers, a.Expected, a.AlikeCells, a.Cells, a.Score)
			}
		}
	}
}

// TestSiblingIsAMatchButNotCertain lays a picture over another that is the same but for its middle.
func TestSiblingIsAMatchButNotCertain(t *testing.T) {
	for seed := 41; seed <= 43; seed++ {
		src, other := fixtures.Photo(seed), fixtures.Photo(seed+20)
		sibling := image.NewNRGBA(src.Bounds())
		draw.Draw(sibling, sibling.Rect, src, src.Bounds().Min, draw.Src)
		size := sibling.Rect.Size()
		middle := image.Rect(size.X/4, size.Y/4, size.X*3/4, size.Y*3/4)
		draw.Draw(sibling, middle, other, middle.Min, draw.Src)
		reference := featuresOf(t, fixtures.EncodeJPEG(sibling, 90)).Stored()
		query := align.New(featuresOf(t, fixtures.EncodeJPEG(src, 80)))
		a, ok := query.Align(reference, false)
		if !ok || a.Score >= 0.9 {
			t.Errorf("seed %d: %v, score %.3f, %.1f of %.1f cells alike, correlation %.2f", seed, ok, a.Score, a.AlikeCells, a.Cells, a.Correlation)
		}
		own, ok := query.Align(featuresOf(t, fixtures.EncodeJPEG(src, 90)).Stored(), false)
		if !ok || own.Score < 0.99 {
			t.Errorf("seed %d: the picture itself: %v, score %.3f", seed, ok, own.Score)
		}
	}
}

func TestQuadSaysWhereTheReferenceLies(t *testing.T) {
	src := fixtures.Photo(4)
	reference := featuresOf(t, fixtures.EncodeJPEG(src, 90)).Stored()
	for name, want := range map[string][4][2]float64{
		"mirror":    {{1, 0}, {0, 0}, {0, 1}, {1, 1}},
		"rotate90":  {{1, 0}, {1, 1}, {0, 1}, {0, 0}},
		"rotate180": {{1, 1}, {0, 1}, {0, 0}, {1, 0}},
	} {
		for _, attack := range fixtures.Attacks() {
			if attack.Name != name {
				continue
			}
			encoded, _ := attack.Apply(rand.New(rand.NewPCG(5, 5)), src)
			a, ok := align.New(featuresOf(t, encoded)).Align(reference, name == "mirror")
			if !ok {
				t.Fatalf("%s: not found: %+v", name, a)
			}
			for i, corner := range a.QueryQuad {
				if math.Hypot(corner[0]-want[i][0], corner[1]-want[i][1]) > 0.02 {
					t.Errorf("%s: corner %d at %.3f, want %v", name, i, corner, want[i])
				}
			}
			if a.ReferenceCoverage < 0.97 || a.QueryCoverage < 0.97 {
				t.Errorf("%s: coverage %.3f and %.3f, want all", name, a.ReferenceCoverage, a.QueryCoverage)
			}
		}
	}
}

func TestSameFeaturesGiveTheSameAlignment(t *testing.T) {
	reference := featuresOf(t, fixtures.EncodeJPEG(fixtures.Product(5), 90)).Stored()
	query := featuresOf(t, fixtures.EncodeJPEG(fixtures.Product(5), 30))
	aligner := align.New(query)
	first, _ := aligner.Align(reference, false)
	aligner.Align(featuresOf(t, fixtures.EncodeJPEG(fixtures.Photo(1), 90)).Stored(), true)
	again, _ := aligner.Align(reference, false)
	fresh, _ := align.New(query).Align(reference, false)
	if !reflect.DeepEqual(first, again) || !reflect.DeepEqual(first, fresh) {
		t.Errorf("got %+v, then %+v, then %+v", first, again, fresh)
	}
}

// FuzzDegenerateFeatures feeds corners that no picture has: coinciding, in a line, all alike.
func FuzzDegenerateFeatures(f *testing.F) {
	f.Add([]byte{}, uint16(1), uint16(1))
	f.Add(bytes.Repeat([]byte{7}, 400), uint16(640), uint16(1))
	f.Add([]byte("points on a line, points on a line, points on a line, points on a line"), uint16(300), uint16(200))
	f.Fuzz(func(t *testing.T, raw []byte, width, height uint16) {
		w, h := int(width)%hashindex.MaxWorkingSide+1, int(height)%hashindex.MaxWorkingSide+1
		query := hashindex.Features{Width: w, Height: h, Luma: hashindex.Luma{Width: w, Height: h, Pix: make([]uint8, w*h)}}
		for i := range query.Luma.Pix {
			if len(raw) > 0 {
				query.Luma.Pix[i] = raw[i%len(raw)]
			}
		}
		for ; len(raw) >= 6 && len(query.Keypoints) < hashindex.MaxKeypoints; raw = raw[6:] {
			query.Keypoints = append(query.Keypoints, hashindex.Keypoint{
				X: uint16(int(raw[0]) * w * 64 / 256), Y: uint16(int(raw[1]) * h * 64 / 256),
				Scale: int8(raw[2]), Angle: raw[3], Descriptor: hashindex.Descriptor{uint64(raw[4]) & 3, 0, uint64(raw[5]) & 3, 0},
			})
		}
		aligner := align.New(query)
		for _, mirrored := range []bool{false, true} {
			a, ok := aligner.Align(query.Stored(), mirrored)
			for _, v := range append(a.Matrix[:], a.Score, a.Correlation, a.QueryCoverage, a.ReferenceCoverage) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%+v, %v", a, ok)
				}
			}
		}
	})
}

func BenchmarkAlign(b *testing.B) {
	query := featuresOf(b, fixtures.EncodeJPEG(fixtures.Product(5), 30))
	for name, seed := range map[string]int{"copy": 5, "stranger": 9} {
		reference := featuresOf(b, fixtures.EncodeJPEG(fixtures.Product(seed), 90)).Stored()
		b.Run(name, func(b *testing.B) {
			aligner := align.New(query)
			for b.Loop() {
				aligner.Align(reference, false)
			}
		})
	}
	b.Run("prepare", func(b *testing.B) {
		for b.Loop() {
			align.New(query)
		}
	})
}

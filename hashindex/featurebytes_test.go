package hashindex_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"touchstone/hashindex"
)

// randomFeatures draws features of a picture that is as large as any, with this many keypoints.
func randomFeatures(r *rand.Rand, keypoints int) hashindex.Features {
	f := hashindex.Features{Width: 640, Height: 480, Luma: hashindex.Luma{Width: 64, Height: 48, Pix: make([]uint8, 64*48)}}
	for i := range f.Luma.Pix {
		f.Luma.Pix[i] = uint8(r.Uint32())
	}
	for range keypoints {
		f.Keypoints = append(f.Keypoints, hashindex.Keypoint{
			X: uint16(r.IntN(640 * 64)), Y: uint16(r.IntN(480 * 64)), Scale: int8(r.IntN(40)), Angle: uint8(r.Uint32()),
			Descriptor: hashindex.Descriptor{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()},
		})
	}
	return f
}

func TestStoredFeaturesComeBack(t *testing.T) {
	r := seeded(t)
	for _, keypoints := range []int{0, 1, 299, hashindex.MaxStoredKeypoints, 1000} {
		f := randomFeatures(r, keypoints)
		raw := f.AppendStored(nil)
		got, err := hashindex.ParseFeatures(raw)
		if err != nil || !reflect.DeepEqual(got, f.Stored()) || len(raw) > hashindex.MaxFeatures {
			t.Errorf("%d keypoints in %d bytes: other features, %v", keypoints, len(raw), err)
		}
		if again := got.AppendStored(nil); !bytes.Equal(again, raw) {
			t.Errorf("%d keypoints: other bytes the second time", keypoints)
		}
	}
}

func TestFeaturesOfAnotherVersionSaySo(t *testing.T) {
	raw := randomFeatures(seeded(t), 3).AppendStored(nil)
	raw[0]++
	if _, err := hashindex.ParseFeatures(raw); !errors.Is(err, hashindex.ErrRecipe) {
		t.Error(err)
	}
}

// FuzzParseFeatures: bytes are refused, or they are the ones that are written for what they mean.
func FuzzParseFeatures(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, keypoints := range []int{0, 2} {
		features := randomFeatures(r, keypoints)
		features.Luma = hashindex.Luma{Width: 2, Height: 2, Pix: []uint8{1, 2, 3, 4}}
		f.Add(features.AppendStored(nil))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := hashindex.ParseFeatures(raw)
		if err != nil {
			if !errors.Is(err, hashindex.ErrDamaged) && !errors.Is(err, hashindex.ErrRecipe) {
				t.Errorf("%x: %v", raw, err)
			}
			return
		}
		if again := got.AppendStored(nil); !bytes.Equal(again, raw) {
			t.Errorf("%x was read, but is written %x", raw, again)
		}
	})
}

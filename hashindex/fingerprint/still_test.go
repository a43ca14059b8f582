package fingerprint

import (
	"context"
	"testing"

	"touchstone/hashindex"
)

func TestStillShowsWhatWasFingerprinted(t *testing.T) {
	img := scenery(400, 300, 9)
	for o := upright; o <= 8; o++ {
		encoded := exifJPEG(encodeJPEG(t, img), o)
		still, err := New(Limits{}).Still(context.Background(), encoded)
		if err != nil {
			t.Fatal(err)
		}
		got, want := mustPicture(t, encodePNG(t, still)), mustPicture(t, encoded)
		d := got.Frames[0].Hashes[hashindex.PDQ].Distance(want.Frames[0].Hashes[hashindex.PDQ])
		if d > 4 || got.Width != want.Width || got.Height != want.Height {
			t.Errorf("orientation %d: %d bits away, %d×%d, want %d×%d", o, d, got.Width, got.Height, want.Width, want.Height)
		}
	}
}

package worker

import (
	"bytes"
	"errors"
	"testing"

	"touchstone/fixtures"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
)

// FuzzAnswer is a child that was taken over: whatever it says is a picture that can be, a refusal, or a message
// that cannot be.
func FuzzAnswer(f *testing.F) {
	picture, err := fingerprint.New(fingerprint.Limits{}).Detailed(f.Context(), fixtures.EncodePNG(fixtures.Product(1)))
	if err != nil {
		f.Fatal(err)
	}
	picture.Frames[0].Features.Keypoints = picture.Frames[0].Features.Keypoints[:3]
	f.Add(byte(sayFrames), appendFrames(nil, picture))
	f.Add(byte(sayRefused), appendRefusal(nil, &hashindex.DecodeError{Reason: hashindex.CorruptImage, Detail: "why"}))
	f.Add(byte(sayOver), appendOver(nil, &hashindex.LimitError{Limit: "image_pixels", Max: 1, Got: 2}))
	f.Add(byte(saySmall), []byte{0, 1, 0, 1, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, said byte, body []byte) {
		switch kind(said) {
		case sayFrames:
			_, frames, err := parseFrames(body, fingerprint.Recipe, 1)
			if err == nil && (len(frames) != 1 || !bytes.Equal(appendFrames(nil, hashindex.Picture{Frames: frames})[16:], body[16:])) {
				t.Errorf("%d frames that are not what was said", len(frames))
			}
			if err != nil && !errors.Is(err, errGarbled) {
				t.Error(err)
			}
		case saySmall:
			if still, err := parseStill(body); err == nil && !bytes.Equal(appendStill(nil, still), body) {
				t.Error("a still that is not what was said")
			}
		case sayRefused:
			if err := parseRefusal(body); !errors.Is(err, hashindex.ErrUndecoded) && !errors.Is(err, errGarbled) {
				t.Error(err)
			}
		case sayOver:
			if err := parseOver(body); !errors.Is(err, hashindex.ErrInvalid) && !errors.Is(err, errGarbled) {
				t.Error(err)
			}
		}
	})
}

// FuzzMessage reads bytes as a message: one that is accepted is written again as it was.
func FuzzMessage(f *testing.F) {
	var whole bytes.Buffer
	if err := writeMessage(&whole, askStill, []byte("picture")); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, body, err := readMessage(bytes.NewReader(raw), 1<<20)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeMessage(&again, k, body); err != nil || !bytes.HasPrefix(raw, again.Bytes()) {
			t.Errorf("%d bytes are written as others: %v", len(raw), err)
		}
	})
}

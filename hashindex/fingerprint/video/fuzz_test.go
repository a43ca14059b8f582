package video

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"touchstone/hashindex"
)

// FuzzContainer looks at what is said to be a video before ffmpeg does: it is refused with a reason, or its length is one
// that a video can have and what is read of it ends.
func FuzzContainer(f *testing.F) {
	atom := func(kind string, body ...byte) []byte {
		return append([]byte{0, 0, 0, byte(len(body) + 8), kind[0], kind[1], kind[2], kind[3]}, body...)
	}
	header := atom("mvhd", append(make([]byte, 12), 0, 0, 3, 0xe8, 0, 0, 0x4e, 0x20)...)
	movie := bytes.Join([][]byte{atom("ftyp", []byte("isom\x00\x00\x00\x00isom")...), atom("mdat", 1, 2, 3, 4), atom("moov", header...)}, nil)
	for _, head := range [][]byte{
		movie, movie[:len(movie)-4], []byte("\x1aE\xdf\xa3\x84webm\x18S\x80g\x88\x15I\xa9f\x83*\xd7\xb1"), []byte("RIFF\x00\x00\x00\x00AVI LIST"),
		[]byte("FLV\x01\x05\x00\x00\x00\x09"), []byte("OggS\x00\x02"), []byte("#EXTM3U\n/etc/passwd\n"), []byte("\x00\x00\x01\xba"), bytes.Repeat([]byte("G\x40\x00\x10"), 100), nil,
	} {
		f.Add(head)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		_, in, seconds, err := inspect(io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content))))
		if refused := new(hashindex.DecodeError); err != nil {
			if over := new(hashindex.LimitError); !errors.As(err, &refused) && !errors.As(err, &over) {
				t.Errorf("%v is no refusal", err)
			}
			return
		}
		if math.IsNaN(seconds) || seconds < 0 {
			t.Errorf("%v seconds", seconds)
		}
		if n, err := io.Copy(io.Discard, io.LimitReader(in, int64(len(content))+1)); n > int64(len(content)) {
			t.Errorf("more than %d bytes of %d: %v", n, len(content), err)
		}
	})
}

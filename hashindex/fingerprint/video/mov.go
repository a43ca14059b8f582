package video

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"touchstone/hashindex"
)

// A movie's index, the moov box, often stands behind what it indexes. ffmpeg would have to seek, which it
// cannot on a pipe: so the index is moved to the front, and the places that it names with it.

// maxIndex bounds the moov box, which is read whole: a film of four hours has some 10 MiB.
const maxIndex = 64 << 20

// box is one of a movie's boxes.
type box struct {
	kind     string
	from, to int64
	body     int64 // where its content begins
}

// boxes are those of the file, in order. One that reaches beyond the end is a file cut short.
func boxes(source *io.SectionReader) (list []box, err error) {
	for at := int64(0); at < source.Size(); {
		b, err := boxAt(source, at, source.Size())
		if err != nil {
			return nil, err
		}
		list = append(list, b)
		if len(list) > 100_000 {
			return nil, refuse(hashindex.CorruptVideo, "the movie has more than 100,000 boxes")
		}
		at = b.to
	}
	return list, nil
}

func boxAt(source io.ReaderAt, at, end int64) (box, error) {
	var head [16]byte
	n, _ := source.ReadAt(head[:min(16, end-at)], at)
	if n < 8 {
		return box{}, cutShort()
	}
	b := box{kind: string(head[4:8]), from: at, body: at + 8}
	size := int64(binary.BigEndian.Uint32(head[:4]))
	switch {
	case size == 0: // to the end
		size = end - at
	case size == 1 && n == 16:
		size, b.body = int64(binary.BigEndian.Uint64(head[8:])), at+16
	}
	if b.to = at + size; size < b.body-at || b.to < at {
		return box{}, refuse(hashindex.CorruptVideo, "the movie is damaged: a box %.4q of %d bytes", b.kind, size)
	}
	if b.to > end {
		return box{}, cutShort()
	}
	return b, nil
}

func cutShort() error { return refuse(hashindex.TruncatedVideo, "the movie is cut short") }

// streamable is the movie with its index in front, and how long it says that it is.
func streamable(source *io.SectionReader) (in io.Reader, seconds float64, err error) {
	list, err := boxes(source)
	if err != nil {
		return nil, 0, err
	}
	var index, data *box
	insert := int64(0)
	for i := range list {
		switch b := &list[i]; b.kind {
		case "moov":
			index = b
		case "mdat":
			if data == nil {
				data = b
			}
		case "ftyp":
			insert = b.to
		}
	}
	switch {
	case index == nil:
		return nil, 0, refuse(hashindex.TruncatedVideo, "the movie has no index (moov): it is cut short, or was never finished")
	case index.to-index.from > maxIndex:
		return nil, 0, &hashindex.LimitError{Limit: "video_index_bytes", Max: maxIndex, Got: index.to - index.from}
	}
	moov := make([]byte, index.to-index.from)
	if _, err := source.ReadAt(moov, index.from); err != nil {
		return nil, 0, err
	}
	seconds = movieSeconds(moov)
	if data == nil || index.from < data.from {
		return io.NewSectionReader(source, 0, source.Size()), seconds, nil
	}
	if err := shift(moov, index.body-index.from, insert, index.from); err != nil {
		return nil, 0, err
	}
	return io.MultiReader(
		io.NewSectionReader(source, 0, insert),
		bytes.NewReader(moov),
		io.NewSectionReader(source, insert, index.from-insert),
		io.NewSectionReader(source, index.to, source.Size()-index.to),
	), seconds, nil
}

// inside yields the boxes in a box that is in memory, with their contents.
func inside(body []byte, yield func(kind string, content []byte) error) error {
	source := bytes.NewReader(body)
	for at := int64(0); at+8 <= int64(len(body)); {
		b, err := boxAt(source, at, int64(len(body)))
		if err != nil {
			return err
		}
		if err := yield(b.kind, body[b.body:b.to]); err != nil {
			return err
		}
		at = b.to
	}
	return nil
}

// movieSeconds reads mvhd; 0 when there is no telling.
func movieSeconds(moov []byte) (seconds float64) {
	inside(moov[8:], func(kind string, c []byte) error {
		if kind != "mvhd" || len(c) < 32 {
			return nil
		}
		scale, length := binary.BigEndian.Uint32(c[12:]), uint64(binary.BigEndian.Uint32(c[16:]))
		if c[0] == 1 {
			scale, length = binary.BigEndian.Uint32(c[20:]), binary.BigEndian.Uint64(c[24:])
		}
		if scale > 0 && length < 1<<48 {
			seconds = float64(length) / float64(scale)
		}
		return nil
	})
	return seconds
}

// shift adds the index's own length to the places that it names from one place in the file to another: what
// stands there moves back by so much.
func shift(moov []byte, head, from, to int64) error {
	by := int64(len(moov))
	var walk func(kind string, c []byte) error
	walk = func(kind string, c []byte) error {
		switch kind {
		case "trak", "mdia", "minf", "stbl":
			return inside(c, walk)
		case "cmov":
			return refuse(hashindex.UnsupportedVideo, "the movie's index is compressed")
		case "stco":
			return eachPlace(c, 4, func(place []byte) error {
				at := int64(binary.BigEndian.Uint32(place))
				if at >= from && at < to {
					at += by
				}
				if at > 1<<32-1 {
					return refuse(hashindex.UnsupportedVideo, "the movie's index stands behind 4 GiB: move it to the front (ffmpeg -c copy -movflags faststart)")
				}
				binary.BigEndian.PutUint32(place, uint32(at))
				return nil
			})
		case "co64":
			return eachPlace(c, 8, func(place []byte) error {
				if at := int64(binary.BigEndian.Uint64(place)); at >= from && at < to {
					binary.BigEndian.PutUint64(place, uint64(at+by))
				}
				return nil
			})
		}
		return nil
	}
	return inside(moov[head:], walk)
}

func eachPlace(c []byte, size int, do func([]byte) error) error {
	if len(c) < 8 {
		return refuse(hashindex.CorruptVideo, "the movie's index is damaged")
	}
	n := int64(binary.BigEndian.Uint32(c[4:]))
	if n*int64(size) > int64(len(c)-8) {
		return refuse(hashindex.CorruptVideo, "the movie's index is damaged: %d places in %d bytes", n, len(c)-8)
	}
	for i := range int(n) {
		if err := do(c[8+i*size:][:size]); err != nil {
			return err
		}
	}
	return nil
}

func refuse(reason hashindex.DecodeReason, detail string, args ...any) error {
	return &hashindex.DecodeError{Reason: reason, Detail: fmt.Sprintf(detail, args...)}
}

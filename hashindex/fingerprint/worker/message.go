package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"io"
	"time"

	"touchstone/hashindex"
)

// kind says what a message is.
type kind byte

// Requests, whose body is the encoded picture.
const (
	askPicture kind = iota + 1
	askDetailed
	askStill
	askWarm // no body: get ready
)

// Answers.
const (
	sayFrames  kind = iota + 65
	saySmall        // a still
	sayRefused      // a DecodeError
	sayOver         // a LimitError
	sayReady
)

// A message is its kind, the length of its body, the body, and the CRC-32 of all that. A child may have
// been taken over by the picture that it decoded: what it says is held to what a picture can be.
const (
	messageHead = 5
	maxAnswer   = 64 << 20 // 64 frames, four with features, are 2 MiB; a still of maxStill pixels 16 MiB
	maxStill    = 2048     // pixels of its longer side
	maxText     = 4 << 10
)

var errGarbled = errors.New("a message that cannot be")

func writeMessage(w io.Writer, k kind, body []byte) error {
	message := binary.BigEndian.AppendUint32([]byte{byte(k)}, uint32(len(body)))
	sum := crc32.Update(crc32.ChecksumIEEE(message), crc32.IEEETable, body)
	for _, part := range [][]byte{message, body, binary.BigEndian.AppendUint32(nil, sum)} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// readMessage reads a message whose body has at most so many bytes. Room is made for it as it arrives.
func readMessage(r io.Reader, most int64) (kind, []byte, error) {
	var head [messageHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := int64(binary.BigEndian.Uint32(head[1:]))
	if length > most {
		return 0, nil, fmt.Errorf("%d bytes: %w", length, errGarbled)
	}
	body, err := io.ReadAll(io.LimitReader(r, length+crc32.Size))
	if err != nil {
		return 0, nil, err
	}
	if int64(len(body)) != length+crc32.Size {
		return 0, nil, io.ErrUnexpectedEOF
	}
	body, sum := body[:length], body[length:]
	if crc32.Update(crc32.ChecksumIEEE(head[:]), crc32.IEEETable, body) != binary.BigEndian.Uint32(sum) {
		return 0, nil, fmt.Errorf("a wrong checksum: %w", errGarbled)
	}
	return kind(head[0]), body, nil
}

// appendFrames writes the frames of a picture. Its format, size and digest are not among them: whoever asked
// knows them.
func appendFrames(dst []byte, p hashindex.Picture) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Took.Hash))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Took.Features))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(p.Frames)))
	for _, f := range p.Frames {
		dst = binary.BigEndian.AppendUint64(dst, uint64(f.At))
		dst = append(dst, uint8(f.Quality))
		for _, h := range f.Hashes {
			dst = appendHash(dst, h)
		}
		for _, h := range f.Dihedral {
			dst = appendHash(dst, h)
		}
		dst = appendFeatures(dst, f.Features)
	}
	return dst
}

func appendHash(dst []byte, h hashindex.Hash) []byte {
	return h.AppendBytes(append(dst, uint8(h.Bits()/8)))
}

// appendFeatures writes features as they are made; no width says that there are none.
func appendFeatures(dst []byte, f hashindex.Features) []byte {
	for _, n := range []int{f.Width, f.Height, f.Luma.Width, f.Luma.Height, len(f.Keypoints)} {
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	}
	dst = append(dst, f.Luma.Pix...)
	for _, k := range f.Keypoints {
		dst = binary.BigEndian.AppendUint16(dst, k.X)
		dst = binary.BigEndian.AppendUint16(dst, k.Y)
		dst = append(dst, uint8(k.Scale), k.Angle)
		for _, word := range k.Descriptor {
			dst = binary.BigEndian.AppendUint64(dst, word)
		}
		dst = append(append(dst, k.Doubts[0][:]...), k.Doubts[1][:]...)
	}
	return dst
}

// parser reads what the functions above write; after its first error it reads zeros.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) fail(what string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(what+": %w", append(args, errGarbled)...)
	}
	p.rest = nil
}

// take is the next n bytes; zeros where there are fewer, which n must then be small for.
func (p *parser) take(n int) []byte {
	if len(p.rest) < n {
		p.fail("%d bytes, want %d", len(p.rest), n)
		return make([]byte, min(n, 8))
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

func (p *parser) byte() byte     { return p.take(1)[0] }
func (p *parser) uint16() int    { return int(binary.BigEndian.Uint16(p.take(2))) }
func (p *parser) uint64() uint64 { return binary.BigEndian.Uint64(p.take(8)) }

// duration is a time that a picture can have: a day at most.
func (p *parser) duration() time.Duration {
	d := time.Duration(p.uint64())
	if d < 0 || d > 24*time.Hour {
		p.fail("a time of %v", d)
	}
	return d
}

func (p *parser) end() error {
	if p.err == nil && len(p.rest) > 0 {
		p.fail("%d bytes too many", len(p.rest))
	}
	return p.err
}

// parseFrames reads frames of a recipe: as many as are expected.
func parseFrames(body []byte, recipe hashindex.Recipe, expected int) (took hashindex.Took, frames []hashindex.Frame, err error) {
	p := &parser{rest: body}
	took.Hash, took.Features = p.duration(), p.duration()
	if n := p.uint16(); n != expected {
		p.fail("%d frames, want %d", n, expected)
	}
	last := time.Duration(0)
	for i := 0; i < expected && p.err == nil; i++ {
		f := hashindex.Frame{At: p.duration()}
		if f.At < last {
			p.fail("a frame at %v after one at %v", f.At, last)
		}
		last, f.Recipe = f.At, recipe
		if f.Quality = int(p.byte()); f.Quality > 100 {
			p.fail("a quality of %d", f.Quality)
		}
		for _, a := range hashindex.Algorithms() {
			f.Hashes[a] = p.hash(a)
		}
		for t := range f.Dihedral {
			f.Dihedral[t] = p.hash(hashindex.PDQ)
		}
		if p.err == nil && f.Dihedral[hashindex.Upright] != f.Hashes[hashindex.PDQ] {
			p.fail("two hashes of one frame")
		}
		f.Features = p.features()
		frames = append(frames, f)
	}
	return took, frames, p.end()
}

func (p *parser) hash(a hashindex.Algorithm) hashindex.Hash {
	if n := int(p.byte()); p.err == nil && n != a.Bits()/8 {
		p.fail("a %s hash of %d bytes", a, n)
	}
	if p.err != nil {
		return hashindex.Hash{}
	}
	raw := p.take(a.Bits() / 8)
	if p.err != nil {
		return hashindex.Hash{}
	}
	h, err := hashindex.HashFromBytes(raw)
	if err != nil {
		p.fail("%v", err)
	}
	return h
}

func (p *parser) features() (f hashindex.Features) {
	f.Width, f.Height, f.Luma.Width, f.Luma.Height = p.uint16(), p.uint16(), p.uint16(), p.uint16()
	count := p.uint16()
	if f.Width == 0 && f.Height == 0 && f.Luma.Width == 0 && f.Luma.Height == 0 && count == 0 {
		return hashindex.Features{}
	}
	if f.Width < 1 || f.Height < 1 || max(f.Width, f.Height) > hashindex.MaxWorkingSide || f.Luma.Width != f.Width || f.Luma.Height != f.Height || count > hashindex.MaxKeypoints {
		p.fail("a working picture of %d×%d with %d corners", f.Width, f.Height, count)
		return hashindex.Features{}
	}
	if f.Luma.Pix = append([]uint8(nil), p.take(f.Width*f.Height)...); p.err != nil {
		return hashindex.Features{}
	}
	for range count {
		k := p.keypoint()
		if p.err == nil && (int(k.X) >= f.Width*64 || int(k.Y) >= f.Height*64) {
			p.fail("a corner outside the picture")
		}
		if p.err != nil {
			return hashindex.Features{}
		}
		f.Keypoints = append(f.Keypoints, k)
	}
	return f
}

func (p *parser) keypoint() (k hashindex.Keypoint) {
	k.X, k.Y = uint16(p.uint16()), uint16(p.uint16())
	k.Scale, k.Angle = int8(p.byte()), p.byte()
	for i := range k.Descriptor {
		k.Descriptor[i] = p.uint64()
	}
	for i := range k.Doubts {
		copy(k.Doubts[i][:], p.take(len(k.Doubts[i])))
	}
	return k
}

func appendStill(dst []byte, img *image.NRGBA) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(img.Rect.Dx()))
	dst = binary.BigEndian.AppendUint16(dst, uint16(img.Rect.Dy()))
	return append(dst, img.Pix...)
}

func parseStill(body []byte) (*image.NRGBA, error) {
	p := &parser{rest: body}
	width, height := p.uint16(), p.uint16()
	if width < 1 || height < 1 || max(width, height) > maxStill {
		p.fail("a still of %d×%d", width, height)
		return nil, p.err
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	copy(img.Pix, p.take(len(img.Pix)))
	return img, p.end()
}

func appendText(dst []byte, text string) []byte {
	text = text[:min(len(text), maxText)]
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(text))), text...)
}

func (p *parser) text() string {
	n := p.uint16()
	if n > maxText {
		p.fail("a text of %d bytes", n)
		n = 0
	}
	return string(p.take(n))
}

func appendRefusal(dst []byte, e *hashindex.DecodeError) []byte {
	return appendText(appendText(dst, string(e.Reason)), e.Detail)
}

// parseRefusal is the refusal itself; of a reason that there is not, it is as good as any.
func parseRefusal(body []byte) error {
	p := &parser{rest: body}
	e := &hashindex.DecodeError{Reason: hashindex.DecodeReason(p.text()), Detail: p.text()}
	if err := p.end(); err != nil {
		return err
	}
	switch e.Reason {
	case hashindex.EmptyImage, hashindex.UnsupportedFormat, hashindex.TruncatedImage, hashindex.CorruptImage:
		return e
	}
	return fmt.Errorf("a refusal for %q: %w", e.Reason, errGarbled)
}

func appendOver(dst []byte, e *hashindex.LimitError) []byte {
	dst = binary.BigEndian.AppendUint64(appendText(dst, e.Limit), uint64(e.Max))
	return binary.BigEndian.AppendUint64(dst, uint64(e.Got))
}

func parseOver(body []byte) error {
	p := &parser{rest: body}
	e := &hashindex.LimitError{Limit: p.text(), Max: int64(p.uint64()), Got: int64(p.uint64())}
	if err := p.end(); err != nil {
		return err
	}
	return e
}

// Package archive writes files into one stream and reads them back, block by block under seals that are chained, so
// that no damaged or shortened stream is taken for whole. FORMAT.md describes every byte.
package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"touchstone/hashindex"
)

const (
	magic    = "touchstone archive 1\n\n"
	family   = "touchstone archive " // begins every version
	maxBlock = 1 << 20
	fullData = 256 << 10 // bytes of data that Writer puts in a block
)

// The kinds of blocks.
const (
	fileBlock = 1 + iota
	dataBlock
	endBlock
)

// Summary is what an archive holds.
type Summary struct {
	Files  int
	Bytes  int64            // of the files
	Digest hashindex.Digest // the last seal, which covers all
}

// Writer writes an archive.
type Writer struct {
	to     io.Writer
	block  []byte
	filled Summary
	began  bool
}

// NewWriter returns a Writer that has written nothing yet.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// File adds a file: content must be of that size.
func (w *Writer) File(path string, size int64, content io.Reader) error {
	if !goodPath(path) || size < 0 {
		return fmt.Errorf("file %.80q of %d bytes: %w", path, size, hashindex.ErrInvalid)
	}
	if err := w.write(fileBlock, append(binary.BigEndian.AppendUint64(nil, uint64(size)), path...)); err != nil {
		return err
	}
	buffer := make([]byte, min(size+1, fullData))
	for left := size; ; {
		n, err := io.ReadFull(content, buffer[:min(left+1, int64(len(buffer)))])
		if int64(n) > left {
			return fmt.Errorf("file %q has grown beyond %d bytes", path, size)
		}
		if n > 0 {
			if err := w.write(dataBlock, buffer[:n]); err != nil {
				return err
			}
		}
		left -= int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			if left > 0 {
				return fmt.Errorf("file %q ends %d bytes early", path, left)
			}
			w.filled.Files, w.filled.Bytes = w.filled.Files+1, w.filled.Bytes+size
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// End writes the end.
func (w *Writer) End() (Summary, error) {
	totals := binary.BigEndian.AppendUint64(nil, uint64(w.filled.Files))
	err := w.write(endBlock, binary.BigEndian.AppendUint64(totals, uint64(w.filled.Bytes)))
	return w.filled, err
}

// write writes a block, and the beginning before the first.
func (w *Writer) write(kind byte, content []byte) error {
	w.block = w.block[:0]
	if !w.began {
		w.block, w.began = append(w.block, magic...), true
		w.filled.Digest = hashindex.DigestOf(w.block)
	}
	start := len(w.block)
	w.block = binary.BigEndian.AppendUint32(w.block, uint32(len(content)))
	w.block = append(append(w.block, kind), content...)
	w.filled.Digest = seal(w.filled.Digest, w.block[start:])
	w.block = append(w.block, w.filled.Digest[:]...)
	_, err := w.to.Write(w.block)
	return err
}

// seal is that of a block, given with its length and kind.
func seal(before hashindex.Digest, block []byte) (sealed hashindex.Digest) {
	h := sha256.New()
	h.Write(before[:])
	h.Write(block)
	h.Sum(sealed[:0])
	return sealed
}

var part = regexp.MustCompile(`^[a-z0-9._-]+$`)

// goodPath lets nothing lead out of the folder that files are put in.
func goodPath(path string) bool {
	parts := strings.Split(path, "/")
	return len(path) <= 1<<10 && !slices.ContainsFunc(parts, func(p string) bool { return p == "." || p == ".." || !part.MatchString(p) })
}

// Read reads an archive to its end and calls file with each file. What content hands out is as it was written; that
// the archive is whole is known once Read has returned nil, and not before. ErrNotOurs, ErrNewer and ErrDamaged
// say what is wrong with it.
func Read(from io.Reader, file func(path string, size int64, content io.Reader) error) (Summary, error) {
	r := &reader{from: bufio.NewReaderSize(from, 64<<10)}
	if err := r.begin(); err != nil {
		return Summary{}, err
	}
	for {
		kind, content, err := r.next()
		if err != nil {
			return Summary{}, err
		}
		switch kind {
		case fileBlock:
			err = r.file(content, file)
		case endBlock:
			return r.read, r.end(content)
		default:
			err = r.damaged("kind %d where a file should begin", kind)
		}
		if err != nil {
			return Summary{}, err
		}
	}
}

type reader struct {
	from  *bufio.Reader
	block []byte
	at    int64 // where the block began
	read  Summary
}

func (r *reader) begin() error {
	head := make([]byte, len(magic))
	n, err := io.ReadFull(r.from, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	switch {
	case string(head) == magic:
		r.at, r.read.Digest = int64(n), hashindex.DigestOf(head)
		return nil
	case n > 0 && strings.HasPrefix(magic, string(head[:n])):
		return r.damaged("cut short")
	case strings.HasPrefix(string(head), family):
		return fmt.Errorf("archive of another version, %.2q: %w", head[len(family):], hashindex.ErrNewer)
	}
	return fmt.Errorf("no archive: %w", hashindex.ErrNotOurs)
}

// next is a block whose seal is right. Its content is valid until the next.
func (r *reader) next() (kind byte, content []byte, err error) {
	r.at += int64(len(r.block))
	r.block = append(r.block[:0], 0, 0, 0, 0, 0)
	if err := r.fill(r.block); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(r.block)
	if size > maxBlock {
		return 0, nil, r.damaged("a block of %d bytes", size)
	}
	r.block = slices.Grow(r.block, int(size)+len(hashindex.Digest{}))[:5+int(size)+len(hashindex.Digest{})]
	if err := r.fill(r.block[5:]); err != nil {
		return 0, nil, err
	}
	body := r.block[:5+size]
	want := seal(r.read.Digest, body)
	if string(r.block[len(body):]) != string(want[:]) {
		return 0, nil, r.damaged("wrong checksum")
	}
	r.read.Digest = want
	return body[4], body[5:], nil
}

func (r *reader) fill(room []byte) error {
	_, err := io.ReadFull(r.from, room)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.damaged("cut short")
	}
	return err
}

func (r *reader) damaged(format string, args ...any) error {
	return fmt.Errorf("archive, at byte %d: %s: %w", r.at, fmt.Sprintf(format, args...), hashindex.ErrDamaged)
}

func (r *reader) file(head []byte, take func(string, int64, io.Reader) error) error {
	if len(head) < 8 {
		return r.damaged("a file of %d bytes of name", len(head))
	}
	size, path := binary.BigEndian.Uint64(head), string(head[8:])
	if !goodPath(path) || size > 1<<62 {
		return r.damaged("a file %.80q of %d bytes", path, size)
	}
	content := &content{reader: r, left: int64(size)}
	if err := take(path, int64(size), content); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil { // what was left unread must be right as well
		return err
	}
	r.read.Files, r.read.Bytes = r.read.Files+1, r.read.Bytes+int64(size)
	return nil
}

// content reads a file's data, block by block.
type content struct {
	*reader
	left int64  // of the file, beyond data
	data []byte // of the last block, not read yet
	err  error  // stays
}

// Read implements io.Reader.
func (c *content) Read(into []byte) (int, error) {
	if len(c.data) == 0 && c.err == nil {
		c.err = c.more()
	}
	if len(c.data) == 0 {
		return 0, c.err
	}
	n := copy(into, c.data)
	c.data = c.data[n:]
	return n, nil
}

func (c *content) more() error {
	if c.left == 0 {
		return io.EOF
	}
	kind, data, err := c.next()
	if err != nil {
		return err
	}
	if kind != dataBlock || len(data) == 0 || int64(len(data)) > c.left {
		return c.damaged("kind %d of %d bytes where %d bytes of a file are to come", kind, len(data), c.left)
	}
	c.data, c.left = data, c.left-int64(len(data))
	return nil
}

func (r *reader) end(totals []byte) error {
	if len(totals) != 16 || binary.BigEndian.Uint64(totals) != uint64(r.read.Files) || binary.BigEndian.Uint64(totals[8:]) != uint64(r.read.Bytes) {
		return r.damaged("the end counts other files than the %d before it", r.read.Files)
	}
	if _, err := r.from.ReadByte(); err == nil {
		return r.damaged("more after the end")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

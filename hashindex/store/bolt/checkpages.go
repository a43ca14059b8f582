package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// pageWalk reads the pages from the file, as bbolt lays them out, and believes nothing. It stops at
// the first damage, after which nothing is sure, and goes before anything that uses bbolt's cursors:
// a page number with one wrong bit can lead those in a circle until the stack ends the process.
// bbolt's own check goes in circles too, and may not run beside writers.
type pageWalk struct {
	file     io.ReaderAt
	pageSize int
	seen     []bool // by page; its length is the number of pages in use or free
}

const (
	pageHeaderSize = 16 // id u64, flags u16, count u16, overflow u32, in the machine's byte order
	elementSize    = 16
	branchPage     = 0x01
	leafPage       = 0x02
	freePage       = 0x10
	leafBucket     = 1 // the flag of a leaf element that is a bucket: root page u64, sequence u64

	maxDepth = 64 // of the tree and the buckets in it; a tree of 2^64 pages would have fewer levels
)

func newPageWalk(file io.ReaderAt, tx *bbolt.Tx) *pageWalk {
	pageSize := tx.DB().Info().PageSize
	return &pageWalk{file: file, pageSize: pageSize, seen: make([]bool, int(tx.Size())/pageSize)}
}

// all checks that every page is in the tree under the root or free, and none twice.
func (w *pageWalk) all(ctx context.Context, root, transaction uint64) error {
	list, err := w.freeListOf(transaction)
	if err != nil {
		return err
	}
	if err := w.page(ctx, root, nil, nil, 0); err != nil {
		return err
	}
	if list == 0 {
		return nil // two commits have passed since the transaction began and have taken its list
	}
	if err := w.freeList(list); err != nil {
		return err
	}
	for id := 2; id < len(w.seen); id++ {
		if !w.seen[id] {
			return broken(uint64(id), "neither used nor free")
		}
	}
	return nil
}

// freeListOf is the page where the transaction's list of free pages is, from its meta page: one of
// the first two, which commits write in turn; 0 when it has been written over.
func (w *pageWalk) freeListOf(transaction uint64) (uint64, error) {
	raw := make([]byte, pageHeaderSize+64)
	for id := range int64(2) {
		if _, err := w.file.ReadAt(raw, id*int64(w.pageSize)); err != nil {
			return 0, cutShort(uint64(id), err)
		}
		// magic, version, page size, flags u32; root, sequence, free list, pages, transaction u64
		if binary.NativeEndian.Uint64(raw[pageHeaderSize+48:]) == transaction {
			return binary.NativeEndian.Uint64(raw[pageHeaderSize+32:]), nil
		}
	}
	return 0, nil
}

func (w *pageWalk) freeList(id uint64) error {
	raw, err := w.read(id)
	if err != nil {
		return err
	}
	if flags := binary.NativeEndian.Uint16(raw[8:]); flags != freePage {
		return broken(id, "flags %#x", flags)
	}
	count, ids := uint64(binary.NativeEndian.Uint16(raw[10:])), raw[pageHeaderSize:]
	if count == 0xFFFF { // then the first entry is the count
		count, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return broken(id, "%d free pages", count)
	}
	for i := range count {
		if err := w.take(binary.NativeEndian.Uint64(ids[i*8:]), 0); err != nil {
			return err
		}
	}
	return nil
}

type pageDamage string

func (d pageDamage) Error() string { return string(d) }

func broken(id uint64, format string, args ...any) error {
	return pageDamage(fmt.Sprintf("page %d: ", id) + fmt.Sprintf(format, args...))
}

// page checks one page, whose keys must lie in [from, to), and those under it.
func (w *pageWalk) page(ctx context.Context, id uint64, from, to []byte, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return broken(id, "too deep")
	}
	raw, err := w.read(id)
	if err != nil {
		return err
	}
	elements, err := parseElements(id, raw)
	if err != nil {
		return err
	}
	if err := inOrder(id, elements, from, to); err != nil {
		return err
	}
	for i, e := range elements {
		switch {
		case e.child != 0:
			next := to
			if i+1 < len(elements) {
				next = elements[i+1].key
			}
			err = w.page(ctx, e.child, e.key, next, depth+1)
		case e.bucket:
			err = w.bucket(ctx, id, e.value, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket goes on with a bucket's own tree, or with the page that a small one carries in its value.
func (w *pageWalk) bucket(ctx context.Context, id uint64, value []byte, depth int) error {
	if len(value) < 16 {
		return broken(id, "a bucket of %d bytes", len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return w.page(ctx, root, nil, nil, depth)
	}
	inline := value[16:]
	if len(inline) < pageHeaderSize || binary.NativeEndian.Uint16(inline[8:]) != leafPage {
		return broken(id, "a broken bucket inside")
	}
	elements, err := parseElements(id, inline)
	if err != nil {
		return err
	}
	return inOrder(id, elements, nil, nil)
}

// read is a page with what overflows it.
func (w *pageWalk) read(id uint64) ([]byte, error) {
	var header [pageHeaderSize]byte
	if id >= uint64(len(w.seen)) {
		return nil, broken(id, "there are only %d", len(w.seen))
	}
	if _, err := w.file.ReadAt(header[:], int64(id)*int64(w.pageSize)); err != nil {
		return nil, cutShort(id, err)
	}
	if says := binary.NativeEndian.Uint64(header[:]); says != id {
		return nil, broken(id, "says that it is %d", says)
	}
	overflow := uint64(binary.NativeEndian.Uint32(header[12:]))
	if err := w.take(id, overflow); err != nil {
		return nil, err
	}
	raw := make([]byte, (overflow+1)*uint64(w.pageSize))
	_, err := w.file.ReadAt(raw, int64(id)*int64(w.pageSize))
	return raw, cutShort(id, err)
}

// take marks a page and its overflow; nothing else may be there.
func (w *pageWalk) take(id, overflow uint64) error {
	if id < 2 || id+overflow >= uint64(len(w.seen)) {
		return broken(id, "with %d more: there are only %d", overflow, len(w.seen))
	}
	for n := id; n <= id+overflow; n++ {
		if w.seen[n] {
			return broken(n, "is in two places")
		}
		w.seen[n] = true
	}
	return nil
}

func cutShort(id uint64, err error) error {
	if err == io.EOF {
		return broken(id, "lies beyond the end of the file")
	}
	return err
}

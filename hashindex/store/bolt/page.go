package bolt

import (
	"bytes"
	"encoding/binary"
)

type element struct {
	key, value []byte // value of leaves
	child      uint64 // page, of branches
	bucket     bool
}

// parseElements reads a page's table, whose positions count from each entry's own place.
func parseElements(id uint64, raw []byte) ([]element, error) {
	flags, count := binary.NativeEndian.Uint16(raw[8:]), int(binary.NativeEndian.Uint16(raw[10:]))
	if flags != branchPage && flags != leafPage {
		return nil, broken(id, "flags %#x", flags)
	}
	if flags == branchPage && count == 0 || pageHeaderSize+count*elementSize > len(raw) {
		return nil, broken(id, "%d elements", count)
	}
	elements := make([]element, count)
	for i := range elements {
		at := pageHeaderSize + i*elementSize
		var pos, keySize, valueSize uint64
		if e := raw[at:]; flags == branchPage {
			pos, keySize = uint64(binary.NativeEndian.Uint32(e)), uint64(binary.NativeEndian.Uint32(e[4:]))
			elements[i].child = binary.NativeEndian.Uint64(e[8:])
		} else {
			pos, keySize = uint64(binary.NativeEndian.Uint32(e[4:])), uint64(binary.NativeEndian.Uint32(e[8:]))
			valueSize = uint64(binary.NativeEndian.Uint32(e[12:]))
			elements[i].bucket = binary.NativeEndian.Uint32(e)&leafBucket != 0
		}
		start := uint64(at) + pos
		if start+keySize+valueSize > uint64(len(raw)) {
			return nil, broken(id, "element %d runs over the page", i)
		}
		if flags == branchPage && elements[i].child == 0 {
			return nil, broken(id, "element %d has no page", i)
		}
		elements[i].key = raw[start : start+keySize]
		elements[i].value = raw[start+keySize : start+keySize+valueSize]
	}
	return elements, nil
}

func inOrder(id uint64, elements []element, from, to []byte) error {
	for i, e := range elements {
		if i > 0 && bytes.Compare(elements[i-1].key, e.key) >= 0 {
			return broken(id, "keys %d and %d are out of order", i-1, i)
		}
		if bytes.Compare(e.key, from) < 0 || to != nil && bytes.Compare(e.key, to) >= 0 {
			return broken(id, "key %d is not for this page", i)
		}
	}
	return nil
}

package fingerprint

import "encoding/binary"

// orientation is the EXIF orientation, 1 to 8: how the stored rows and columns are to be shown.
type orientation int

const upright orientation = 1

// transposed reports whether the stored rows are shown as columns.
func (o orientation) transposed() bool { return o >= 5 }

// reversesColumns reports whether the stored columns are shown from last to first, before any
// transposition; reversesRows says it of the rows.
func (o orientation) reversesColumns() bool { return o == 2 || o == 3 || o == 7 || o == 8 }
func (o orientation) reversesRows() bool    { return o == 3 || o == 4 || o == 6 || o == 7 }

// size is the size shown of a picture stored with this one.
func (o orientation) size(width, height int) (int, int) {
	if o.transposed() {
		return height, width
	}
	return width, height
}

// exifOrientation reads the orientation from a TIFF structure as EXIF holds it: tag 0x0112 of the
// first directory. Whatever is wrong with it means upright: odd metadata is no reason to refuse a
// picture.
func exifOrientation(tiff []byte) orientation {
	const tag, entrySize, shortType = 0x0112, 12, 3
	if len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	directory := uint64(order.Uint32(tiff[4:]))
	if directory+2 > uint64(len(tiff)) {
		return upright
	}
	entries := tiff[directory+2:]
	for range order.Uint16(tiff[directory:]) {
		if len(entries) < entrySize {
			return upright
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == shortType {
			return orientation(order.Uint16(entries[8:])).known()
		}
		entries = entries[entrySize:]
	}
	return upright
}

func (o orientation) known() orientation {
	if o < 1 || o > 8 {
		return upright
	}
	return o
}

// turned is the orientation of what is also turned anticlockwise, by so many quarters; mirrored of what is
// then mirrored, top to bottom or left to right.
func (o orientation) turned(quarters int) orientation {
	for range quarters {
		o = [...]orientation{0, 8, 7, 6, 5, 2, 1, 4, 3}[o]
	}
	return o
}

func (o orientation) mirrored(topToBottom bool) orientation {
	if topToBottom {
		return [...]orientation{0, 4, 3, 2, 1, 8, 7, 6, 5}[o]
	}
	return [...]orientation{0, 2, 1, 4, 3, 6, 5, 8, 7}[o]
}

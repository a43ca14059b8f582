package video

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"time"
)

// Frames come from ffmpeg in Matroska, because that carries their times beside the bare pixels. Of it no
// more is read here than ffmpeg writes.

// The elements that matter, by their ids.
const (
	segmentID     = 0x18538067
	infoID        = 0x1549A966
	scaleID       = 0x2AD7B1
	durationID    = 0x4489
	tracksID      = 0x1654AE6B
	trackID       = 0xAE
	videoID       = 0xE0
	widthID       = 0xB0
	heightID      = 0xBA
	clusterID     = 0x1F43B675
	timeID        = 0xE7
	groupID       = 0xA0
	blockID       = 0xA1
	simpleBlockID = 0xA3
)

var errMatroska = errors.New("video: not the Matroska that ffmpeg writes")

// elements reads elements one after the other; those that hold others are opened, not skipped.
type elements struct{ *bufio.Reader }

// next is the next element's id and how long its content is; -1 where that is not said.
func (e elements) next() (id uint32, size int64, err error) {
	first, err := e.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	id = uint32(first)
	for mask := byte(0x80); first&mask == 0; mask >>= 1 {
		if mask <= 0x10 {
			return 0, 0, errMatroska
		}
		b, err := e.ReadByte()
		if err != nil {
			return 0, 0, io.ErrUnexpectedEOF
		}
		id = id<<8 | uint32(b)
	}
	size, err = e.number()
	return id, size, err
}

func (e elements) number() (int64, error) {
	first, err := e.ReadByte()
	if err != nil || first == 0 {
		return 0, errMatroska
	}
	length := 1
	for mask := byte(0x80); first&mask == 0; mask >>= 1 {
		length++
	}
	n := uint64(first) &^ (0x80 >> (length - 1))
	unknown := n == 0x7f>>(length-1)
	for range length - 1 {
		b, err := e.ReadByte()
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		n, unknown = n<<8|uint64(b), unknown && b == 0xff
	}
	if unknown {
		return -1, nil
	}
	return int64(n), nil
}

// unsigned reads content that is a whole number.
func (e elements) unsigned(size int64) (n uint64, err error) {
	if size < 0 || size > 8 {
		return 0, errMatroska
	}
	for range size {
		b, err := e.ReadByte()
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		n = n<<8 | uint64(b)
	}
	return n, nil
}

func (e elements) skip(size int64) error {
	if size < 0 {
		return errMatroska
	}
	n, err := io.CopyN(io.Discard, e, size)
	if n < size {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readFrames calls take with each frame and its time. The picture is overwritten by the next.
func readFrames(from io.Reader, maxPixels int64, take func(*image.Gray, time.Duration) error) error {
	e := elements{bufio.NewReaderSize(from, 64<<10)}
	var width, height, cluster uint64
	var picture *image.Gray
	for {
		id, size, err := e.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch id {
		case segmentID, tracksID, trackID, videoID, clusterID, groupID:
		case widthID:
			width, err = e.unsigned(size)
		case heightID:
			height, err = e.unsigned(size)
		case timeID:
			cluster, err = e.unsigned(size)
		case blockID, simpleBlockID:
			if picture == nil {
				if width == 0 || height == 0 || width > 1<<16 || height > 1<<16 || int64(width*height) > maxPixels {
					return fmt.Errorf("%w: frames of %d×%d", errMatroska, width, height)
				}
				picture = image.NewGray(image.Rect(0, 0, int(width), int(height)))
			}
			var at time.Duration
			if at, err = e.block(size, cluster, picture); err == nil {
				err = take(picture, at)
			}
		default:
			err = e.skip(size)
		}
		if err != nil {
			return err
		}
	}
}

// block reads one frame: the track's number, the time in the cluster, flags and pixels.
func (e elements) block(size int64, cluster uint64, into *image.Gray) (time.Duration, error) {
	var head [4]byte
	if size != int64(len(head)+len(into.Pix)) {
		return 0, fmt.Errorf("%w: a frame of %d bytes, want %d", errMatroska, size, len(head)+len(into.Pix))
	}
	if _, err := io.ReadFull(e, head[:]); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(e, into.Pix)
	return time.Duration(int64(cluster)+int64(int16(binary.BigEndian.Uint16(head[1:])))) * time.Millisecond, err
}

// matroskaSeconds is how long the file says that it is; 0 when there is no telling.
func matroskaSeconds(from io.Reader) float64 {
	e := elements{bufio.NewReader(from)}
	scale, length := uint64(1_000_000), 0.0
	for range 1000 {
		id, size, err := e.next()
		if err != nil {
			return 0
		}
		switch id {
		case segmentID, infoID:
		case scaleID:
			scale, err = e.unsigned(size)
		case durationID:
			var bits uint64
			if bits, err = e.unsigned(size); size == 4 {
				length = float64(math.Float32frombits(uint32(bits)))
			} else {
				length = math.Float64frombits(bits)
			}
		case clusterID:
			return sane(length * float64(scale) / 1e9)
		default:
			err = e.skip(size)
		}
		if err != nil {
			return 0
		}
	}
	return 0
}

// sane is 0 for what is no length of a video: not a number, negative, years.
func sane(seconds float64) float64 {
	if seconds > 0 && seconds < 1e7 {
		return seconds
	}
	return 0
}

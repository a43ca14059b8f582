package fingerprint

import "touchstone/hashindex"

// Limits bound what one picture may cost. They are checked against its headers, before anything
// is decoded. The zero value of a field stands for its default; the JSON names are the ones that
// hashindex.LimitError carries.
type Limits struct {
	ImageBytes      int64 `json:"image_bytes"`      // encoded size; 20 MiB
	ImagePixels     int64 `json:"image_pixels"`     // width × height; 50,000,000
	DecodeBytes     int64 `json:"decode_bytes"`     // memory that decoding takes, estimated; 512 MiB
	DecodeRatio     int64 `json:"decode_ratio"`     // of that, and of the pixels of an animation, what a byte of the file may ask for beyond 64 Mi; 1,000
	JPEGScans       int64 `json:"jpeg_scans"`       // passes over a JPEG's pixels; 64
	AnimationFrames int64 `json:"animation_frames"` // frames fingerprinted, spread evenly; 64
	AnimationPixels int64 `json:"animation_pixels"` // drawn to get at those frames; 400,000,000
}

func (l Limits) withDefaults() Limits {
	return Limits{
		ImageBytes:      orDefault(l.ImageBytes, 20<<20),
		ImagePixels:     orDefault(l.ImagePixels, 50_000_000),
		DecodeBytes:     orDefault(l.DecodeBytes, 512<<20),
		DecodeRatio:     orDefault(l.DecodeRatio, 1000),
		JPEGScans:       orDefault(l.JPEGScans, 64),
		AnimationFrames: orDefault(l.AnimationFrames, 64),
		AnimationPixels: orDefault(l.AnimationPixels, 400_000_000),
	}
}

func orDefault(limit, standard int64) int64 {
	if limit <= 0 {
		return standard
	}
	return limit
}

// pixels checks the size of a picture that takes bytesPerPixel to decode and so many bytes encoded.
func (l Limits) pixels(width, height int, bytesPerPixel float64, encoded int) error {
	pixels := int64(width) * int64(height)
	if err := check("image_pixels", pixels, l.ImagePixels); err != nil {
		return err
	}
	return l.memory(int64(float64(pixels)*bytesPerPixel), encoded)
}

// memory checks what decoding takes.
func (l Limits) memory(bytes int64, encoded int) error {
	if err := check("decode_bytes", bytes, l.DecodeBytes); err != nil {
		return err
	}
	return l.backed(bytes, encoded)
}

// unbacked is what any file may ask for, however short it is: 16 megapixels of four bytes, under half a second
// of drawing.
const unbacked = 64 << 20

// backed checks what a file asks for, bytes of memory or pixels to draw, against its length. Every format has
// a way to say "nothing, fifty million times" in a few bytes: deflate reaches 1,032 bytes a byte and LZW 2,700,
// a progressive JPEG, WebP and AV1 a hundred thousand. Drawings in flat colours, the most that is honest, stay
// under 600.
func (l Limits) backed(asked int64, encoded int) error {
	if asked <= unbacked {
		return nil
	}
	return check("decode_ratio", asked/int64(max(encoded, 1)), l.DecodeRatio)
}

// check refuses a size over its limit.
func check(limit string, got, most int64) error {
	if got <= most {
		return nil
	}
	return &hashindex.LimitError{Limit: limit, Max: most, Got: got}
}

package fingerprint

import "touchstone/hashindex"

// Limits bound what one picture may cost. They are checked against its headers, before anything
// is decoded. The zero value of a field stands for its default; the JSON names are the ones that
// hashindex.LimitError carries.
type Limits struct {
	ImageBytes      int64 `json:"image_bytes"`      // encoded size; 20 MiB
	ImagePixels     int64 `json:"image_pixels"`     // width × height; 50,000,000
	DecodeBytes     int64 `json:"decode_bytes"`     // memory that decoding takes, estimated; 512 MiB
	JPEGScans       int64 `json:"jpeg_scans"`       // passes over a JPEG's pixels; 64
	AnimationFrames int64 `json:"animation_frames"` // frames fingerprinted, spread evenly; 64
	AnimationPixels int64 `json:"animation_pixels"` // drawn to get at those frames; 400,000,000
}

func (l Limits) withDefaults() Limits {
	return Limits{
		ImageBytes:      orDefault(l.ImageBytes, 20<<20),
		ImagePixels:     orDefault(l.ImagePixels, 50_000_000),
		DecodeBytes:     orDefault(l.DecodeBytes, 512<<20),
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

// pixels checks the size of a picture that takes bytesPerPixel to decode.
func (l Limits) pixels(width, height int, bytesPerPixel float64) error {
	pixels := int64(width) * int64(height)
	if err := check("image_pixels", pixels, l.ImagePixels); err != nil {
		return err
	}
	return check("decode_bytes", int64(float64(pixels)*bytesPerPixel), l.DecodeBytes)
}

// check refuses a size over its limit.
func check(limit string, got, most int64) error {
	if got <= most {
		return nil
	}
	return &hashindex.LimitError{Limit: limit, Max: most, Got: got}
}

package hashindex

import (
	"encoding/binary"
	"fmt"
)

// featuresVersion is the first byte of stored features, whose layout is in store/bolt/FORMAT.md. It
// stands for how features are made as well: only those of one version are comparable (I4). What moves
// a bit of any descriptor needs a new one; features of another are kept and no longer searched.
//
//	1  the first
const featuresVersion = 1

const (
	featuresHeader = 1 + 2 + 2 + 2 + 1 + 1
	keypointBytes  = 2 + 2 + 1 + 1 + 4*8
)

// AppendStored appends the bytes of the features' Stored form: what a store keeps and a digest names,
// at most MaxFeatures of them.
func (f Features) AppendStored(dst []byte) []byte {
	f = f.Stored()
	dst = append(dst, featuresVersion)
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.Width))
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.Height))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.Keypoints)))
	dst = append(dst, uint8(f.Luma.Width), uint8(f.Luma.Height))
	dst = append(dst, f.Luma.Pix...)
	for _, k := range f.Keypoints {
		dst = binary.BigEndian.AppendUint16(dst, k.X)
		dst = binary.BigEndian.AppendUint16(dst, k.Y)
		dst = append(dst, uint8(k.Scale), k.Angle)
		for _, word := range k.Descriptor {
			dst = binary.BigEndian.AppendUint64(dst, word)
		}
	}
	return dst
}

// ParseFeatures reads what AppendStored wrote and keeps no part of it: ErrRecipe for features of
// another version, ErrDamaged for any other bytes.
func ParseFeatures(raw []byte) (Features, error) {
	if len(raw) > 0 && raw[0] != featuresVersion {
		return Features{}, fmt.Errorf("features of version %d, not %d: %w", raw[0], featuresVersion, ErrRecipe)
	}
	if len(raw) < featuresHeader {
		return Features{}, fmt.Errorf("features of %d bytes: %w", len(raw), ErrDamaged)
	}
	f := Features{Width: int(binary.BigEndian.Uint16(raw[1:])), Height: int(binary.BigEndian.Uint16(raw[3:]))}
	count := int(binary.BigEndian.Uint16(raw[5:]))
	f.Luma.Width, f.Luma.Height = int(raw[7]), int(raw[8])
	pixels := f.Luma.Width * f.Luma.Height
	if want := featuresHeader + pixels + count*keypointBytes; len(raw) != want {
		return Features{}, fmt.Errorf("features of %d bytes, want %d: %w", len(raw), want, ErrDamaged)
	}
	f.Luma.Pix = append([]uint8(nil), raw[featuresHeader:featuresHeader+pixels]...)
	f.Keypoints = parseKeypoints(raw[featuresHeader+pixels:])
	if err := f.validateStored(); err != nil {
		return Features{}, fmt.Errorf("%v: %w", err, ErrDamaged)
	}
	return f, nil
}

func parseKeypoints(raw []byte) []Keypoint {
	keypoints := make([]Keypoint, len(raw)/keypointBytes)
	for i := range keypoints {
		k, from := &keypoints[i], raw[i*keypointBytes:][:keypointBytes]
		k.X, k.Y = binary.BigEndian.Uint16(from), binary.BigEndian.Uint16(from[2:])
		k.Scale, k.Angle = int8(from[4]), from[5]
		for w := range k.Descriptor {
			k.Descriptor[w] = binary.BigEndian.Uint64(from[6+8*w:])
		}
	}
	return keypoints
}

package fingerprint

import (
	"bytes"
	"fmt"

	"touchstone/hashindex"
)

// format is one of the formats that are decoded.
type format string

const (
	formatJPEG format = "jpeg"
	formatPNG  format = "png"
	formatGIF  format = "gif"
	formatWebP format = "webp"
	formatBMP  format = "bmp"
	formatTIFF format = "tiff"
	formatAVIF format = "avif"
	formatHEIC format = "heic"
)

func (f format) String() string { return string(f) }

// sniff tells the format by the first bytes. It refuses what it does not know, by name where it can.
func sniff(encoded []byte) (format, error) {
	switch {
	case len(encoded) == 0:
		return "", refuse(hashindex.EmptyImage, "the picture has no bytes")
	case begins(encoded, "\xff\xd8\xff"):
		return formatJPEG, nil
	case begins(encoded, pngSignature):
		return formatPNG, nil
	case begins(encoded, "GIF87a"), begins(encoded, "GIF89a"):
		return formatGIF, nil
	case begins(encoded, "RIFF????WEBP"):
		return formatWebP, nil
	case begins(encoded, "BM") && len(encoded) > bmpInfoAt && bmpInfoSize(encoded[bmpInfoAt]):
		return formatBMP, nil
	case begins(encoded, "II*\x00"), begins(encoded, "MM\x00*"):
		return formatTIFF, nil
	case begins(encoded, "????ftyp"):
		if f := brandOf(encoded); f != "" {
			return f, nil
		}
	}
	return "", refuse(hashindex.UnsupportedFormat, "%s is not supported: send JPEG, PNG, GIF, WebP, BMP, AVIF or HEIC", foreign(encoded))
}

// foreign names what these bytes are, for the message only.
func foreign(encoded []byte) string {
	for _, known := range []struct{ magic, name string }{
		{"????ftypmif", "HEIF of another codec"}, {"????ftypmsf", "HEIF of another codec"},
		{"????ftyp", "MP4 video"}, {"\x1aE\xdf\xa3", "Matroska video"},
		{"\x00\x00\x01\x00", "ICO"},
		{"\x00\x00\x00\x0cjP  ", "JPEG 2000"}, {"\xff\x4f\xff\x51", "JPEG 2000"},
		{"\xff\x0a", "JPEG XL"}, {"\x00\x00\x00\x0cJXL ", "JPEG XL"},
		{"8BPS", "Photoshop"}, {"%PDF", "PDF"},
	} {
		if begins(encoded, known.magic) {
			return known.name
		}
	}
	text := bytes.ToLower(encoded[:min(len(encoded), 1024)])
	switch {
	case bytes.Contains(text, []byte("<svg")):
		return "SVG"
	case bytes.Contains(text, []byte("<html")):
		return "HTML"
	case bytes.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }) < 0:
		return "text"
	}
	return "an unknown format"
}

// begins reports whether the bytes begin with the pattern, in which ? stands for any byte.
func begins(encoded []byte, pattern string) bool {
	if len(encoded) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '?' && pattern[i] != encoded[i] {
			return false
		}
	}
	return true
}

func refuse(reason hashindex.DecodeReason, detail string, args ...any) error {
	return &hashindex.DecodeError{Reason: reason, Detail: fmt.Sprintf(detail, args...)}
}

func truncated(f format) error {
	return refuse(hashindex.TruncatedImage, "the %s picture is cut short", f)
}

func corrupt(f format, what string) error {
	return refuse(hashindex.CorruptImage, "the %s picture is damaged: %s", f, what)
}

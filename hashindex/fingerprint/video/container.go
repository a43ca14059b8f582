package video

import (
	"bytes"
	"io"

	"touchstone/hashindex"
)

// headBytes is how much of a file's beginning tells what it is.
const headBytes = 1024

// container is a file format, under the name that ffmpeg has for it.
type container string

const (
	movie    container = "mov" // MP4, QuickTime, 3GP
	matroska container = "matroska"
	avi      container = "avi"
	flash    container = "flv"
	stream   container = "mpegts"
	program  container = "mpeg"
	ogg      container = "ogg"
)

// IsVideo reports whether these first bytes of a file, some hundred of them, are of a container that is
// decoded here.
func IsVideo(head []byte) bool { return sniff(head) != "" }

// sniff tells the container by content. What is none of them, ffmpeg never sees: its playlists, scripts and
// picture lists name further files and addresses to read.
func sniff(head []byte) container {
	switch {
	case boxed(head):
		return movie
	case bytes.HasPrefix(head, []byte("\x1aE\xdf\xa3")):
		return matroska
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "AVI ":
		return avi
	case bytes.HasPrefix(head, []byte("FLV\x01")):
		return flash
	case len(head) > 376 && head[0] == 0x47 && head[188] == 0x47 && head[376] == 0x47:
		return stream
	case bytes.HasPrefix(head, []byte("\x00\x00\x01\xba")):
		return program
	case bytes.HasPrefix(head, []byte("OggS")):
		return ogg
	}
	return ""
}

// boxed reports whether the first box is one that a movie begins with, and not a still's.
func boxed(head []byte) bool {
	if len(head) < 12 {
		return false
	}
	switch string(head[4:8]) {
	case "ftyp":
		switch string(head[8:12]) {
		case "avif", "heic", "heix", "mif1", "msf1", "jpx ", "jp2 ":
			return false
		}
		return true
	case "moov", "mdat", "wide", "free", "skip":
		return true
	}
	return false
}

// playlist reports whether the text names other files, in a form that players follow.
func playlist(head []byte) bool {
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))
	for _, mark := range []string{"#extm3u", "ffconcat", "[playlist]", "[reference]", "<asx", "v=0\r\n", "v=0\n", "rtsptext"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return true
		}
	}
	return bytes.Contains(text, []byte("<mpd")) || bytes.Contains(text, []byte("<smil"))
}

// inspect tells the container, and makes of it what can be read from beginning to end.
func inspect(source *io.SectionReader) (c container, in io.Reader, seconds float64, err error) {
	head := make([]byte, min(headBytes, source.Size()))
	if _, err := source.ReadAt(head, 0); err != nil && err != io.EOF {
		return "", nil, 0, err
	}
	in = io.NewSectionReader(source, 0, source.Size())
	switch c = sniff(head); c {
	case movie:
		in, seconds, err = streamable(source)
	case matroska:
		seconds = matroskaSeconds(io.NewSectionReader(source, 0, source.Size()))
	case "":
		err = unsupported(head)
	}
	return c, in, seconds, err
}

func unsupported(head []byte) error {
	what := "an unknown format is not supported"
	switch {
	case len(head) == 0:
		return refuse(hashindex.EmptyVideo, "the video has no bytes")
	case playlist(head):
		what = "a playlist names files and is none: send the video itself"
	}
	return refuse(hashindex.UnsupportedVideo, "%s: MP4, QuickTime, Matroska, WebM, AVI, MPEG-TS, MPEG-PS, FLV and Ogg are decoded", what)
}

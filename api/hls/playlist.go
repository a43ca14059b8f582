package hls

import (
	"bytes"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"touchstone/api/fetch"
	"touchstone/hashindex"
)

const (
	// maxPlaylist bounds a playlist's text: four hours in pieces of two seconds are some 700 KiB.
	maxPlaylist = 4 << 20

	// maxPiece is the longest that a piece may say it is; RFC 8216 advises six seconds.
	maxPiece = time.Minute
)

// IsPlaylist reports whether these first bytes of a document are those of a playlist.
func IsPlaylist(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), []byte("#EXTM3U"))
}

// playlist is a media playlist, or a master playlist as the one that was chosen of it.
type playlist struct {
	variant string // the address of the playlist to follow; empty: this is it
	pieces  []piece
	first   uint64 // the number of the first piece
	target  time.Duration
	ended   bool // no piece comes any more
	whole   bool // it has been there from its beginning, and is to be played from there
}

// piece is a segment of the stream, which has another meaning here.
type piece struct {
	place
	before place // what must stand before it, as the index of fragmented MP4 does; no address: nothing
	length time.Duration
	gap    bool // the server says that it has none
}

type place struct {
	address string
	part    fetch.Span
}

// quotedRange is the part of an index in quotes, as RFC 8216 (4.3.2.5) has it: the library reads it bare.
var quotedRange = regexp.MustCompile(`(?m)^(#EXT-X-MAP:.*BYTERANGE=)"([0-9]+@[0-9]+)"`)

// read reads a document that was found at the address. The library reads what is wrong as it can, and ends
// in a panic where it cannot: that is a refusal here.
func read(d fetch.Document) (list playlist, err error) {
	defer func() {
		if recover() != nil {
			list, err = playlist{}, refuse("it cannot be read")
		}
	}()
	switch {
	case len(d.Bytes) > maxPlaylist:
		return playlist{}, &hashindex.LimitError{Limit: "playlist_bytes", Max: maxPlaylist, Got: int64(len(d.Bytes))}
	case !IsPlaylist(d.Bytes):
		return playlist{}, refuse("it does not begin with #EXTM3U")
	}
	base, err := url.Parse(d.URL)
	if err != nil {
		return playlist{}, refuse("its address is no URL")
	}
	decoded, kind, err := m3u8.Decode(*bytes.NewBuffer(quotedRange.ReplaceAll(d.Bytes, []byte("$1$2"))), false)
	switch {
	case err != nil:
		return playlist{}, refuse("it cannot be read: %.100v", err)
	case kind == m3u8.MASTER:
		return chosen(decoded.(*m3u8.MasterPlaylist), base)
	}
	return media(decoded.(*m3u8.MediaPlaylist), base)
}

// enough is the height that fingerprints want no more than.
const enough = 360

// chosen is the variant that costs least of those that are high enough, or else the highest.
func chosen(master *m3u8.MasterPlaylist, base *url.URL) (playlist, error) {
	var best *m3u8.Variant
	better := func(a, b *m3u8.Variant) bool {
		ha, hb := height(a), height(b)
		if min(ha, enough) != min(hb, enough) {
			return ha > hb
		}
		return a.Bandwidth < b.Bandwidth
	}
	for _, v := range master.Variants {
		if v != nil && !v.Iframe && v.URI != "" && !audible(v) && (best == nil || better(v, best)) {
			best = v
		}
	}
	if best == nil {
		return playlist{}, refuse("it names no stream with pictures")
	}
	address, err := resolve(base, best.URI)
	return playlist{variant: address}, err
}

// height is that of the pictures; enough where it is not said.
func height(v *m3u8.Variant) int {
	_, text, _ := strings.Cut(v.Resolution, "x")
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return enough
}

// audible reports whether the variant is nothing but sound, as far as its codecs say so.
func audible(v *m3u8.Variant) bool {
	codecs := strings.Split(v.Codecs, ",")
	return v.Codecs != "" && v.Resolution == "" && !slices.ContainsFunc(codecs, func(c string) bool {
		return !strings.HasPrefix(strings.TrimSpace(c), "mp4a") && !strings.HasPrefix(strings.TrimSpace(c), "ac-3") && !strings.HasPrefix(strings.TrimSpace(c), "ec-3")
	})
}

func media(list *m3u8.MediaPlaylist, base *url.URL) (playlist, error) {
	p := playlist{first: list.SeqNo, ended: list.Closed, whole: list.Closed || list.MediaType == m3u8.VOD, target: time.Duration(min(list.TargetDuration, 3600)) * time.Second}
	if list.Iframe {
		return playlist{}, refuse("it holds nothing but key frames")
	}
	var before place
	for _, s := range list.Segments {
		if s == nil {
			continue
		}
		if slices.ContainsFunc(slices.Concat(list.Keys, s.Keys), func(k m3u8.Key) bool { return k.Method != "NONE" }) {
			return playlist{}, refuse("it is encrypted, and encrypted streams are not played")
		}
		var err error
		if m := s.Map; m == nil && len(p.pieces) == 0 && list.Map != nil {
			before, err = placeOf(base, list.Map.URI, list.Map.Offset, list.Map.Limit)
		} else if m != nil {
			before, err = placeOf(base, m.URI, m.Offset, m.Limit)
		}
		if err != nil {
			return playlist{}, err
		}
		each := piece{before: before, gap: s.Gap}
		if each.place, err = placeOf(base, s.URI, s.Offset, s.Limit); err != nil {
			return playlist{}, err
		}
		// A part whose place is not said follows the one before.
		if last := len(p.pieces) - 1; s.Limit > 0 && s.Offset == 0 && last >= 0 && p.pieces[last].address == each.address {
			each.part.From = p.pieces[last].part.From + p.pieces[last].part.Length
		}
		if math.IsNaN(s.Duration) || s.Duration <= 0 || s.Duration > maxPiece.Seconds() {
			return playlist{}, refuse("a segment of it is said to be %g seconds long: at most %g are played", s.Duration, maxPiece.Seconds())
		}
		each.length = time.Duration(s.Duration * float64(time.Second))
		p.pieces = append(p.pieces, each)
	}
	return p, nil
}

func placeOf(base *url.URL, uri string, from, length int64) (place, error) {
	if from < 0 || length < 0 || length == 0 && from > 0 {
		return place{}, refuse("it names a part that is none")
	}
	address, err := resolve(base, uri)
	return place{address, fetch.Span{From: from, Length: length}}, err
}

func resolve(base *url.URL, uri string) (string, error) {
	to, err := base.Parse(uri)
	if err != nil {
		return "", refuse("it names what is no URL")
	}
	return to.String(), nil
}

func refuse(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", ErrPlaylist, fmt.Sprintf(format, arguments...))
}

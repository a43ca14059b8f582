// Package hashlist reads and writes lists of perceptual hashes as people exchange them: CSV with a
// header, or NDJSON with the same names.
//
//	external_id,pdq,phash,dhash,ahash,quality,meta,frames
//	shoe-1,f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22,,,,97,"{""owner"":""Ann""}",
//
//	{"external_id":"shoe-1","pdq":"f8f8…9b22","quality":97,"meta":{"owner":"Ann"}}
//	{"external_id":"film","frames":[{"time":0,"hashes":{"pdq":"f8f8…9b22"},"quality":97},{"time":0.5,…}]}
//
// A video is one row: its frames with their times stand in place of hashes and quality, in CSV as JSON too.
//
// Columns may come in any order, and all but one hash column may be missing. A column of another
// name is refused, since a list whose hashes go unread is worse than none. Reader and Writer are
// each other's inverse, whatever an external id or meta holds.
//
// # Spreadsheets
//
// A list is for programs. A spreadsheet that opens one may run an external id that starts with
// '=', '+', '-' or '@' as a formula, and reads hashes and ids of digits as numbers, which it
// shortens when it saves. Writer does not escape such cells: an escape would come back as part of
// the id. Import the file as text instead. Reader refuses what a spreadsheet spoils (a hash of
// another length, semicolons for commas) and reads past the byte order mark that one writes.
package hashlist

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"touchstone/api/wire"
	"touchstone/hashindex"
)

// Format is how a list is written.
type Format string

const (
	CSV    Format = "csv"
	NDJSON Format = "ndjson"
)

// MaxRecord bounds one row in bytes. It has room for the longest external id and meta there are, with every
// character escaped, and for a video of MaxFrames.
const MaxRecord = 12 << 20

// MaxFrames bounds the frames of one video: three hours and a half, four a second, if none were alike.
const MaxFrames = 50_000

// ParseFormat reads "csv" or "ndjson".
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case CSV, NDJSON:
		return f, nil
	}
	return "", invalid("format", "%.80q is neither csv nor ndjson", name)
}

// FormatOfFile tells the format by the file's ending: .csv, .ndjson or .jsonl.
func FormatOfFile(name string) (Format, error) {
	switch ending := strings.ToLower(filepath.Ext(name)); ending {
	case ".csv":
		return CSV, nil
	case ".ndjson", ".jsonl":
		return NDJSON, nil
	default:
		return "", invalid("format", "%.80q ends with none of .csv, .ndjson, .jsonl", name)
	}
}

// FormatOfContentType tells the format by a request's Content-Type without its parameters.
func FormatOfContentType(contentType string) (Format, bool) {
	for _, f := range []Format{CSV, NDJSON} {
		if contentType == f.ContentType() {
			return f, true
		}
	}
	return "", false
}

// ContentType is the format's media type.
func (f Format) ContentType() string {
	if f == CSV {
		return "text/csv"
	}
	return "application/x-ndjson"
}

// columns are the names of a row's parts, in the order that Writer writes them.
var columns = []string{"external_id", "pdq", "phash", "dhash", "ahash", "quality", "meta", "frames"}

// hashOf is the place of the algorithm's hash, nil for a column that is no hash.
func hashOf(r *wire.HashReference, column string) *string {
	switch column {
	case "pdq":
		return &r.Hashes.PDQ
	case "phash":
		return &r.Hashes.PHash
	case "dhash":
		return &r.Hashes.DHash
	case "ahash":
		return &r.Hashes.AHash
	}
	return nil
}

// tidy gives the row its one form (hashes in lower case, no empty meta) or says why no list can
// hold it. Reader and Writer share it, so that one never writes what the other refuses.
func tidy(r *wire.HashReference) error {
	if err := tidyFrames(r); err != nil {
		return err
	}
	found, err := tidyHashes(&r.Hashes)
	switch {
	case err != nil:
		return err
	case !found && r.Frames == nil:
		return invalid("pdq", "the row has no hash")
	}
	if r.Quality != nil && (*r.Quality < 0 || *r.Quality > 100) {
		return invalid("quality", "%d is not within 0..100", *r.Quality)
	}
	if len(r.Meta) == 0 {
		r.Meta = nil
	}
	return checkUTF8(r)
}

func tidyFrames(r *wire.HashReference) error {
	switch {
	case len(r.Frames) == 0:
		r.Frames = nil
		return nil
	case r.Hashes != (wire.Hashes{}) || r.Quality != nil:
		return invalid("frames", "come with hashes or a quality of their own: want the ones or the others")
	case len(r.Frames) > MaxFrames:
		return invalid("frames", "more than %d", MaxFrames)
	}
	for i := range r.Frames {
		f := &r.Frames[i]
		if _, err := tidyHashes(&f.Hashes); err != nil {
			return err
		}
		if math.IsNaN(f.Time) || math.IsInf(f.Time, 0) {
			return invalid("frames", "%v is no time", f.Time)
		}
	}
	return nil
}

// tidyHashes reports whether there are any.
func tidyHashes(h *wire.Hashes) (found bool, _ error) {
	for a, text := range [hashindex.AlgorithmCount]*string{&h.PDQ, &h.PHash, &h.DHash, &h.AHash} {
		if *text == "" {
			continue
		}
		upper, err := checkHash(hashindex.Algorithm(a), *text)
		if err != nil {
			return false, err
		}
		if upper {
			*text = strings.ToLower(*text)
		}
		found = true
	}
	return found, nil
}

// checkHash says whether the hash has upper-case digits, or what is wrong with it.
func checkHash(a hashindex.Algorithm, text string) (upper bool, err error) {
	var seen digit
	for i := range len(text) {
		seen |= digits[text[i]]
	}
	if len(text) == a.Bits()/4 && seen&noDigit == 0 {
		return seen&upperDigit != 0, nil
	}
	_, err = hashindex.ParseHashFor(a, text)
	return false, invalid(a.String(), "%v", err)
}

// digit says what a byte is as one of a hash: nothing to remark on, if it is zero.
type digit byte

const (
	upperDigit digit = 1 << iota
	noDigit
)

// digits is looked up without a branch that random digits would mislead.
var digits = func() (of [256]digit) {
	for c := range of {
		switch {
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f':
		case 'A' <= c && c <= 'F':
			of[c] = upperDigit
		default:
			of[c] = noDigit
		}
	}
	return of
}()

func checkUTF8(r *wire.HashReference) error {
	if !utf8.ValidString(r.ExternalID) {
		return invalid("external_id", "%.80q is not UTF-8", r.ExternalID)
	}
	for key, value := range r.Meta {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return invalid("meta", "key %.80q: not UTF-8", key)
		}
	}
	return nil
}

func invalid(column, format string, args ...any) error {
	return &hashindex.InputError{Field: column, Reason: fmt.Sprintf(format, args...)}
}

package api

import (
	"touchstone/api/wire"
	"touchstone/hashindex"
)

// scanHashRequest reads the body of a match/hash request in the form that programs write: one object of
// the known names, each once and spelt exactly, texts of printable ASCII without escapes, whole numbers. It
// appends the hashes to those given and leaves asked.Hashes alone.
//
// It is false for everything else, allowed or not: encoding/json reads that, and says what is wrong
// with it. So there is one judge of what a request may be, and whatever this accepts, that one does.
func scanHashRequest(text []byte, hashes []hashindex.Hash) (asked wire.MatchHashRequest, _ []hashindex.Hash, plain bool) {
	r := requestScanner{scanner: scanner{rest: text}, hashes: hashes}
	plain = r.object(r.member) && r.ended()
	return r.asked, r.hashes, plain
}

type requestScanner struct {
	scanner
	asked  wire.MatchHashRequest
	hashes []hashindex.Hash
	seen   [6]bool
}

// member reads the value of that name.
func (r *requestScanner) member(name []byte) (ok bool) {
	switch string(name) {
	case "algorithm":
		r.asked.Algorithm, ok = r.text()
		return ok && r.first(0)
	case "hashes":
		return r.first(1) && r.array(r.hash)
	case "radius":
		radius, ok := r.number()
		r.asked.Radius = &radius
		return ok && r.first(2)
	case "limit":
		r.asked.Limit, ok = r.number()
		return ok && r.first(3)
	case "collections":
		return r.first(4) && r.array(r.collection)
	case "dihedral":
		r.asked.Dihedral, ok = r.boolean()
		return ok && r.first(5)
	}
	return false
}

// first is false the second time: which of two values holds is for encoding/json to say.
func (r *requestScanner) first(n int) bool {
	before := r.seen[n]
	r.seen[n] = true
	return !before
}

// hash stops at one hash too many: the rest need not be kept to be refused.
func (r *requestScanner) hash() bool {
	h, ok := r.scanner.hash()
	r.hashes = append(r.hashes, h)
	return ok && len(r.hashes) <= hashindex.MaxHashes
}

func (r *requestScanner) collection() bool {
	name, ok := r.text()
	r.asked.Collections = append(r.asked.Collections, name)
	return ok
}

// scanHashLine reads "hex" or {"hash": "hex"}, in the plain form like scanHashRequest.
func scanHashLine(line []byte) (h hashindex.Hash, plain bool) {
	s := scanner{rest: line}
	if line[0] != '{' {
		h, plain = s.hash()
		return h, plain && s.ended()
	}
	given := 0
	plain = s.object(func(name []byte) (ok bool) {
		given++
		h, ok = s.hash()
		return ok && string(name) == "hash"
	})
	return h, plain && given == 1 && s.ended()
}

// scanner reads plain JSON. A method that is false has met something else, and nothing is to be read
// after it.
type scanner struct{ rest []byte }

// take steps over white space and then that byte.
func (s *scanner) take(want byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != want {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t' || s.rest[0] == '\r' || s.rest[0] == '\n') {
		s.rest = s.rest[1:]
	}
}

// ended reports whether nothing but white space is left.
func (s *scanner) ended() bool {
	s.space()
	return len(s.rest) == 0
}

func (s *scanner) object(member func(name []byte) bool) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		if name, ok := s.bytes(); !ok || !s.take(':') || !member(name) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

func (s *scanner) array(element func() bool) bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
}

func (s *scanner) text() (string, bool) {
	b, ok := s.bytes()
	return string(b), ok
}

// bytes are those of a text, which stay the caller's.
func (s *scanner) bytes() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	for i, b := range s.rest {
		switch {
		case b == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text, true
		case b < ' ' || b > '~' || b == '\\':
			return nil, false
		}
	}
	return nil, false
}

// number reads up to nine digits. A sign, a fraction or an exponent is left for what follows to trip over.
func (s *scanner) number() (n int, ok bool) {
	s.space()
	digits := 0
	for digits < len(s.rest) && s.rest[digits] >= '0' && s.rest[digits] <= '9' {
		if digits == 9 {
			return 0, false
		}
		n = 10*n + int(s.rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 1 && s.rest[0] == '0' {
		return 0, false
	}
	s.rest = s.rest[digits:]
	return n, true
}

func (s *scanner) boolean() (value, ok bool) {
	s.space()
	for _, each := range []string{"true", "false"} {
		if len(s.rest) >= len(each) && string(s.rest[:len(each)]) == each {
			s.rest = s.rest[len(each):]
			return each == "true", true
		}
	}
	return false, false
}

// hash reads a text of 16 or 64 hex digits.
func (s *scanner) hash() (h hashindex.Hash, ok bool) {
	if !s.take('"') {
		return h, false
	}
	var bad byte
	switch {
	case len(s.rest) > 64 && s.rest[64] == '"':
		var words [4]uint64
		for i := range words {
			words[3-i] = hexWord((*[16]byte)(s.rest[16*i:]), &bad)
		}
		h, s.rest = hashindex.Hash256(words), s.rest[65:]
	case len(s.rest) > 16 && s.rest[16] == '"':
		h, s.rest = hashindex.Hash64(hexWord((*[16]byte)(s.rest), &bad)), s.rest[17:]
	default:
		return h, false
	}
	return h, bad < 16
}

// hexWord reads 16 digits, most significant first. bad gets bits above the fourth when one is no digit.
func hexWord(text *[16]byte, bad *byte) (word uint64) {
	all := *bad
	for _, c := range text {
		digit := hexDigits[c]
		all |= digit
		word = word<<4 | uint64(digit&15)
	}
	*bad = all
	return word
}

var hexDigits = func() (table [256]byte) {
	for c := range table {
		table[c] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		table[c] = byte(i)
	}
	for i, c := range []byte("ABCDEF") {
		table[c] = byte(10 + i)
	}
	return table
}()

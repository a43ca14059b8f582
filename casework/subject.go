package casework

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"touchstone/hashindex"
)

// Subject is what a query was about. The first of listing, stream, URL and seller that is given says
// which it is: two subjects of one listing are the same.
type Subject struct {
	Listing   string `json:"listing,omitempty"`
	Seller    string `json:"seller,omitempty"`
	Territory string `json:"territory,omitempty"` // as in Territory; empty: not known
	Stream    string `json:"stream,omitempty"`
	URL       string `json:"url,omitempty"`
}

// maxSubjectField bounds each text of a subject, in bytes.
const maxSubjectField = 512

// ParseSubject reads a JSON object of Subject's fields, or else takes the text for a listing's id.
func ParseSubject(text string) (Subject, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		s := Subject{Listing: text}
		return s, s.validate()
	}
	var s Subject
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return s, invalid("subject", "%v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return s, invalid("subject", "more after the JSON object")
	}
	s.Territory = strings.ToUpper(s.Territory)
	return s, s.validate()
}

func (s Subject) validate() error {
	for _, f := range []struct{ name, text string }{
		{"listing", s.Listing}, {"seller", s.Seller}, {"stream", s.Stream}, {"url", s.URL},
	} {
		if err := checkText("subject."+f.name, f.text, maxSubjectField); err != nil {
			return err
		}
	}
	if s.Territory != "" && !territoryCode.MatchString(s.Territory) {
		return invalid("subject.territory", "%.40q: want two capital letters such as DE", s.Territory)
	}
	if s.identity() == "" {
		return invalid("subject", "names no listing, stream, url or seller")
	}
	return nil
}

// identity is what makes it this subject and no other.
func (s Subject) identity() string {
	switch {
	case s.Listing != "":
		return "listing " + s.Listing
	case s.Stream != "":
		return "stream " + s.Stream
	case s.URL != "":
		return "url " + s.URL
	case s.Seller != "":
		return "seller " + s.Seller
	}
	return ""
}

// key is the identity in a fixed width: no two in practice have the same.
func (s Subject) key() string {
	sum := sha256.Sum256([]byte(s.identity()))
	return hex.EncodeToString(sum[:16])
}

// String is the identity for people.
func (s Subject) String() string { return s.identity() }

func invalid(field, format string, args ...any) error {
	return &hashindex.InputError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// checkText refuses what would spoil a key, a line of a log or a CSV file.
func checkText(field, text string, max int) error {
	if len(text) > max {
		return &hashindex.LimitError{Limit: field + "_bytes", Max: int64(max), Got: int64(len(text))}
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return invalid(field, "want UTF-8 without control characters")
	}
	return nil
}

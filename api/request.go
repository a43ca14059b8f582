package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"touchstone/hashindex"
)

const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
)

func invalid(field, format string, args ...any) error {
	return &hashindex.InputError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// pathParameter is the part of the path, decoded once; echo hands it on as it came whenever a client
// wrote it in an unusual way.
func pathParameter(c echo.Context, name string) string {
	text := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return text
	}
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

// mediaType is the content type without its parameters, in lower case; empty when there is none.
func mediaType(c echo.Context) string {
	t, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	return t
}

func unsupported(c echo.Context, want ...string) error {
	return fail(typeUnsupported, "Content-Type %.80q: want %s", c.Request().Header.Get("Content-Type"), strings.Join(want, " or "))
}

// readJSON reads a body that is one JSON value, every name of which is known.
func (s *Server) readJSON(c echo.Context, into any) error {
	if mediaType(c) != jsonType {
		return unsupported(c, jsonType)
	}
	text, err := readInto(nil, bodyOf(c.Request()).within("document_bytes", s.limits.DocumentBytes))
	if err != nil {
		return err
	}
	if err := begin(c); err != nil {
		return err
	}
	return parseDocument(text, into)
}

// readInto appends all of the body to text. It makes room by what the client has sent, not by what it
// says that it will, and doubles it: io.ReadAll adds a quarter, which copies a picture five times.
func readInto(text []byte, from io.Reader) ([]byte, error) {
	for {
		if len(text) == cap(text) {
			text = slices.Grow(text, max(4<<10, len(text)))
		}
		n, err := from.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF {
			return text, nil
		}
		if err != nil {
			return text, err
		}
	}
}

func parseDocument(text []byte, into any) error {
	if !utf8.Valid(text) {
		return fail(bodyMalformed, "the body is not UTF-8") // or encoding/json would mend it unasked
	}
	return parseJSON(text, into)
}

func parseJSON(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return explainJSON(err)
	}
	if rest := bytes.TrimSpace(text[decoder.InputOffset():]); len(rest) > 0 {
		return fail(bodyMalformed, "%.40q after the JSON value", rest)
	}
	return nil
}

// malformed is a body that cannot be read because of one field.
type malformed struct{ hashindex.InputError }

func (m *malformed) Unwrap() error { return &m.InputError }

// explainJSON names the field where encoding/json knows it.
func explainJSON(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return &malformed{hashindex.InputError{Field: wrong.Field, Reason: "a JSON " + wrong.Value + " does not belong here"}}
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
		return &malformed{hashindex.InputError{Field: strings.Trim(name, `"`), Reason: "unknown field"}}
	}
	if errors.Is(err, io.EOF) {
		return fail(bodyMalformed, "the body is empty")
	}
	return fail(bodyMalformed, "not JSON: %v", err)
}

// options are the query string. The first error stays.
type options struct {
	url.Values
	err error
}

// checkOptions lets a request through whose options are known and given once at most; "collections"
// and "state" may be repeated.
func (r route) checkOptions(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		values, err := url.ParseQuery(c.Request().URL.RawQuery)
		if err != nil {
			return invalid("query", "the query string cannot be read")
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !slices.Contains(r.options, name) {
				return invalid(name, "unknown option; known here: %s", strings.Join(r.options, ", "))
			}
			if len(values[name]) > 1 && name != "collections" && name != "state" {
				return invalid(name, "given more than once")
			}
		}
		c.Set(optionsKey, values)
		return next(c)
	}
}

const optionsKey = "options"

func optionsOf(c echo.Context) *options { return &options{Values: c.Get(optionsKey).(url.Values)} }

func (o *options) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// integer is the option's value within the bounds, or otherwise when it is absent.
func (o *options) integer(name string, otherwise, lowest, highest int) int {
	if !o.Has(name) {
		return otherwise
	}
	text := o.Get(name)
	n, err := strconv.Atoi(text)
	if err != nil || n < lowest || n > highest {
		o.fail(invalid(name, "%.40q is not a whole number within %d..%d", text, lowest, highest))
	}
	return n
}

// oneOf is the option's value, one of the choices; the first when it is absent.
func (o *options) oneOf(name string, choices ...string) string {
	if !o.Has(name) {
		return choices[0]
	}
	if text := o.Get(name); slices.Contains(choices, text) {
		return text
	}
	o.fail(invalid(name, "%.40q is not one of %s", o.Get(name), strings.Join(choices, ", ")))
	return ""
}

// list is a repeated option whose values may hold several with commas between them.
func (o *options) list(name string) (all []string) {
	for _, value := range o.Values[name] {
		for each := range strings.SplitSeq(value, ",") {
			if each = strings.TrimSpace(each); each != "" {
				all = append(all, each)
			}
		}
	}
	return all
}

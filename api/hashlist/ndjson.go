package hashlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"touchstone/api/wire"
)

// line is a row in NDJSON.
type line struct {
	ExternalID string            `json:"external_id,omitempty"`
	PDQ        string            `json:"pdq,omitempty"`
	PHash      string            `json:"phash,omitempty"`
	DHash      string            `json:"dhash,omitempty"`
	AHash      string            `json:"ahash,omitempty"`
	Quality    *int              `json:"quality,omitempty"`
	Meta       map[string]string `json:"meta,omitempty"`

	Frames []wire.HashedFrame `json:"frames,omitempty"`
}

func parseNDJSON(record []byte) (wire.HashReference, error) {
	if !utf8.Valid(record) {
		return wire.HashReference{}, invalid("row", "not UTF-8") // or encoding/json would mend it unasked
	}
	var l line
	decoder := json.NewDecoder(bytes.NewReader(record))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return wire.HashReference{}, explain(err)
	}
	if rest := record[decoder.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		return wire.HashReference{}, invalid("row", "%.80q after the object", rest)
	}
	return wire.HashReference{
		ExternalID: l.ExternalID, Quality: l.Quality, Meta: l.Meta, Frames: l.Frames,
		Hashes: wire.Hashes{PDQ: l.PDQ, PHash: l.PHash, DHash: l.DHash, AHash: l.AHash},
	}, nil
}

// explain names the column where encoding/json knows it.
func explain(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return invalid(wrong.Field, "a JSON %s does not belong here", wrong.Value)
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
		return invalid(strings.Trim(name, `"`), "unknown name; known are %s", strings.Join(columns, ", "))
	}
	return invalid("row", "not a JSON object: %v", err)
}

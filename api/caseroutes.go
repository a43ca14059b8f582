package api

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/keys"
	"touchstone/casework"
)

// caseTable are the routes of casework.
func (s *Server) caseTable() []route {
	var (
		adding  = need{scopes: keys.Ingest}
		looking = need{scopes: keys.Ingest | keys.Review}
		judging = need{scopes: keys.Review}
		ruling  = need{scopes: keys.Admin}
		whole   = need{scopes: keys.Admin, whole: true} // it is about everybody
	)
	return []route{
		{"PUT", "/v1/holders/:id", s.putHolder, nil, whole},
		{"GET", "/v1/holders", s.listHolders, names("cursor", "limit"), judging},
		{"GET", "/v1/holders/:id", s.showHolder, nil, judging},
		{"POST", "/v1/rights", s.once(s.addRight), nil, ruling},
		{"GET", "/v1/rights", s.listRights, names("cursor", "limit", "holder", "state"), judging},
		{"GET", "/v1/rights/:id", s.showRight, nil, judging},
		{"PATCH", "/v1/rights/:id", s.changeRight, nil, ruling},
		{"POST", "/v1/licences", s.once(s.addLicence), nil, ruling},
		{"GET", "/v1/licences", s.listLicences, names("cursor", "limit", "right", "seller"), judging},
		{"GET", "/v1/licences/:id", s.showLicence, nil, judging},
		{"DELETE", "/v1/licences/:id", s.revokeLicence, nil, ruling},
		{"POST", "/v1/licences/import", s.once(s.importLicences), nil, ruling},

		{"GET", "/v1/hits", s.listHits, names("cursor", "limit", "state", "collections", "right", "seller", "reference", "kind", "min_score", "max_score", "since", "before"), judging},
		{"POST", "/v1/hits", s.once(s.decideHits), nil, judging},
		{"GET", "/v1/hits/:id", s.showHit, nil, judging},
		{"POST", "/v1/hits/:id", s.once(s.decideHit), nil, judging},
		{"GET", "/v1/hits/:id/image", s.showHitImage, nil, judging},
		{"GET", "/v1/sellers", s.listSellers, names("cursor", "limit", "seller"), judging},

		{"PUT", "/v1/references/:id/verdict", s.putVerdict, nil, adding},
		{"GET", "/v1/references/:id/verdict", s.showVerdict, nil, looking},
		{"GET", "/v1/references/:id/verdict/:photo", s.showPhoto, nil, looking},

		{"GET", "/v1/collections/:name/thresholds", s.showThresholds, names("radius"), judging},
		{"GET", "/v1/quarantine", s.listQuarantine, names("cursor", "limit"), ruling},
		{"POST", "/v1/quarantine/:id/release", s.once(s.releaseQuarantine), nil, ruling},
		{"GET", "/v1/policy", s.showPolicy, nil, judging},
		{"PATCH", "/v1/policy", s.changePolicy, nil, whole},
	}
}

func names(list ...string) []string { return list }

// visible is what the caller may see of casework.
func visible(c echo.Context) casework.Visible { return casework.Visible(callerOf(c).within()) }

func aboutHolder(err error) error     { return aboutKinds(err, holderMissing, internalError) }
func aboutRight(err error) error      { return aboutKinds(err, rightMissing, internalError) }
func aboutLicence(err error) error    { return aboutKinds(err, licenceMissing, internalError) }
func aboutHit(err error) error        { return aboutKinds(err, hitMissing, internalError) }
func aboutVerdict(err error) error    { return aboutKinds(err, verdictMissing, internalError) }
func aboutQuarantine(err error) error { return aboutKinds(err, quarantineMissing, internalError) }

// numberedPath reads an id in the path that is a number. What is none names nothing.
func numberedPath(c echo.Context, missing kind) (uint64, error) {
	text := pathParameter(c, "id")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, fail(missing, "%.40q: not found", text)
	}
	return n, nil
}

// Cursors are opaque, so that they can hold something else one day: a letter for what they are of, then
// the last of the page before.

func numberCursor(of byte, n uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint([]byte{of}, n))
}

func (o *options) numberCursor(of byte) uint64 {
	raw := o.rawCursor(of)
	if raw == nil {
		return 0
	}
	n, size := binary.Uvarint(raw)
	if size != len(raw) {
		o.fail(invalid("cursor", "%.40q is no cursor that this server gave", o.Get("cursor")))
	}
	return n
}

func textCursor(of byte, text string) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{of}, text...))
}

func (o *options) textCursor(of byte) string { return string(o.rawCursor(of)) }

func (o *options) rawCursor(of byte) []byte {
	if !o.Has("cursor") {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(o.Get("cursor"))
	if err != nil || len(raw) < 2 || raw[0] != of {
		o.fail(invalid("cursor", "%.40q is no cursor that this server gave", o.Get("cursor")))
		return nil
	}
	return raw[1:]
}

// number is the option's value as an id; 0 when it is absent.
func (o *options) number(name string) uint64 {
	if !o.Has(name) {
		return 0
	}
	n, err := strconv.ParseUint(o.Get(name), 10, 64)
	if err != nil || n == 0 {
		o.fail(invalid(name, "%.40q is no id", o.Get(name)))
	}
	return n
}

// choice is the option's value, one of the choices; empty when it is absent.
func choice[T ~string](o *options, name string, choices []T) T {
	if !o.Has(name) {
		return ""
	}
	texts := converted(choices, func(c T) string { return string(c) })
	return T(o.oneOf(name, texts...))
}

// share is the option's value as a number from 0 to 1; 0 when it is absent.
func (o *options) share(name string) float64 {
	if !o.Has(name) {
		return 0
	}
	v, err := strconv.ParseFloat(o.Get(name), 64)
	if err != nil || !(v >= 0 && v <= 1) {
		o.fail(invalid(name, "%.40q is not within 0..1", o.Get(name)))
	}
	return v
}

// moment is the option's value as a time; zero when it is absent.
func (o *options) moment(name string) time.Time {
	if !o.Has(name) {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, o.Get(name))
	if err != nil {
		o.fail(invalid(name, "%.40q is no time such as 2027-01-31T12:00:00Z", o.Get(name)))
	}
	return at
}

// pageSize is the option limit.
func (o *options) pageSize() int { return o.integer("limit", defaultPage, 1, maxPage) }

// paged cuts a list that was asked for with one more than a page, and says where the next begins.
func paged[T any](list []T, limit int, cursor func(last T) string) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	return list[:limit], cursor(list[limit-1])
}

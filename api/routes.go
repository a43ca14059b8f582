package api

import (
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"
)

// route is one operation of openapi.yaml. HEAD comes with every GET, OPTIONS with every path.
type route struct {
	method, path string
	handle       echo.HandlerFunc
	options      []string // of the query string; others are refused
}

func (s *Server) table() []route {
	const get, post, patch, remove = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	list := func(names ...string) []string { return names }
	return []route{
		{post, "/v1/collections", s.createCollection, nil},
		{get, "/v1/collections", s.listCollections, nil},
		{get, "/v1/collections/:name", s.showCollection, nil},
		{patch, "/v1/collections/:name", s.changeCollection, nil},
		{remove, "/v1/collections/:name", s.removeCollection, list("references")},

		{post, "/v1/collections/:name/references", s.addReferences, nil},
		{get, "/v1/collections/:name/references", s.listReferences, list("cursor", "limit", "external_id")},
		{get, "/v1/references/:id", s.showReference, nil},
		{patch, "/v1/references/:id", s.changeReference, nil},
		{remove, "/v1/references/:id", s.removeReference, nil},
		{get, "/v1/references/:id/image", s.showImage, nil},

		{post, "/v1/match", s.match, list("effort", "limit", "collections", "radius")},
		{post, "/v1/match/hash", s.matchHash, list("algorithm", "radius", "limit", "collections", "dihedral")},
		{post, "/v1/compare", s.compare, list("radius", "reference")},
		{post, "/v1/compare/overlay", s.compareOverlay, list("radius", "reference")},
		{post, "/v1/hash", s.hash, nil},

		{get, "/v1/stats", s.stats, nil},
		{get, "/v1/limits", s.showLimits, nil},
		{get, "/v1/changes", s.changes, list("after", "limit")},
		{get, "/livez", s.live, nil},
		{get, "/readyz", s.ready, nil},
		{get, "/metrics", s.showMetrics, nil},
		{get, "/openapi.yaml", s.contract, nil},
		{get, "/docs", s.docs, nil},
		{get, "/docs/:file", s.docs, nil},
	}
}

var parameter = regexp.MustCompile(`:(\w+)`)

// contractPath is the path as openapi.yaml writes it: {name} for :name.
func (r route) contractPath() string { return parameter.ReplaceAllString(r.path, "{$1}") }

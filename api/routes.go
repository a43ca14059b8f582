package api

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/labstack/echo/v4"

	"touchstone/api/keys"
)

// route is one operation of openapi.yaml. HEAD comes with every GET, OPTIONS with every path.
type route struct {
	method, path string
	handle       echo.HandlerFunc
	options      []string // of the query string; others are refused
	need         need     // of whoever calls
}

func (s *Server) table() []route {
	const get, post, patch, remove = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	list := func(names ...string) []string { return names }
	var (
		public   = need{public: true}
		anyKey   = need{scopes: keys.Any}
		asking   = need{scopes: keys.Match | keys.Review}
		matching = need{scopes: keys.Match}
		adding   = need{scopes: keys.Ingest}
		looking  = need{scopes: keys.Ingest | keys.Review}
		judging  = need{scopes: keys.Review}
		ruling   = need{scopes: keys.Admin}
		scraping = need{scopes: keys.Any, whole: true}   // its answer is about everybody
		minting  = need{scopes: keys.Admin, whole: true} // or a key could make one that sees more than itself
	)
	return append([]route{
		{post, "/v1/collections", s.once(s.createCollection), nil, ruling},
		{get, "/v1/collections", s.listCollections, nil, anyKey},
		{get, "/v1/collections/:name", s.showCollection, nil, anyKey},
		{patch, "/v1/collections/:name", s.changeCollection, nil, ruling},
		{remove, "/v1/collections/:name", s.removeCollection, list("references"), ruling},

		{post, "/v1/collections/:name/references", s.once(s.addReferences), list("dry_run"), adding},
		{get, "/v1/collections/:name/references", s.listReferences, list("cursor", "limit", "external_id"), looking},
		{get, "/v1/references/:id", s.showReference, nil, looking},
		{patch, "/v1/references/:id", s.changeReference, nil, adding},
		{remove, "/v1/references/:id", s.removeReference, nil, adding},
		{get, "/v1/references/:id/frames", s.listFrames, list("from", "limit"), looking},
		{get, "/v1/references/:id/image", s.showImage, nil, looking},

		{post, "/v1/match", s.match, list("effort", "limit", "collections", "radius"), matching},
		{post, "/v1/match/hash", s.matchHash, list("algorithm", "radius", "limit", "collections", "dihedral"), matching},
		{post, "/v1/compare", s.compare, list("radius", "reference"), asking},
		{post, "/v1/compare/overlay", s.compareOverlay, list("radius", "reference"), asking},
		{post, "/v1/hash", s.hash, nil, anyKey},

		{post, "/v1/streams", s.once(s.openStream), nil, matching},
		{get, "/v1/streams", s.listStreams, list("cursor", "limit"), asking},
		{get, "/v1/streams/:id", s.showStream, nil, asking},
		{remove, "/v1/streams/:id", s.endStream, nil, matching},
		{get, "/v1/streams/:id/segments", s.listSegments, list("after", "limit"), asking},
		{post, "/v1/streams/:id/frames", s.once(s.feedStream), nil, matching},
		{get, "/v1/streams/:id/events", s.followStream, list("after"), asking},

		{post, "/v1/keys", s.once(s.createKey), nil, minting},
		{get, "/v1/keys", s.listKeys, nil, minting},
		{remove, "/v1/keys/:id", s.revokeKey, nil, minting},

		{post, "/v1/webhooks", s.once(s.createWebhook), nil, minting},
		{get, "/v1/webhooks", s.listWebhooks, nil, minting},
		{get, "/v1/webhooks/:id", s.showWebhook, nil, minting},
		{patch, "/v1/webhooks/:id", s.changeWebhook, nil, minting},
		{remove, "/v1/webhooks/:id", s.removeWebhook, nil, minting},
		{post, "/v1/webhooks/:id/test", s.once(s.testWebhook), nil, minting},
		{post, "/v1/webhooks/:id/replay", s.once(s.replayWebhook), nil, minting},
		{post, "/v1/webhooks/:id/secret", s.once(s.rotateWebhookSecret), nil, minting},
		{get, "/v1/webhooks/:id/dead-letters", s.listDeadLetters, list("after", "limit"), minting},

		{get, "/v1/backup", s.backup, nil, minting},
		{get, "/v1/stats", s.stats, nil, anyKey},
		{get, "/v1/limits", s.showLimits, nil, anyKey},
		{get, "/v1/changes", s.changes, list("after", "limit", "wait"), judging},
		{get, "/livez", s.live, nil, public},
		{get, "/readyz", s.ready, nil, public},
		{get, "/metrics", s.showMetrics, nil, scraping},
		{get, "/openapi.yaml", s.contract, nil, public},
		{get, "/docs", s.docs, nil, public},
		{get, "/docs/:file", s.docs, nil, public},
	}, slices.Concat(s.caseTable(), s.noticeTable())...)
}

var parameter = regexp.MustCompile(`:(\w+)`)

// contractPath is the path as openapi.yaml writes it: {name} for :name.
func (r route) contractPath() string { return parameter.ReplaceAllString(r.path, "{$1}") }

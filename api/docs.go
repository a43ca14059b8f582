package api

import (
	"embed"
	"path"

	"github.com/labstack/echo/v4"
)

//go:embed openapi.yaml
var contract []byte

// The page is swagger-ui-dist 5.35.0 as published, its licences beside it, with an index.html and a
// start.js of ours. It asks nothing of any other server.
//
//go:embed docs
var pages embed.FS

// pageSource lets the page run its own scripts and set styles, and nothing else.
const pageSource = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
	"":      "text/plain; charset=utf-8",
}

func (s *Server) contract(c echo.Context) error { return c.Blob(200, "application/yaml", contract) }

func (s *Server) docs(c echo.Context) error {
	name := c.Param("file")
	if name == "" {
		name = "index.html"
	}
	page, err := pages.ReadFile(path.Join("docs", path.Base(name)))
	if err != nil {
		return fail(routeNotFound, "no page %.80q", name)
	}
	header := c.Response().Header()
	header.Set("Content-Security-Policy", pageSource)
	header.Set("Cache-Control", "no-cache")
	return c.Blob(200, pageTypes[path.Ext(name)], page)
}

package api

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/labstack/echo/v4"
)

var imageTypes = map[string]string{
	"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp",
	"avif": "image/avif", "heic": "image/heic", "tiff": "image/tiff",
}

func (s *Server) showImage(c echo.Context) error {
	id, err := referenceID(c)
	if err != nil {
		return err
	}
	reference, _, err := s.reference(c, id)
	if err != nil {
		return err
	}
	if reference.Content.IsZero() {
		return fail(imageMissing, "reference %d is known by its hashes only", id)
	}
	tag := fmt.Sprintf("%q", reference.Content)
	header := c.Response().Header()
	header.Set("ETag", tag)
	// Kept, but asked for each time: a picture that was removed must be gone.
	header.Set("Cache-Control", "private, no-cache")
	if asked := c.Request().Header.Get("If-None-Match"); strings.Contains(asked, tag) || asked == "*" {
		return c.NoContent(304)
	}
	encoded, _, err := s.index.Image(id)
	if err != nil {
		return aboutReference(err)
	}
	return c.Blob(200, cmp.Or(imageTypes[reference.Format], "application/octet-stream"), encoded)
}

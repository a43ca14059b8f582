package api

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"touchstone/api/idempotency"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

// upload is a request's pictures, fingerprinted, and the text that came with them.
type upload struct {
	*gathering
	context  echo.Context
	pictures []*picture
	video    *spooled       // in place of pictures
	images   int64          // bytes of them
	hashed   *wire.MatchURL // frames as hashes, in place of both
	fields   map[string][]string
	sum      *idempotency.Sum // of the parts; nil: nobody wants it
}

// expected says what a body of pictures may hold.
type expected struct {
	limit  string // that the number of pictures stands under
	images int
	fields []string // the names of its parts besides "image"
	keep   bool     // the encoded pictures
	detail bool     // make features
	stored bool     // make those that a reference keeps
	video  bool     // one may be there in place of pictures

	// first comes before the pictures of the body and counts as one of them; nil: nothing does.
	first []byte
}

// receive reads a multipart body part by part, or a body that is one picture. The pictures are
// decoded as they arrive; no file is written. The caller closes the upload.
func (s *Server) receive(c echo.Context, want expected) (*upload, error) {
	up := &upload{gathering: s.gather(c, want), context: c, fields: map[string][]string{}}
	if a := attemptOf(c); a != nil {
		up.sum = a.sum
	}
	if want.video && s.config.Videos != nil { // pictures have the limit of their own: readImage
		bodyOf(c.Request()).within("video_bytes", s.limits.VideoBytes+maxField)
	}
	var err error
	if want.first != nil {
		err = up.addHeld(want.first)
	}
	if err == nil {
		err = up.read(c, want)
	}
	// A multipart reader stops at the last boundary and need not see the body's end.
	body := bodyOf(c.Request())
	body.ended = body.ended || err == nil
	body.clock.arrived()
	if err == nil {
		up.pictures, err = up.wait()
	}
	if err == nil {
		err = up.complete(want)
	}
	if err != nil {
		up.close()
		return nil, err
	}
	return up, nil
}

// complete reports what the body lacks.
func (u *upload) complete(want expected) error {
	switch n := len(u.pictures); {
	case n == 0 && u.video == nil:
		return invalid("image", "no picture in the body: want 1 to %d parts of that name", want.images)
	case n > 0 && u.video != nil:
		return invalid("video", "comes with pictures: want the one or the others")
	}
	return nil
}

// close also drops the video.
func (u *upload) close() {
	u.gathering.close()
	if u.video != nil {
		u.video.Close()
	}
}

// fetched is the upload of the one picture that a URL names. The caller closes it.
func (s *Server) fetched(c echo.Context, want expected, url string) (*upload, error) {
	if s.config.Fetch == nil {
		return nil, fail(fetchDisabled, "this server fetches no URLs: its operator has not started it with --fetch")
	}
	stepOut(c)
	encoded, err := s.config.Fetch.Get(c.Request().Context(), url)
	if err == nil {
		err = begin(c)
	}
	if err != nil {
		return nil, err
	}
	up := &upload{gathering: s.gather(c, want), fields: map[string][]string{}}
	if err = up.addHeld(encoded); err == nil {
		up.pictures, err = up.wait()
	}
	if err != nil {
		up.close()
		return nil, err
	}
	return up, nil
}

// addHeld is add for a picture that did not come in the body, which counts its bytes.
func (u *upload) addHeld(encoded []byte) error {
	if err := hold(u.claim, "bytes", int64(len(encoded))); err != nil {
		return err
	}
	return u.add(encoded)
}

func (u *upload) read(c echo.Context, want expected) error {
	switch t := mediaType(c); {
	case t == "multipart/form-data":
		return u.readParts(c, want)
	case t == "application/octet-stream" || strings.HasPrefix(t, "image/"):
		return u.readImage(c.Request().Body)
	case want.video && strings.HasPrefix(t, "video/"):
		return u.readVideo(c.Request().Body)
	}
	return unsupported(c, "multipart/form-data", "image/*", "application/octet-stream")
}

func (u *upload) readParts(c echo.Context, want expected) error {
	err := eachPart(c, func(name string, content io.Reader) error {
		return u.readPart(name, u.sum.Part(name, content), want)
	})
	if err != nil {
		return u.or(err)
	}
	return nil
}

// eachPart reads a multipart body.
func eachPart(c echo.Context, read func(name string, content io.Reader) error) error {
	parts, err := c.Request().MultipartReader()
	if err != nil {
		return fail(bodyMalformed, "%v", err)
	}
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = read(part.FormName(), part)
		}
		if err != nil {
			return malformedParts(err)
		}
	}
}

func (u *upload) readPart(name string, part io.Reader, want expected) error {
	switch {
	case name == "video" && want.video && u.video == nil:
		return u.readVideo(part)
	case name == "image" && len(u.gathering.pictures) >= want.images:
		return &hashindex.LimitError{Limit: want.limit, Max: int64(want.images)}
	case name == "image":
		return u.readImage(part)
	case !slices.Contains(want.fields, name):
		return &malformed{hashindex.InputError{Field: clip(name), Reason: "unknown part; known here: " + strings.Join(append([]string{"image"}, want.fields...), ", ")}}
	case len(u.fields[name]) >= want.images:
		return invalid(name, "given more than %d times", want.images)
	}
	text, err := readAtMost(part, "field_bytes", maxField)
	u.fields[name] = append(u.fields[name], string(text))
	return err
}

func (u *upload) readVideo(from io.Reader) (err error) {
	u.video, err = u.server.spool(u.context, from)
	return err
}

func (u *upload) readImage(from io.Reader) error {
	encoded, err := readAtMost(from, "image_bytes", u.server.limits.ImageBytes)
	if err != nil {
		return u.ofNext(err)
	}
	if u.images += int64(len(encoded)); u.images > u.server.limits.BodyBytes {
		return &hashindex.LimitError{Limit: "body_bytes", Max: u.server.limits.BodyBytes}
	}
	return u.add(encoded)
}

// ofNext says that the error is with the picture that would have come next.
func (u *upload) ofNext(err error) error {
	if _, ok := errors.AsType[*hashindex.LimitError](err); ok {
		return &ofImage{err, len(u.gathering.pictures)}
	}
	return err
}

func readAtMost(from io.Reader, limit string, max int64) ([]byte, error) {
	content, err := readInto(nil, io.LimitReader(from, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > max {
		return nil, &hashindex.LimitError{Limit: limit, Max: max}
	}
	return content, nil
}

// malformedParts gives the multipart reader's own errors their kind; those of the body below it, and
// ours, have one.
func malformedParts(err error) error {
	if kindOf(err) == internalError {
		return fail(bodyMalformed, "%v", err)
	}
	if below := errors.Unwrap(err); below != nil && strings.HasPrefix(err.Error(), "multipart: ") {
		return below // whose words say more
	}
	return err
}

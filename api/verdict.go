package api

import (
	"github.com/labstack/echo/v4"

	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

// putVerdict takes JSON, or a multipart body of the part "verdict" and photos as parts "image".
func (s *Server) putVerdict(c echo.Context) error {
	id, err := referenceID(c)
	if err != nil {
		return err
	}
	asked, photos, done, err := s.readVerdict(c)
	if err != nil {
		return err
	}
	defer done()
	verdict := casework.Verdict{Finding: casework.Finding(asked.Finding), Defects: asked.Defects, Note: asked.Note}
	verdict, seq, err := s.desk.PutVerdict(c.Request().Context(), actor(c), visible(c), id, verdict, photos)
	if err != nil {
		return aboutReference(err)
	}
	answer := wireVerdict(verdict)
	answer.Seq = uint64(seq)
	return c.JSON(200, answer)
}

// readVerdict decodes the photos: what is no picture is refused. The caller calls done.
func (s *Server) readVerdict(c echo.Context) (asked wire.NewVerdict, photos [][]byte, done func(), err error) {
	if mediaType(c) == jsonType {
		return asked, nil, func() {}, s.readJSON(c, &asked)
	}
	if mediaType(c) != "multipart/form-data" {
		return asked, nil, nil, unsupported(c, jsonType, "multipart/form-data")
	}
	up, err := s.receive(c, expected{limit: "verdict_photos", images: casework.MaxPhotos, fields: []string{"verdict"}, keep: true})
	if err != nil {
		return asked, nil, nil, err
	}
	if len(up.fields["verdict"]) != 1 {
		up.close()
		return asked, nil, nil, invalid("verdict", "want one part of that name")
	}
	for _, p := range up.pictures {
		photos = append(photos, p.encoded)
	}
	if err := parseJSON([]byte(up.fields["verdict"][0]), &asked); err != nil {
		up.close()
		return asked, nil, nil, err
	}
	return asked, photos, up.close, nil
}

func wireVerdict(v casework.Verdict) wire.Verdict {
	return wire.Verdict{
		Finding: string(v.Finding), Defects: append([]string{}, v.Defects...), Note: v.Note,
		Photos: converted(v.Photos, hashindex.Digest.String), By: v.By, At: v.At,
	}
}

func (s *Server) showVerdict(c echo.Context) error {
	verdict, err := s.verdictOf(c)
	if err != nil {
		return err
	}
	return c.JSON(200, wireVerdict(verdict))
}

func (s *Server) verdictOf(c echo.Context) (casework.Verdict, error) {
	id, err := referenceID(c)
	if err != nil {
		return casework.Verdict{}, err
	}
	if _, _, err := s.reference(c, id); err != nil {
		return casework.Verdict{}, err
	}
	verdict, err := s.desk.VerdictOf(c.Request().Context(), visible(c), id)
	return verdict, aboutVerdict(err)
}

func (s *Server) showPhoto(c echo.Context) error {
	verdict, err := s.verdictOf(c)
	if err != nil {
		return err
	}
	for _, photo := range verdict.Photos {
		if photo.String() != pathParameter(c, "photo") {
			continue
		}
		encoded, err := s.index.Picture(photo)
		if err != nil {
			return aboutKinds(err, imageMissing, internalError)
		}
		return sendPicture(c, photo, encoded)
	}
	return fail(imageMissing, "the verdict has no photo %.70q", pathParameter(c, "photo"))
}

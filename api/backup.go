package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// backup streams an archive of the store. One that breaks off has no end, by which a reader knows it.
func (s *Server) backup(c echo.Context) error {
	if s.config.Backup == nil {
		return fail(backupMissing, "the store of this server is in memory")
	}
	header := c.Response().Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", `attachment; filename="touchstone.backup"`)
	header.Set("Cache-Control", "no-store")
	if c.Request().Method == http.MethodHead {
		return c.NoContent(200)
	}
	select {
	case s.backingUp <- struct{}{}:
		defer func() { <-s.backingUp }()
	default:
		return fail(overloaded, "another backup is under way")
	}
	stream := &download{c: c, conn: http.NewResponseController(c.Response().Writer), clock: bodyOf(c.Request()).clock}
	err := s.config.Backup(c.Request().Context(), stream)
	s.metrics.backup(s.config.Now(), err)
	if err == nil || !c.Response().Committed {
		return err
	}
	s.config.Log.Error("backup broken off", "err", err)
	panic(http.ErrAbortHandler) // the client must not take for whole what it has
}

// download gives a client time for each piece, however long the whole takes.
type download struct {
	c     echo.Context
	conn  *http.ResponseController
	clock *clock
}

// Write implements io.Writer.
func (d *download) Write(piece []byte) (int, error) {
	d.clock.timer.Reset(streamWrite + d.clock.work)
	d.conn.SetWriteDeadline(time.Now().Add(streamWrite))
	n, err := d.c.Response().Write(piece)
	if err != nil {
		err = fail(clientGone, "%v", err)
	}
	return n, err
}

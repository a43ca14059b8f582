package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/hashindex"
)

// flushAt is how much of an answer is gathered before some is sent: an answer may be ten thousand times
// a thousand matches.
const flushAt = 256 << 10

// hashAnswer writes a wire.MatchHashAnswer piece by piece, in the bytes of encoding/json.
type hashAnswer struct {
	c     echo.Context
	out   []byte
	begun bool // the first result is in out
	sent  bool // the status and a part of the answer are on their way
}

// add appends a result, and sends what there is once it is enough.
func (a *hashAnswer) add(seq hashindex.Seq, matches []hashindex.HashMatch) error {
	if a.begun {
		a.out = append(a.out, ',')
	} else {
		a.begin(seq)
	}
	a.out = append(a.out, `{"matches":`...)
	a.out = append(appendHashMatches(a.out, matches), '}')
	if len(a.out) < flushAt {
		return nil
	}
	return a.flush()
}

func (a *hashAnswer) begin(seq hashindex.Seq) {
	a.begun = true
	a.out = append(a.out, `{"seq":`...)
	a.out = strconv.AppendUint(a.out, uint64(seq), 10)
	a.out = append(a.out, `,"results":[`...)
}

func (a *hashAnswer) flush() error {
	if !a.sent {
		a.sent = true
		a.c.Response().Header().Set("Content-Type", jsonType)
		a.c.Response().WriteHeader(http.StatusOK)
	}
	a.conn().SetWriteDeadline(time.Now().Add(streamWrite))
	_, err := a.c.Response().Write(a.out)
	a.out = a.out[:0]
	if err != nil {
		return fail(clientGone, "%v", err)
	}
	return nil
}

func (a *hashAnswer) conn() *http.ResponseController {
	return http.NewResponseController(a.c.Response().Writer)
}

// end sends the rest of the answer, or breaks it off: a client must not take a part for the whole.
func (a *hashAnswer) end(seq hashindex.Seq, err error) error {
	if err != nil {
		if a.sent {
			a.conn().SetWriteDeadline(time.Now())
		}
		return err
	}
	if !a.begun {
		a.begin(seq)
	}
	a.out = append(a.out, "]}\n"...)
	if !a.sent {
		a.c.Response().Header().Set("Content-Length", strconv.Itoa(len(a.out)))
	}
	return a.flush()
}

// appendHashLine appends a wire.MatchHashLine that is a result.
func appendHashLine(out []byte, seq hashindex.Seq, matches []hashindex.HashMatch) []byte {
	out = append(out, '{')
	if seq > 0 {
		out = append(out, `"seq":`...)
		out = strconv.AppendUint(out, uint64(seq), 10)
		out = append(out, ',')
	}
	out = append(out, `"matches":`...)
	return append(appendHashMatches(out, matches), "}\n"...)
}

func appendHashMatches(out []byte, matches []hashindex.HashMatch) []byte {
	out = append(out, '[')
	for i, m := range matches {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"reference_id":"`...)
		out = strconv.AppendUint(out, uint64(m.Reference), 10)
		out = append(out, `","external_id":`...)
		out = appendText(out, m.ExternalID)
		out = append(out, `,"collection":`...)
		out = appendText(out, m.Collection)
		out = append(out, `,"distance":`...)
		out = strconv.AppendInt(out, int64(m.Distance), 10)
		out = append(out, '}')
	}
	return append(out, ']')
}

// appendText leaves whatever needs an escape to encoding/json.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		switch b := text[i]; {
		case b < ' ' || b > '~', b == '"', b == '\\', b == '<', b == '>', b == '&':
			escaped, _ := json.Marshal(text) // no text fails
			return append(out, escaped...)
		}
	}
	out = append(out, '"')
	out = append(out, text...)
	return append(out, '"')
}

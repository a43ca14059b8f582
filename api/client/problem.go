package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"touchstone/api/wire"
)

// Problem is a request that the server refused, in its own words.
type Problem struct {
	wire.Problem
	RetryAfter time.Duration // when to come back; 0: the server did not say
}

// Error says what is wrong, and what to do where the server named a limit or a time.
func (p *Problem) Error() string {
	text := cmp.Or(p.Detail, strings.ToLower(p.Title), p.Code, http.StatusText(p.Status))
	if p.Limit != "" && !strings.Contains(text, p.Limit) {
		text += fmt.Sprintf(" (limit %s: %d)", p.Limit, p.Max)
	}
	if p.RetryAfter > 0 {
		text += fmt.Sprintf("; try again in %s", p.RetryAfter)
	}
	return text
}

// maxProblem bounds what is read of an error's body, which any proxy may have written.
const maxProblem = 64 << 10

// readProblem makes a problem of any answer that is an error.
func readProblem(response *http.Response) *Problem {
	p := &Problem{RetryAfter: retryAfter(response.Header.Get("Retry-After"))}
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem)) // half a body is still worth showing
	if json.Unmarshal(text, &p.Problem) != nil || p.Code == "" {
		p.Problem = wire.Problem{
			Title:  http.StatusText(response.StatusCode),
			Detail: strings.TrimSpace(fmt.Sprintf("%s %.200s", response.Status, text)),
		}
	}
	p.Status = response.StatusCode
	return p
}

// retryAfter reads seconds; our server writes no dates.
func retryAfter(text string) time.Duration {
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

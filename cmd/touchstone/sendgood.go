package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"touchstone/api/client"
)

// sendGood sends the items together. When the server refuses one of them, refuse hears of it, and
// those before and after it are sent without it: one bad picture never spoils its batch.
func sendGood[T any](items []T, send func([]T) error, refuse func(T, *client.Problem)) error {
	if len(items) == 0 {
		return nil
	}
	err := send(items)
	problem, bad := culprit(err, len(items))
	if bad < 0 {
		return err
	}
	if bad < len(items) {
		refuse(items[bad], problem)
		return errors.Join(sendGood(items[:bad], send, refuse), sendGood(items[bad+1:], send, refuse))
	}
	half := len(items) / 2
	return errors.Join(sendGood(items[:half], send, refuse), sendGood(items[half:], send, refuse))
}

// culprit is the place of the picture that the problem is about: -1 when it is about none, and the
// number of pictures when it is about all of them together.
func culprit(err error, sent int) (*client.Problem, int) {
	problem, ok := errors.AsType[*client.Problem](err)
	switch {
	case !ok:
		return nil, -1
	case problem.Image != nil && *problem.Image >= 0 && *problem.Image < sent:
		return alone(problem), *problem.Image
	case sent > 1 && dividing(problem):
		return problem, sent
	case sent == 1 && aboutPicture(problem):
		return problem, 0
	}
	return problem, -1
}

// alone is the problem without the picture's place in a request that nobody sees.
func alone(problem *client.Problem) *client.Problem {
	own := *problem
	own.Detail = strings.TrimPrefix(own.Detail, fmt.Sprintf("image %d: ", *problem.Image))
	return &own
}

// dividing reports whether fewer pictures at a time may be accepted.
func dividing(problem *client.Problem) bool {
	return problem.Code == "timeout" || aboutPicture(problem)
}

// aboutPicture reports whether another picture in its place could have been accepted.
func aboutPicture(problem *client.Problem) bool {
	return strings.HasPrefix(problem.Code, "image_") || problem.Code == "reference_exists" || problem.Field == "external_id" ||
		problem.Status == http.StatusRequestEntityTooLarge
}

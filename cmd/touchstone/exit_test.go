package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

func TestEachErrorHasItsExitCode(t *testing.T) {
	problem := func(status int, code string) error {
		return &client.Problem{Problem: wire.Problem{Status: status, Code: code}}
	}
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errNoMatch, exitNoMatch},
		{usageError{errors.New("x"), "touchstone"}, exitUsage},
		{errRefused, exitInput},
		{&hashindex.InputError{Field: "pdq"}, exitInput},
		{fs.ErrNotExist, exitInput},
		{problem(400, "input_invalid"), exitInput},
		{problem(409, "collection_exists"), exitInput},
		{problem(404, "reference_not_found"), exitNotFound},
		{hashindex.ErrNotFound, exitNotFound},
		{hashindex.ErrLocked, exitStore},
		{hashindex.ErrDamaged, exitStore},
		{hashindex.ErrNewer, exitStore},
		{hashindex.ErrNotOurs, exitStore},
		{problem(500, "storage_damaged"), exitStore},
		{client.ErrUnreachable, exitUnavailable},
		{problem(503, "overloaded"), exitUnavailable},
		{problem(500, "internal_error"), exitUnavailable},
		{errDamage, exitDamage},
		{problem(507, "storage_full"), exitOther},
		{errors.New("anything"), exitOther},
		{context.Canceled, exitInterrupted},
	} {
		for _, err := range []error{test.err, wrapped(test.err)} {
			if got := exitCode(err); got != test.want {
				t.Errorf("%v: exit code %d, want %d", err, got, test.want)
			}
		}
	}
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("file: %w", err), nil)
}

func TestEachExitCodeIsExplainedOnce(t *testing.T) {
	seen := map[int]bool{}
	for _, each := range exitCodes {
		if seen[each.code] || each.meaning == "" {
			t.Errorf("exit code %d", each.code)
		}
		seen[each.code] = true
	}
	for _, each := range exitsOf {
		if !seen[each.code] {
			t.Errorf("exit code %d of %v is not explained", each.code, each.is)
		}
	}
}

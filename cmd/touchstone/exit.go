package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/fetch"
	"touchstone/api/hls"
	"touchstone/hashindex"
)

// The exit codes are part of the contract: scripts branch on them.
const (
	exitOK          = 0
	exitNoMatch     = 1
	exitUsage       = 2
	exitInput       = 3
	exitNotFound    = 4
	exitStore       = 5
	exitUnavailable = 6
	exitDamage      = 7
	exitOther       = 8
	exitInterrupted = 130
)

// exitCodes is the table that `touchstone help exit-codes` prints.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{exitOK, "success; for match and compare: at least one picture matches"},
	{exitNoMatch, "no picture matches (match, compare), or the demo did not go as it should"},
	{exitUsage, "wrong usage: unknown verb, flag or argument"},
	{exitInput, "bad input: a picture, list, value or key was refused; the other pictures were dealt with"},
	{exitNotFound, "no such store, collection or reference"},
	{exitStore, "the store cannot be used: locked by another process, damaged, written by a newer version, or not ours"},
	{exitUnavailable, "the server cannot be reached, is overloaded or asked too much, or failed"},
	{exitDamage, "check, dump or verify found damage"},
	{exitOther, "anything else, such as a full disk, or what doctor found to be bad"},
	{exitInterrupted, "interrupted; what was acknowledged stays"},
}

// Results that are no errors, but have an exit code.
var (
	errNoMatch  = errors.New("no match")
	errRefused  = errors.New("refused") // already reported, piece by piece
	errDamage   = errors.New("damage found")
	errSurprise = errors.New("the demo did not go as it should")
)

// usageError is a verb called wrongly.
type usageError struct {
	error
	verb string
}

func (e usageError) Unwrap() error { return e.error }

// interruptedError is work that was interrupted, with what became of it.
type interruptedError string

func (e interruptedError) Error() string { return "interrupted: " + string(e) }
func (interruptedError) Unwrap() error   { return context.Canceled }

// exitsOf is searched from the top: the first error that err is decides.
var exitsOf = []struct {
	is   error
	code int
}{
	{context.Canceled, exitInterrupted},
	{errNoMatch, exitNoMatch}, {errSurprise, exitNoMatch},
	{errRefused, exitInput}, {errDamage, exitDamage},
	{fetch.ErrRefused, exitInput}, {hls.ErrPlaylist, exitInput}, {fetch.ErrFailed, exitUnavailable}, {hls.ErrSilent, exitUnavailable},
	{client.ErrUnreachable, exitUnavailable}, {context.DeadlineExceeded, exitUnavailable},
	{hashindex.ErrLocked, exitStore}, {hashindex.ErrDamaged, exitStore}, {hashindex.ErrNewer, exitStore},
	{hashindex.ErrNotOurs, exitStore}, {hashindex.ErrReadOnly, exitStore},
	{hashindex.ErrNotFound, exitNotFound},
	{hashindex.ErrInvalid, exitInput}, {hashindex.ErrExists, exitInput}, {fs.ErrNotExist, exitInput}, {fs.ErrPermission, exitInput},
}

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		return exitOfProblem(problem)
	}
	for _, each := range exitsOf {
		if errors.Is(err, each.is) {
			return each.code
		}
	}
	return exitOther
}

func exitOfProblem(problem *client.Problem) int {
	switch {
	case problem.Code == "storage_full":
		return exitOther
	case strings.HasPrefix(problem.Code, "storage_"):
		return exitStore
	case problem.Status == http.StatusNotFound:
		return exitNotFound
	case problem.Status >= 500 || problem.Status == http.StatusTooManyRequests:
		return exitUnavailable
	}
	return exitInput
}

// explain prints the error, then what to try.
func (a *app) explain(err error) {
	if err == nil || errors.Is(err, errNoMatch) {
		return
	}
	if _, told := errors.AsType[interruptedError](err); errors.Is(err, context.Canceled) && !told {
		err = interruptedError("nothing more was done")
	}
	fmt.Fprintln(a.stderr, "touchstone:", err)
	if hint := a.hint(err); hint != "" {
		fmt.Fprintln(a.stderr, "Try:", hint)
	}
}

func (a *app) hint(err error) string {
	usage, wrongUsage := errors.AsType[usageError](err)
	problem, refused := errors.AsType[*client.Problem](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case wrongUsage:
		return usage.verb + " --help"
	case errors.Is(err, hashindex.ErrLocked):
		return "if a server has this folder open, ask it: --server http://" + defaultListen
	case errors.Is(err, hashindex.ErrNotFound):
		return "name the folder with --data, or make one: touchstone import --collection NAME --purpose brand FOLDER"
	case errors.Is(err, hashindex.ErrDamaged):
		return "touchstone check says what is damaged; restore the folder from a backup"
	case errors.Is(err, hashindex.ErrNewer):
		return "run the version that wrote it"
	case errors.Is(err, hashindex.ErrNotOurs):
		return "name another folder with --data"
	case untrusted:
		return "name the authority that signed its certificate: SSL_CERT_FILE=authority.pem touchstone ..."
	case errors.Is(err, fetch.ErrRefused):
		return "--fetch-allow and --fetch-port name networks and ports that may be reached though they are not public"
	case errors.Is(err, client.ErrUnreachable):
		return "start one with touchstone serve, or work on a folder with --data instead of --server"
	case refused && problem.Code == "unauthorized":
		return "name the key with --key or TOUCHSTONE_KEY; touchstone keys create --data FOLDER makes one while no server has the folder open"
	case refused && problem.Code == "collection_not_found":
		return "touchstone collections list shows what there is; create makes a new one"
	}
	return ""
}

func exitCodesTopic() *cobra.Command {
	var table strings.Builder
	fmt.Fprintln(&table, "Exit codes:")
	for _, each := range exitCodes {
		fmt.Fprintf(&table, "  %3d  %s\n", each.code, each.meaning)
	}
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: strings.TrimSpace(table.String())}
}

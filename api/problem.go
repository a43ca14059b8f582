package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/fetch"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
	"touchstone/hashindex/watch"
)

// kind is one way for a request to fail. Its code never changes; openapi.yaml lists them all.
type kind struct {
	code   string
	status int
	title  string
	retry  int // seconds after which to try again; 0: do not
}

var (
	inputInvalid      = kind{"input_invalid", 400, "A value of the request is out of bounds", 0}
	bodyMalformed     = kind{"body_malformed", 400, "The body cannot be read", 0}
	unauthorized      = kind{"unauthorized", 401, "A key is needed that opens this server", 0}
	forbidden         = kind{"forbidden", 403, "The key is not good for this", 0}
	crossOrigin       = kind{"cross_origin", 403, "Pages of other sites may not call this server", 0}
	routeNotFound     = kind{"route_not_found", 404, "There is no such route", 0}
	collectionMissing = kind{"collection_not_found", 404, "There is no such collection", 0}
	referenceMissing  = kind{"reference_not_found", 404, "There is no such reference", 0}
	keyMissing        = kind{"key_not_found", 404, "There is no such key", 0}
	holderMissing     = kind{"holder_not_found", 404, "There is no such holder", 0}
	rightMissing      = kind{"right_not_found", 404, "There is no such right", 0}
	licenceMissing    = kind{"licence_not_found", 404, "There is no such licence", 0}
	hitMissing        = kind{"hit_not_found", 404, "There is no such hit", 0}
	verdictMissing    = kind{"verdict_not_found", 404, "The reference has no verdict", 0}
	quarantineMissing = kind{"quarantine_not_found", 404, "Nothing of that name is quarantined", 0}
	moveRefused       = kind{"transition_not_allowed", 409, "What it is does not allow that", 0}
	imageMissing      = kind{"image_not_found", 404, "The reference has no picture", 0}
	fetchDisabled     = kind{"fetch_disabled", 403, "This server fetches no URLs", 0}
	noticeMissing     = kind{"notice_not_found", 404, "There is no such notice", 0}
	webhookMissing    = kind{"webhook_not_found", 404, "There is no such webhook", 0}
	streamMissing     = kind{"stream_not_found", 404, "There is no such stream", 0}
	methodNotAllowed  = kind{"method_not_allowed", 405, "The route does not know this method", 0}
	bodyTooSlow       = kind{"body_too_slow", 408, "The body did not arrive in time", 0}
	collectionExists  = kind{"collection_exists", 409, "The collection is there already", 0}
	referenceExists   = kind{"reference_exists", 409, "The external id is taken", 0}
	collectionFilled  = kind{"collection_not_empty", 409, "The collection holds references", 0}
	recipeMismatch    = kind{"recipe_mismatch", 409, "The fingerprint is of another recipe", 0}
	streamEnded       = kind{"stream_ended", 409, "The stream has ended", 0}
	keyBusy           = kind{"idempotency_key_busy", 409, "The first request with this key is under way", 1}
	limitExceeded     = kind{"limit_exceeded", 413, "The request is over a limit", 0}
	typeUnsupported   = kind{"content_type_unsupported", 415, "The route does not read this content type", 0}
	encodedBody       = kind{"content_encoding_unsupported", 415, "Bodies are read as they are, not compressed", 0}
	imageEmpty        = kind{string(hashindex.EmptyImage), 422, "The picture is empty", 0}
	imageUnsupported  = kind{string(hashindex.UnsupportedFormat), 422, "The picture is in no format that is read here", 0}
	imageTruncated    = kind{string(hashindex.TruncatedImage), 422, "The picture is cut short", 0}
	imageCorrupt      = kind{string(hashindex.CorruptImage), 422, "The picture is damaged", 0}
	imageUndecodable  = kind{string(hashindex.UndecodableImage), 422, "The picture breaks its decoder, or takes it too long", 0}
	urlRefused        = kind{"url_refused", 422, "The URL may not be fetched", 0}
	urlFailed         = kind{"url_failed", 422, "The URL answers with no document", 0}
	keyReused         = kind{"idempotency_key_reused", 422, "The key belongs to a request for something else", 0}
	rateLimited       = kind{"rate_limited", 429, "The client asks for more than its share", 1}
	videoEmpty        = kind{string(hashindex.EmptyVideo), 422, "The video is empty", 0}
	videoUnsupported  = kind{string(hashindex.UnsupportedVideo), 422, "The video is in no format that is read here", 0}
	videoTruncated    = kind{string(hashindex.TruncatedVideo), 422, "The video is cut short", 0}
	videoCorrupt      = kind{string(hashindex.CorruptVideo), 422, "The video cannot be decoded", 0}
	videoUndecodable  = kind{string(hashindex.VideoUndecodable), 501, "This server decodes no videos", 0}
	clientGone        = kind{"client_gone", 499, "The client went away", 0}
	internalError     = kind{"internal_error", 500, "Internal error", 0}
	storageDamaged    = kind{"storage_damaged", 500, "What is stored is damaged", 0}
	backupMissing     = kind{"backup_unavailable", 501, "There is nothing to back up", 0}
	notReady          = kind{"not_ready", 503, "The searchers are still loading", 1}
	stopping          = kind{"stopping", 503, "The server is stopping", 5}
	overloaded        = kind{"overloaded", 503, "The server has more to do than it can", 1}
	timedOut          = kind{"timeout", 503, "The request took too long", 1}
	storageReadOnly   = kind{"storage_read_only", 503, "The store takes no writes", 60}
	storageFailed     = kind{"storage_failed", 503, "The disk answers with errors", 10}
	storageFull       = kind{"storage_full", 507, "The disk is full", 60}
)

// kinds lists all of them.
var kinds = []kind{
	inputInvalid, bodyMalformed, unauthorized, forbidden, crossOrigin, routeNotFound, collectionMissing, referenceMissing,
	keyMissing, noticeMissing, webhookMissing, imageMissing, streamMissing, streamEnded, rateLimited, fetchDisabled, urlRefused, urlFailed,
	methodNotAllowed, bodyTooSlow, collectionExists, referenceExists, collectionFilled, recipeMismatch, keyBusy, limitExceeded,
	typeUnsupported, encodedBody, imageEmpty, imageUnsupported, imageTruncated, imageCorrupt, imageUndecodable, videoEmpty, videoUnsupported,
	videoTruncated, videoCorrupt, videoUndecodable, keyReused, clientGone, internalError,
	holderMissing, rightMissing, licenceMissing, hitMissing, verdictMissing, quarantineMissing, moveRefused,
	storageDamaged, backupMissing, notReady, stopping, overloaded, timedOut, storageReadOnly, storageFailed, storageFull,
}

// failure is an error of this package that knows its kind.
type failure struct {
	kind
	detail string

	limit string // at /v1/limits or of the key; may be empty
	max   int64
	after time.Duration // when to try again; 0: as the kind says
}

func (f *failure) Error() string { return f.detail }

func fail(k kind, format string, args ...any) error {
	return &failure{kind: k, detail: fmt.Sprintf(format, args...)}
}

// about says which kinds the sentinels of err mean: "not found" alone does not say what.
type about struct {
	error
	missing, exists kind
}

func (a *about) Unwrap() error { return a.error }

func aboutCollection(err error) error { return aboutKinds(err, collectionMissing, collectionExists) }
func aboutReference(err error) error  { return aboutKinds(err, referenceMissing, referenceExists) }

func aboutStream(err error) error { return aboutKinds(err, streamMissing, internalError) }

func aboutWebhook(err error) error { return aboutKinds(err, webhookMissing, internalError) }

// aboutAddition is for adding references: the collection may be missing and a reference be there.
func aboutAddition(err error) error { return aboutKinds(err, collectionMissing, referenceExists) }

func aboutKinds(err error, missing, exists kind) error {
	if err == nil {
		return nil
	}
	return &about{err, missing, exists}
}

// ofImage is an error with one picture of several.
type ofImage struct {
	error
	n int
}

func (e *ofImage) Unwrap() error { return e.error }

// kindOf is the one table from errors to problems.
func kindOf(err error) kind {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.kind
	}
	if _, ok := errors.AsType[*malformed](err); ok {
		return bodyMalformed
	}
	if d, ok := errors.AsType[*hashindex.DecodeError](err); ok {
		return kindOfDecode(d.Reason)
	}
	if _, ok := errors.AsType[*hashindex.LimitError](err); ok {
		return limitExceeded
	}
	a, ok := errors.AsType[*about](err)
	if !ok {
		a = &about{missing: internalError, exists: internalError}
	}
	for _, row := range []struct {
		sentinel error
		kind     kind
	}{
		{hashindex.ErrInvalid, inputInvalid},
		{casework.ErrMove, moveRefused},
		{hashindex.ErrNotFound, a.missing},
		{hashindex.ErrExists, a.exists},
		{hashindex.ErrNotEmpty, collectionFilled},
		{hashindex.ErrRecipe, recipeMismatch},
		{hashindex.ErrUndecoded, imageCorrupt},
		{fetch.ErrRefused, urlRefused},
		{fetch.ErrFailed, urlFailed},
		{watch.ErrEnded, streamEnded},
		{hashindex.ErrNotReady, notReady},
		{hashindex.ErrBusy, overloaded},
		{hashindex.ErrClosed, stopping},
		{hashindex.ErrReadOnly, storageReadOnly},
		{hashindex.ErrDamaged, storageDamaged},
		{context.DeadlineExceeded, timedOut},
		{context.Canceled, clientGone},
		{syscall.ENOSPC, storageFull},
		{syscall.EDQUOT, storageFull},
		{syscall.EFBIG, storageFull},
		{syscall.EROFS, storageReadOnly},
	} {
		if errors.Is(err, row.sentinel) {
			return row.kind
		}
	}
	return kindOfSystem(err)
}

func kindOfDecode(reason hashindex.DecodeReason) kind {
	for _, k := range []kind{imageEmpty, imageUnsupported, imageTruncated, imageUndecodable, videoEmpty, videoUnsupported, videoTruncated, videoCorrupt, videoUndecodable} {
		if k.code == string(reason) {
			return k
		}
	}
	return imageCorrupt
}

// kindOfSystem tells the disk's errors from those that nobody foresaw. Errors of the connection
// never get here: body turns them into failures.
func kindOfSystem(err error) kind {
	_, path := errors.AsType[*fs.PathError](err)
	_, errno := errors.AsType[syscall.Errno](err)
	if path || errno {
		return storageFailed
	}
	return internalError
}

// problemOf is what the client is told of err. Of an error on our side it learns the title only:
// the rest may name paths.
func problemOf(err error) wire.Problem {
	k := kindOf(err)
	p := wire.Problem{Type: "/docs#" + k.code, Title: k.title, Status: k.status, Code: k.code}
	if k.status < 500 || isFailure(err) {
		p.Detail = clip(err.Error())
	}
	if e, ok := errors.AsType[*hashindex.InputError](err); ok {
		p.Field = clip(e.Field)
	}
	if e, ok := errors.AsType[*hashindex.LimitError](err); ok {
		p.Limit, p.Max = e.Limit, e.Max
	}
	if f, ok := errors.AsType[*failure](err); ok && f.limit != "" {
		p.Limit, p.Max = f.limit, f.max
	}
	if e, ok := errors.AsType[*ofImage](err); ok {
		p.Image = &e.n
		p.Detail = clip(fmt.Sprintf("image %d: %v", e.n, err))
	}
	aboutMove(&p, err)
	return p
}

func isFailure(err error) bool {
	_, ok := errors.AsType[*failure](err)
	return ok
}

// retryOf is how many seconds after err it is worth trying again; 0: do not.
func retryOf(err error) int {
	if f, ok := errors.AsType[*failure](err); ok && f.after > 0 {
		return seconds(f.after)
	}
	return kindOf(err).retry
}

// clip keeps what a client sent from coming back at length, or as anything but text.
func clip(text string) string {
	const longest = 500
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

func writeProblem(c echo.Context, p wire.Problem, retry int) {
	header := c.Response().Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="touchstone"`)
	}
	if retry > 0 {
		header.Set("Retry-After", fmt.Sprint(retry))
	}
	c.Response().WriteHeader(p.Status)
	json.NewEncoder(c.Response()).Encode(p) // a client that is gone reads no problem
}

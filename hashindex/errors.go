package hashindex

import (
	"errors"
	"fmt"
)

// The sentinels say who can mend it. They arrive wrapped with the thing that failed.
var (
	ErrInvalid   = errors.New("invalid input")               // the caller: change the request
	ErrNotFound  = errors.New("not found")                   // the caller: no such thing
	ErrExists    = errors.New("already exists")              // the caller: the name is taken
	ErrNotEmpty  = errors.New("not empty")                   // the caller: remove what it holds first
	ErrRecipe    = errors.New("of another recipe")           // the caller: fingerprint again with this recipe (I4)
	ErrNotReady  = errors.New("still loading")               // time: ask again
	ErrBusy      = errors.New("more to do than can be done") // time: ask again, or for less
	ErrNotOurs   = errors.New("not a touchstone store")      // the operator: wrong file
	ErrNewer     = errors.New("written by a newer version")  // the operator: run that version
	ErrDamaged   = errors.New("damaged")                     // the operator: restore from a backup
	ErrLocked    = errors.New("in use by another process")   // the operator: stop it, or ask its server
	ErrReadOnly  = errors.New("opened read-only")            // the operator
	ErrClosed    = errors.New("closed")                      // nobody: the index is shutting down
	ErrUndecoded = errors.New("picture refused")             // the caller: not a picture we can or will decode
)

// InputError is an ErrInvalid that names the field.
type InputError struct {
	Field  string // the JSON name or the column
	Reason string
}

func (e *InputError) Error() string { return e.Field + ": " + e.Reason }
func (e *InputError) Unwrap() error { return ErrInvalid }

// LimitError is an ErrInvalid that names the limit, so that the caller knows what would fit.
type LimitError struct {
	Limit string // its name at /v1/limits, such as "image_bytes"
	Max   int64
	Got   int64 // the size found; 0 when reading stopped at the limit
}

func (e *LimitError) Error() string {
	if e.Got == 0 {
		return fmt.Sprintf("more than the limit %s of %d", e.Limit, e.Max)
	}
	return fmt.Sprintf("%d is more than the limit %s of %d", e.Got, e.Limit, e.Max)
}
func (e *LimitError) Unwrap() error { return ErrInvalid }

// DecodeError is an ErrUndecoded with a stable reason.
type DecodeError struct {
	Reason DecodeReason
	Detail string
}

// DecodeReason says why a picture was refused; its text is the problem code.
type DecodeReason string

const (
	EmptyImage        DecodeReason = "image_empty"
	UnsupportedFormat DecodeReason = "image_format_unsupported"
	TruncatedImage    DecodeReason = "image_truncated"
	CorruptImage      DecodeReason = "image_corrupt"
	UndecodableImage  DecodeReason = "image_undecodable" // its decoder was stopped, or broke

	EmptyVideo       DecodeReason = "video_empty"
	UnsupportedVideo DecodeReason = "video_format_unsupported"
	TruncatedVideo   DecodeReason = "video_truncated"
	CorruptVideo     DecodeReason = "video_corrupt"
	VideoUndecodable DecodeReason = "video_undecodable" // there is no decoder on this machine
)

func (e *DecodeError) Error() string { return e.Detail }
func (e *DecodeError) Unwrap() error { return ErrUndecoded }

func invalid(field, format string, args ...any) error {
	return &InputError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

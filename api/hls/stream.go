// Package hls pulls a live or recorded stream that is published as HTTP Live Streaming (RFC 8216): a
// playlist, read again and again while it grows, of pieces of video of a few seconds each.
//
// Everything is fetched through the guard of package fetch, which judges each address that a playlist names,
// and each redirect, as it judged the first: a playlist leads nowhere else than a client's URL may. What is
// held at a time is one playlist and one piece, each of bounded size; a stream as a whole is bounded by the
// time and the number of pieces, whatever its playlist says. Encrypted streams, and playlists of playlists of
// playlists, are refused.
package hls

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"touchstone/api/fetch"
)

// ErrPlaylist is a playlist that is not played, whoever serves it.
var ErrPlaylist = errors.New("the playlist is not played")

// ErrSilent is a stream that has had nothing new, or could not be fetched, for too long.
var ErrSilent = errors.New("the stream is silent")

// Limits bound one stream. The zero value of a field stands for its default.
type Limits struct {
	Length time.Duration // that is played; 24 hours
	Pieces int           // that are played; 100,000
	Silent time.Duration // without anything new, before the stream counts as over; 1 minute
	Tries  int           // of fetching one document that fails; 4
}

func (l Limits) withDefaults() Limits {
	return Limits{cmp.Or(l.Length, 24*time.Hour), cmp.Or(l.Pieces, 100_000), cmp.Or(l.Silent, time.Minute), cmp.Or(l.Tries, 4)}
}

// Wait waits, or ends with the error of ctx.
type Wait func(context.Context, time.Duration) error

// Stream is followed from one piece to the next. It is used by one goroutine at a time.
type Stream struct {
	fetcher *fetch.Fetcher
	limits  Limits
	wait    Wait
	address string // of the media playlist

	list   playlist
	next   uint64        // the number of the piece to play next
	at     time.Duration // where it begins
	pieces int           // that were played, or skipped
	lost   int           // in a row, that could not be fetched
	before place         // what was fetched last to stand before pieces,
	head   []byte        // and its bytes
}

// Piece is a short video.
type Piece struct {
	At     time.Duration // of the stream, where it begins
	Length time.Duration // as the playlist has it
	Bytes  []byte
}

// liveEdge is how many target durations before its end a stream that goes on is joined (RFC 8216, 6.3.3).
const liveEdge = 3

// Open begins to follow the stream whose playlist has been fetched from its address.
func Open(ctx context.Context, fetcher *fetch.Fetcher, document fetch.Document, limits Limits, wait Wait) (*Stream, error) {
	s := &Stream{fetcher: fetcher, limits: limits.withDefaults(), wait: wait, address: document.URL}
	list, err := read(document)
	if err != nil {
		return nil, err
	}
	if list.variant != "" {
		s.address = list.variant
		if list, err = s.reload(ctx); err != nil {
			return nil, err
		}
	}
	s.list, s.next = list, list.first
	if !list.whole {
		s.next += uint64(list.edge())
	}
	return s, nil
}

// edge is the piece at which to join, as it is counted in the list.
func (p playlist) edge() int {
	left := liveEdge * p.target
	n := len(p.pieces)
	for n > 0 && left >= p.pieces[n-1].length {
		n--
		left -= p.pieces[n].length
	}
	return min(n, max(0, len(p.pieces)-1))
}

// Next is the next piece, waited for if need be. io.EOF when the stream has ended; ErrSilent; ErrPlaylist; or
// the error of package fetch for an address that may not be fetched, or a document that is too long.
func (s *Stream) Next(ctx context.Context) (Piece, error) {
	for {
		each, there, err := s.coming(ctx)
		if err != nil {
			return Piece{}, err
		}
		if s.at+each.length > s.limits.Length || s.pieces == s.limits.Pieces {
			return Piece{}, fmt.Errorf("%w: longer than %v or %d segments", ErrPlaylist, s.limits.Length, s.limits.Pieces)
		}
		at := s.at
		s.at, s.next, s.pieces = s.at+each.length, s.next+1, s.pieces+1
		if !there || each.gap {
			continue
		}
		document, err := s.fetch(ctx, each)
		switch {
		case err == nil:
			s.lost = 0
			return Piece{at, each.length, document}, nil
		case !errors.Is(err, fetch.ErrFailed):
			return Piece{}, err
		}
		if s.lost++; s.lost == s.limits.Tries {
			return Piece{}, fmt.Errorf("%w: %d segments in a row cannot be fetched, the last one: %w", ErrSilent, s.lost, err)
		}
	}
}

// coming is the piece to play next; not there: it went by before it could be fetched, and lasts as long as
// pieces do.
func (s *Stream) coming(ctx context.Context) (piece, bool, error) {
	silent := time.Duration(0)
	for {
		n := len(s.list.pieces)
		switch {
		case s.next < s.list.first && s.list.first-s.next < uint64(s.limits.Pieces):
			return piece{length: max(s.list.target, time.Second)}, false, nil
		case s.next >= s.list.first && s.next-s.list.first < uint64(n):
			return s.list.pieces[s.next-s.list.first], true, nil
		case s.list.ended:
			return piece{}, false, io.EOF
		case silent >= s.limits.Silent:
			return piece{}, false, fmt.Errorf("%w: nothing new for %v", ErrSilent, silent)
		}
		pause := min(max(s.list.target/2, time.Second), 15*time.Second)
		if err := s.wait(ctx, pause); err != nil {
			return piece{}, false, err
		}
		silent += pause
		list, err := s.reload(ctx)
		switch {
		case err != nil:
			return piece{}, false, err
		case list.first+uint64(len(list.pieces)) < s.next || list.first > s.next+uint64(s.limits.Pieces):
			s.next = list.first + uint64(list.edge()) // the server has begun to count anew
		}
		s.list = list
	}
}

func (s *Stream) reload(ctx context.Context) (playlist, error) {
	document, err := s.patiently(ctx, place{address: s.address})
	if err != nil {
		return playlist{}, err
	}
	list, err := read(document)
	if err == nil && list.variant != "" {
		err = refuse("it names playlists, and was itself named by one")
	}
	return list, err
}

// fetch is the piece's bytes, behind what must stand before them.
func (s *Stream) fetch(ctx context.Context, each piece) ([]byte, error) {
	if each.before != s.before {
		head, err := s.patiently(ctx, each.before)
		if err != nil {
			return nil, err
		}
		s.before, s.head = each.before, head.Bytes
	}
	body, err := s.patiently(ctx, each.place)
	if err != nil || s.before.address == "" {
		return body.Bytes, err
	}
	return append(s.head[:len(s.head):len(s.head)], body.Bytes...), nil
}

// patiently fetches, and tries again what fails.
func (s *Stream) patiently(ctx context.Context, from place) (fetch.Document, error) {
	if from.address == "" {
		return fetch.Document{}, nil
	}
	for n := 1; ; n++ {
		document, err := s.fetcher.Part(ctx, from.address, from.part)
		if err == nil || !errors.Is(err, fetch.ErrFailed) || n == s.limits.Tries {
			return document, err
		}
		if err := s.wait(ctx, time.Duration(n)*time.Second); err != nil {
			return fetch.Document{}, err
		}
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"touchstone/api/fetch"
	"touchstone/api/hls"
	"touchstone/api/wire"
	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/video"
)

// fetchedVideo bounds what is fetched at once: a video, or a piece of a stream.
var fetchedVideo = fetch.Config{Bytes: 64 << 20, Time: 30 * time.Second}

// pieceLimits bound one piece of a stream, which is decoded before it is played.
var pieceLimits = video.Limits{Length: 2 * time.Minute, Wall: 2 * time.Minute, Frames: 1000}

// maxDamaged is how many pieces in a row cannot be decoded before the stream is given up.
const maxDamaged = 5

func (a *app) watchURL(ctx context.Context, address string, reach reach, opened wire.NewStream, fast bool) error {
	fetcher, err := reach.fetcher(fetchedVideo)
	if err != nil {
		return usageError{err, "touchstone watch"}
	}
	document, err := fetcher.Part(ctx, address, fetch.Span{})
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if !hls.IsPlaylist(document.Bytes) {
		return a.watch(ctx, opened, fast, func(p *player) error { return p.playVideo(ctx, inMemory(document.Bytes)) })
	}
	stream, err := hls.Open(ctx, fetcher, document, hls.Limits{}, wait)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return a.watch(ctx, opened, fast, func(p *player) error {
		if err := p.pull(ctx, stream); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
		return nil
	})
}

func inMemory(encoded []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(encoded), 0, int64(len(encoded)))
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pull plays piece after piece. One that is damaged is left out, and said so.
func (p *player) pull(ctx context.Context, stream *hls.Stream) error {
	decoder := video.New(fingerprint.New(fingerprint.Limits{}), pieceLimits)
	damaged := 0
	for {
		piece, err := stream.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		frames, err := framesOf(ctx, decoder, piece)
		if _, isDamage := errors.AsType[*hashindex.DecodeError](err); isDamage && damaged+1 < maxDamaged {
			damaged++
			fmt.Fprintf(p.stderr, "%s: %v\n", clock(piece.At.Seconds()), err)
			continue
		}
		if err != nil {
			return err
		}
		damaged = 0
		for _, f := range frames {
			if err := p.play(ctx, f); err != nil {
				return err
			}
		}
	}
}

// framesOf are the frames of the piece at their times in the stream. What lasts longer than the playlist has
// it would come after the beginning of the next one, and is left out.
func framesOf(ctx context.Context, decoder *video.Decoder, piece hls.Piece) (frames []hashindex.Frame, _ error) {
	_, err := decoder.Each(ctx, inMemory(piece.Bytes), func(l hashindex.Look) error {
		if l.At < piece.Length {
			frame := l.Frame
			frame.At += piece.At
			frames = append(frames, frame)
		}
		return nil
	})
	return frames, err
}

package video

import (
	"context"
	"errors"
	"image"
	"io"
	"io/fs"
	"time"

	"touchstone/hashindex"
	"touchstone/hashindex/sandbox"
)

// decode runs ffmpeg with these arguments on what is read from in.
func (d *Decoder) decode(ctx context.Context, arguments []string, in io.Reader, take func(*image.Gray, time.Duration) error) error {
	child, err := sandbox.Start(ctx, sandbox.Program{
		Path: d.path, Args: arguments, Reads: sandbox.Libraries(),
		Limits: sandbox.Limits{Wall: d.limits.Wall, CPU: d.limits.Wall * time.Duration(d.limits.Threads), Memory: d.limits.Memory, Output: 1 << 50},
	})
	if err != nil {
		return err
	}
	fed := make(chan error, 1)
	go func() {
		_, err := io.Copy(child.Stdin, in)
		child.Stdin.Close()
		fed <- err
	}()
	err = readFrames(child.Stdout, d.limits.Pixels, take)
	if err != nil {
		child.Kill()
	}
	died := child.Wait()
	unread := <-fed // Wait has closed the pipe, so the copy ends
	return outcome(err, died, unread)
}

// outcome is what becomes of the video: what took or kept us from decoding it is told from what is wrong
// with it.
func outcome(err, died, unread error) error {
	death, _ := errors.AsType[*sandbox.Death](died)
	corrupt := errors.Is(err, errMatroska) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case err != nil && !corrupt:
		return err
	case death == nil && err == nil:
		return readError(unread)
	case death == nil:
		return refuse(hashindex.CorruptVideo, "the video cannot be decoded")
	case errors.Is(death, sandbox.ErrTime), errors.Is(death, sandbox.ErrCPU):
		return refuse(hashindex.CorruptVideo, "the video takes too long to decode: %v", death.Cause)
	case errors.Is(death, sandbox.ErrFailed), errors.Is(death, sandbox.ErrKilled):
		return refuse(hashindex.CorruptVideo, "the video cannot be decoded: %.300s", death.Words)
	}
	return died // the context's end
}

// readError is that of reading the video itself; ffmpeg need not read all of it.
func readError(err error) error {
	if isPipe(err) {
		return nil
	}
	return err
}

// isPipe reports whether it is the writing that failed, not the reading.
func isPipe(err error) bool {
	path, ok := errors.AsType[*fs.PathError](err)
	return ok && path.Op == "write"
}

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"touchstone/hashindex"
	"touchstone/hashindex/fingerprint"
)

// Verb is the argument of the binary by which a Pool starts its children; the next one is for Serve.
const Verb = "decode-worker"

// orders are what a child is told at its start.
type orders struct {
	Maker  fingerprint.Options
	Memory int64
}

// Serve is a child's life: it answers requests from in on out, one after the other, until in ends. It is to be the
// last that its process does: a request under way when in ends is given up, for nobody waits for it. So a child
// does not outlive a pool whose process was killed, not even while it compiles its decoders for seconds.
func Serve(text string, in io.Reader, out io.Writer) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	runtime.GOMAXPROCS(1) // the pool has as many children as there is to do at once
	// Garbage counts as memory. It is collected early where pictures are large, and late where they are small.
	debug.SetMemoryLimit(o.Memory / 2)
	o.Maker.Contained = true
	maker := fingerprint.NewWith(o.Maker)
	requests, ended := make(chan request), make(chan error, 2)
	go func() { ended <- receive(in, maker.Limits().ImageBytes, requests) }()
	go func() { ended <- serve(maker, requests, out) }()
	return <-ended
}

// request is what the pool sends.
type request struct {
	asked   kind
	encoded []byte
}

// receive waits for the next request while one is answered, and so sees at once that in has ended.
func receive(in io.Reader, most int64, requests chan<- request) error {
	for {
		asked, encoded, err := readMessage(in, most)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		requests <- request{asked, encoded}
	}
}

func serve(maker *fingerprint.Maker, requests <-chan request, out io.Writer) error {
	for {
		r := <-requests
		said, body, err := answer(maker, r.asked, r.encoded)
		if err != nil {
			return err
		}
		if err := writeMessage(out, said, body); err != nil {
			return err
		}
	}
}

// answer fails only for a request that cannot be: then the child ends.
func answer(maker *fingerprint.Maker, asked kind, encoded []byte) (said kind, body []byte, err error) {
	ctx := context.Background() // the pool ends a child that takes too long
	switch asked {
	case askWarm:
		maker.Warm()
		return sayReady, nil, nil
	case askPicture, askDetailed:
		do := maker.Picture
		if asked == askDetailed {
			do = maker.Detailed
		}
		picture, err := do(ctx, encoded)
		if err != nil {
			return refusal(err)
		}
		return sayFrames, appendFrames(nil, picture), nil
	case askStill:
		still, err := maker.Still(ctx, encoded)
		if err != nil {
			return refusal(err)
		}
		return saySmall, appendStill(nil, fingerprint.Fit(still, maxStill)), nil
	}
	return 0, nil, fmt.Errorf("request %d: %w", asked, errGarbled)
}

func refusal(err error) (kind, []byte, error) {
	if over, ok := errors.AsType[*hashindex.LimitError](err); ok {
		return sayOver, appendOver(nil, over), nil
	}
	if refused, ok := errors.AsType[*hashindex.DecodeError](err); ok {
		return sayRefused, appendRefusal(nil, refused), nil
	}
	return 0, nil, err
}

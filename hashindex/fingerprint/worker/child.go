package worker

import (
	"context"
	"errors"
	"io"
	"time"

	"touchstone/hashindex/sandbox"
)

// child is one child process.
type child struct {
	*sandbox.Child
	isWarm bool
}

// compiled is one of the formats whose decoders are compiled before the first use.
const compiled = "avif"

// warm has the child compile its decoders, unless it did, or the format needs none of them.
func (c *child) warm(format string, within time.Duration) error {
	if c.isWarm || format != compiled && format != "heic" {
		return nil
	}
	_, _, err := c.exchange(askWarm, nil, within)
	c.isWarm = err == nil
	return err
}

// lifetime is what a child may take in all its life: the limit of each picture is the pool's.
const (
	lifetime     = 10 * 365 * 24 * time.Hour
	lifetimeWork = 24 * time.Hour // of a processor
)

func startChild(ctx context.Context, orders string, o Options) (*child, error) {
	c, err := sandbox.Start(ctx, sandbox.Program{
		Args:   []string{Verb, orders},
		Limits: sandbox.Limits{Wall: lifetime, CPU: lifetimeWork, Memory: o.Memory, Output: 1 << 62},
	})
	if err != nil {
		return nil, err
	}
	return &child{Child: c}, nil
}

// exchange sends one message and reads one, in so much time.
func (c *child) exchange(asked kind, encoded []byte, within time.Duration) (said kind, body []byte, err error) {
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return 0, nil, err
	}
	if err := writeMessage(c.Stdin, asked, encoded); err != nil {
		return 0, nil, err
	}
	return readMessage(c.Stdout, maxAnswer)
}

// bury ends a child that failed and says what it died of.
func (c *child) bury(err error) error {
	if !errors.Is(err, io.EOF) {
		c.Kill()
	}
	return errors.Join(err, c.Wait())
}

// close lets a child end that waits for work.
func (c *child) close() {
	c.Stdin.Close()
	c.Kill()
	c.Wait()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// A batch of pictures is sent together: so many, and so many bytes, at most.
const (
	batchImages = 32
	batchBytes  = 16 << 20
)

// sender sends pictures and returns an answer for each.
type sender[R any] func(context.Context, []picture) ([]R, error)

// askEach has send answer for the pictures, several at a time, and prints each answer in the order
// of the files. A picture that cannot be read or is refused is reported in its place; then the
// error is errRefused.
func askEach[R any](ctx context.Context, a *app, c *client.Client, files []string, send sender[R], print func(file string, result R) error) error {
	limits, err := c.Limits(ctx)
	if err != nil {
		return err
	}
	refused := 0
	for len(files) > 0 {
		batch := a.readBatch(files, limits["image_bytes"])
		answers, err := askBatch(ctx, batch, send)
		if err != nil {
			return err
		}
		for i, answer := range answers {
			if problem := batch[i].problem; problem != nil {
				refused++
				err = a.report(files[i], problem)
			} else {
				err = print(files[i], answer)
			}
			if err != nil {
				return err
			}
		}
		files = files[len(batch):]
	}
	if refused > 0 {
		return fmt.Errorf("%s %w", plural(refused, "picture"), errRefused)
	}
	return nil
}

// picture is a file to be asked about.
type picture struct {
	place   int // in its batch
	file    string
	content []byte
	problem error // why there is no answer
}

// readBatch reads files until the batch is full: at least one.
func (a *app) readBatch(files []string, most int64) (batch []picture) {
	size := 0
	for i, file := range files[:min(len(files), batchImages)] {
		content, err := a.readFile(file, most)
		batch = append(batch, picture{i, file, content, err})
		if size += len(content); size >= batchBytes {
			break
		}
	}
	return batch
}

// askBatch returns the answers in their places, and sets the problem of a picture without one.
func askBatch[R any](ctx context.Context, batch []picture, send sender[R]) ([]R, error) {
	answers := make([]R, len(batch))
	readable := slices.DeleteFunc(slices.Clone(batch), func(p picture) bool { return p.problem != nil })
	err := sendGood(readable, func(pictures []picture) error {
		got, err := send(ctx, pictures)
		if err == nil && len(got) != len(pictures) {
			err = fmt.Errorf("%d answers for %d pictures", len(got), len(pictures))
		}
		if err != nil {
			return err
		}
		for i, answer := range got {
			answers[pictures[i].place] = answer
		}
		return nil
	}, func(p picture, problem *client.Problem) { batch[p.place].problem = problem })
	return answers, err
}

func images(pictures []picture) (list []client.Image) {
	for _, p := range pictures {
		list = append(list, client.Image{Name: filepath.Base(p.file), Content: p.content})
	}
	return list
}

// readFile reads the file, or standard input for "-"; one over the limit is not read. Its errors do
// not name the file.
func (a *app) readFile(file string, most int64) ([]byte, error) {
	content, err := a.read(file, most)
	return content, nameless(err)
}

func nameless(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

func (a *app) read(file string, most int64) ([]byte, error) {
	if file == "-" {
		return readAtMost(a.stdin, most)
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > most:
		return nil, tooLarge(most)
	}
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return readAtMost(opened, most)
}

func readAtMost(r io.Reader, most int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(content)) > most {
		return nil, tooLarge(most)
	}
	return content, err
}

// tooLarge is the problem that the server would answer.
func tooLarge(most int64) error {
	return &client.Problem{Problem: wire.Problem{
		Status: http.StatusRequestEntityTooLarge, Code: "limit_exceeded", Limit: "image_bytes", Max: most,
		Detail: fmt.Sprintf("more than the limit image_bytes of %d", most),
	}}
}

// refusal is what is printed of a picture without an answer.
type refusal struct {
	File  string `json:"file"`
	Code  string `json:"code,omitempty"`
	Error string `json:"error"`
}

func refusalOf(file string, err error) refusal {
	r := refusal{File: file, Error: err.Error()}
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		r.Code = problem.Code
	}
	return r
}

// report prints why a picture has no answer: for programs among the answers, for people apart.
func (a *app) report(file string, err error) error {
	if a.json {
		return a.printJSON(refusalOf(file, err))
	}
	_, err = fmt.Fprintf(a.stderr, "touchstone: %s: %s\n", harmless(file), refusalOf(file, err).Error)
	return err
}

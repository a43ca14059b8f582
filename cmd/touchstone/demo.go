package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

func (a *app) demoCommand() *cobra.Command {
	var keep bool
	verb := a.verb("demo", "See the whole thing work, on generated pictures", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.demo(ctx, keep)
	})
	verb.Long = `Generate brand pictures and altered listing pictures, start the server on a free port of this
machine with a fresh data folder, register the one and ask about the other over HTTP, and print what
it answered. Nothing stays behind, unless --keep.`
	verb.Flags().BoolVar(&keep, "keep", false, "keep the data folder and say how to serve it")
	return verb
}

func (a *app) demo(ctx context.Context, keep bool) error {
	folder, err := os.MkdirTemp("", "touchstone-demo-")
	if err != nil {
		return err
	}
	if !keep {
		defer os.RemoveAll(folder)
	}
	data := filepath.Join(folder, "data")
	if err := a.onServer(ctx, data, func(c *client.Client) error { return a.runDemo(ctx, c) }); err != nil {
		return err
	}
	if a.json {
		return nil
	}
	if keep {
		fmt.Fprintf(a.stdout, "\nKept. Look around in it: touchstone serve --data %s\n", data)
		return nil
	}
	_, err = fmt.Fprint(a.stdout, whatNext)
	return err
}

const whatNext = `
Next: touchstone serve                       the same server, on your data; it prints what to try
      touchstone import --collection bags --purpose brand FOLDER
      touchstone match PICTURE...
      touchstone demo --keep                 keeps the data folder to look around in
`

// onServer runs use against a real server on a free port, which it stops after.
func (a *app) onServer(ctx context.Context, folder string, use func(*client.Client) error) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h, err := open(folder, writing, plan{searcher: defaultSearcher}, slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan error, 1)
	go func() { stopped <- h.server.Serve(serving, listener) }()
	c := client.New("http://"+listener.Addr().String(), nil)
	if err = c.Ready(ctx); err == nil {
		err = use(c)
	}
	stop()
	return errors.Join(err, <-stopped, h.close())
}

func (a *app) runDemo(ctx context.Context, c *client.Client) error {
	scene := newDemoScene()
	if err := a.demoRegister(ctx, c, scene); err != nil {
		return err
	}
	answers, err := demoAsk(ctx, c, scene.queries)
	if err != nil {
		return err
	}
	if err := a.printDemo(answers); err != nil {
		return err
	}
	if slices.ContainsFunc(answers, demoAnswer.surprising) {
		return errSurprise
	}
	return nil
}

func (a *app) demoRegister(ctx context.Context, c *client.Client, scene demoScene) error {
	begun, registered := time.Now(), 0
	for _, collection := range scene.collections {
		if _, err := c.CreateCollection(ctx, wire.NewCollection{Name: collection.name, Purpose: collection.purpose}); err != nil {
			return err
		}
		added, err := c.AddImages(ctx, collection.name, collection.images)
		if err != nil {
			return err
		}
		registered += len(added.References)
	}
	if a.json {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "Registered %d generated references in %d collections, over HTTP, in %.1f s.\n\n",
		registered, len(scene.collections), time.Since(begun).Seconds())
	return err
}

// demoAnswer is what the server said to one query.
type demoAnswer struct {
	Picture      string  `json:"picture"`
	Done         string  `json:"done"`
	Status       string  `json:"status"`
	Reference    string  `json:"reference,omitempty"`
	Kind         string  `json:"kind,omitempty"`
	Distance     *int    `json:"distance,omitempty"`
	Milliseconds float64 `json:"milliseconds"`
	Expected     bool    `json:"expected"`
	Note         string  `json:"note,omitempty"`
}

func (d demoAnswer) surprising() bool { return !d.Expected }

// demoAsk posts one query after the other, as a listing pipeline would, and takes the time.
func demoAsk(ctx context.Context, c *client.Client, queries []demoQuery) (answers []demoAnswer, _ error) {
	for _, q := range queries {
		begun := time.Now()
		answer, err := c.Match(ctx, []client.Image{{Content: q.content}}, client.MatchOptions{})
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", q.picture, q.done, err)
		}
		answers = append(answers, q.answered(answer.Results[0], time.Since(begun)))
	}
	return answers, nil
}

func (q demoQuery) answered(r wire.MatchResult, took time.Duration) demoAnswer {
	d := demoAnswer{
		Picture: q.picture, Done: q.done, Status: r.Status, Note: q.note,
		Milliseconds: float64(took.Microseconds()) / 1000,
	}
	if len(r.Matches) > 0 {
		best := r.Matches[0]
		d.Reference, d.Kind, d.Distance = best.ExternalID, best.Kind, &best.Distance
		if best.Kind == "partial" {
			d.Note = partText(best)
		}
	}
	suppressed := len(r.SuppressedBy) > 0
	d.Expected = r.Status == q.status && d.Reference == q.reference && suppressed == q.suppressed && (d.Kind == "partial") == q.part
	if !d.Expected {
		d.Note = fmt.Sprintf("expected %s %s, partial: %v", q.status, q.reference, q.part)
	}
	return d
}

func (a *app) printDemo(answers []demoAnswer) error {
	t := a.table("PICTURE", "WHAT WAS DONE TO IT", "STATUS", "REFERENCE", "KIND", "DISTANCE", "MS", "NOTE")
	found, times := 0, []float64{}
	for _, d := range answers {
		distance := "-"
		if d.Distance != nil {
			distance = fmt.Sprint(*d.Distance)
			found++
		}
		times = append(times, d.Milliseconds)
		err := t.row(d, d.Picture, d.Done, d.Status, orDash(d.Reference), orDash(d.Kind), distance, fmt.Sprintf("%.1f", d.Milliseconds), d.Note)
		if err != nil {
			return err
		}
	}
	t.Flush()
	if a.json {
		return nil
	}
	slices.Sort(times)
	_, err := fmt.Fprintf(a.stdout, "\n%d pictures asked about over HTTP: %d copies found, %d answered without a match; median %.1f ms, slowest %.1f ms.\n",
		len(answers), found, len(answers)-found, times[len(times)/2], times[len(times)-1])
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

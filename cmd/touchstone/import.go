package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/hashlist"
	"touchstone/api/wire"
)

// importOptions are the flags of import.
type importOptions struct {
	collection, purpose string
	format              string // of a list on standard input
	errorsFile          string
	timings             bool
}

func (a *app) importCommand() *cobra.Command {
	var o importOptions
	verb := a.verb("import FOLDER|LIST", "Add a folder of pictures or a list of hashes", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.importAll(ctx, args[0], o) })
	verb.Long = `Add every picture in a folder and below, or a list of hashes (.csv, .ndjson; - is standard
input). Pictures get their path in the folder as external id. What is there already is skipped, so
that an interrupted import goes on where it stopped when it is run again. Hidden files are left
out, links to folders are not followed, and a file that is refused does not stop the others.`
	flags := verb.Flags()
	flags.StringVarP(&o.collection, "collection", "c", "", "collection `name`")
	flags.StringVar(&o.purpose, "purpose", "", "create the collection if it is missing; "+purposes)
	flags.StringVar(&o.format, "format", "", "of the list: csv or ndjson (default: by its name)")
	flags.StringVar(&o.errorsFile, "errors", "", "write what was refused to this CSV `file`")
	flags.BoolVar(&o.timings, "timings", false, "print where the time went")
	return required(verb, "collection")
}

func (a *app) importAll(ctx context.Context, source string, o importOptions) error {
	list, format, err := a.openList(source, o.format)
	if err != nil {
		return err
	}
	if list != nil {
		defer list.Close()
	}
	return a.connect(ctx, writing, func(c *client.Client) error {
		im := &importer{app: a, client: c, collection: o.collection, unit: "pictures", started: time.Now()}
		if err := im.prepare(ctx, o.purpose); err != nil {
			return err
		}
		before := im.timings(ctx, o.timings)
		if list != nil {
			im.unit = "rows"
			err = im.list(ctx, list, format)
		} else {
			err = im.folder(ctx, source)
		}
		im.report.Timings = im.timings(context.WithoutCancel(ctx), o.timings).since(before)
		return errors.Join(im.finish(ctx, err), im.writeErrors(o.errorsFile))
	})
}

// openList opens what is no folder as a list.
func (a *app) openList(source, format string) (list io.ReadCloser, _ hashlist.Format, err error) {
	if source != "-" {
		info, err := os.Stat(source)
		if err != nil || info.IsDir() {
			return nil, "", err
		}
	}
	of, err := hashlist.ParseFormat(format)
	if format == "" {
		of, err = hashlist.FormatOfFile(source)
	}
	if err != nil {
		return nil, "", err
	}
	if source == "-" {
		return io.NopCloser(a.stdin), of, nil
	}
	list, err = os.Open(source)
	return list, of, err
}

// importer is one import under way.
type importer struct {
	app        *app
	client     *client.Client
	collection string
	unit       string // what is imported: pictures or rows
	started    time.Time
	known      known
	bar        bar

	mu       sync.Mutex // guards what follows
	report   importReport
	refusals []refusal
}

// prepare makes sure that there is a collection and learns what is in it.
func (im *importer) prepare(ctx context.Context, purpose string) error {
	err := ensureCollection(ctx, im.client, im.collection, purpose)
	if err != nil {
		return err
	}
	im.known, err = learn(ctx, im.client, im.collection)
	return err
}

// ensureCollection creates the collection if it is missing and a purpose is given.
func ensureCollection(ctx context.Context, c *client.Client, name, purpose string) error {
	_, err := c.Collection(ctx, name)
	problem, refused := errors.AsType[*client.Problem](err)
	if refused && problem.Status == http.StatusNotFound && purpose != "" {
		_, err = c.CreateCollection(ctx, wire.NewCollection{Name: name, Purpose: purpose})
	}
	return err
}

func (im *importer) count(change func(*importReport)) {
	im.mu.Lock()
	defer im.mu.Unlock()
	change(&im.report)
}

// refuse notes why something was not added; the import goes on.
func (im *importer) refuse(file string, err error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.report.Refused++
	im.refusals = append(im.refusals, refusalOf(file, err))
}

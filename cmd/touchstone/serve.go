package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"touchstone/api/fetch"

	decoding "touchstone/hashindex/fingerprint/worker"
)

const defaultListen = "127.0.0.1:8080"

func (a *app) serveCommand() *cobra.Command {
	var door *doorway
	var searcher string
	var reach reach
	var tiff bool
	verb := a.verb("serve", "Answer over HTTP", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.serve(ctx, door, searcher, reach, tiff)
	})
	verb.Long = `Answer over HTTP until interrupted. Without any configuration the data folder is ./touchstone-data,
made if it is missing, and the address ` + defaultListen + `, where only this machine can ask, and needs no key until
there is one. On an address that other machines reach, every client needs a key, and the way must be
encrypted:

  touchstone keys create --name operator --scope admin
  touchstone serve --listen :8443 --tls-cert chain.pem --tls-key key.pem
  touchstone serve --listen 10.0.0.5:8080 --behind-proxy 10.0.0.1/32

A second interrupt ends it at once.`
	door = addDoorwayFlags(verb.Flags())
	verb.Flags().StringVar(&searcher, "searcher", defaultSearcher, "`name` of the index in memory: multiindex or linear; bktree: none, the data folder is searched; all give the same answers")
	reach.flags(verb.Flags())
	verb.Flags().BoolVar(&tiff, "tiff", false, "take TIFF pictures too, decoded apart like all that is risky")
	return verb
}

func (a *app) serve(ctx context.Context, door *doorway, searcher string, reach reach, tiff bool) error {
	if err := door.check(); err != nil {
		return usageError{err, "touchstone serve"}
	}
	if _, known := searchers[searcher]; !known {
		return usageError{unknownSearcher(searcher), "touchstone serve"}
	}
	outside, err := reach.fetcher(fetch.Config{})
	if err != nil {
		return usageError{err, "touchstone serve"}
	}
	listener, err := net.Listen("tcp", door.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s already; take another port: touchstone serve --listen 127.0.0.1:8081", door.listen)
	}
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, nil))
	if door.certificate != nil {
		door.certificate.logTo(log)
	}
	config := door.config()
	config.Deliver, config.Fetch = outside, reach.ifAsked(outside)
	h, err := open(a.folder, writing, plan{searcher: searcher, config: config, tiff: tiff}, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	usable := h.server.Keys().Usable()
	if err := door.checkKeys(usable); err != nil {
		return errors.Join(usageError{err, "touchstone serve"}, listener.Close(), h.close())
	}
	log.Info("serving", "listen", listener.Addr().String(), "data", a.folder, "recipe", h.index.Recipe(), "searcher", searcher, "seq", h.index.Seq(),
		"tls", door.certificate != nil, "behind_proxy", door.behind, "keys", usable, "drain", door.drain,
		"tiff", tiff, "fetch", reach.fetch, "fetch_allowed", reach.networks, "fetch_ports", reach.ports)
	if h.server.Keys().Empty() {
		log.Warn("there are no keys: whoever reaches this address may do everything")
	}
	fmt.Fprint(a.stdout, welcome(door.scheme()+"://"+listener.Addr().String(), usable > 0))
	var warming sync.WaitGroup
	warming.Go(func() {
		_ = h.index.WaitLoaded(ctx) // whatever comes of it: compiling decoders takes processors from loading, for seconds
		warm(ctx, h.workers, log)
	})
	err = h.server.Serve(ctx, listener)       // until ctx ends, then it drains
	err = errors.Join(err, h.workers.Close()) // or a stop would wait for those that are not warm yet, for seconds
	warming.Wait()
	return errors.Join(err, h.close())
}

// warm has the decoding workers ready before the first picture needs one, and says what confines them.
func warm(ctx context.Context, workers *decoding.Pool, log *slog.Logger) {
	confinement, err := workers.Warm(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		log.Error("AVIF, HEIC and pictures that move cannot be decoded", "error", err)
	case err == nil:
		log.Info("decoding workers are ready", "confinement", confinement.String())
	}
}

// welcome is printed at the start; its lines work when they are pasted, with any picture and, where the server
// asks for a key, with the key in TOUCHSTONE_KEY.
func welcome(base string, asksForKey bool) string {
	var key, where string
	if asksForKey {
		key, where = ` -H "Authorization: Bearer $TOUCHSTONE_KEY"`, ", with your key in TOUCHSTONE_KEY"
	}
	return fmt.Sprintf(`Touchstone listens on %[1]s. In another terminal%[3]s:

  curl %[1]s/v1/collections%[2]s -H 'Content-Type: application/json' -d '{"name":"bags","purpose":"brand"}'
  curl %[1]s/v1/collections/bags/references%[2]s -F external_id=tote-7 -F image=@picture.jpg
  curl %[1]s/v1/match%[2]s -H 'Content-Type: image/jpeg' --data-binary @picture.jpg

Every route is described, and can be tried, at %[1]s/docs
Or on the command line: touchstone match --server %[1]s picture.jpg
`, base, key, where)
}

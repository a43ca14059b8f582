package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/spf13/cobra"
)

const defaultListen = "127.0.0.1:8080"

func (a *app) serveCommand() *cobra.Command {
	var listen, searcher string
	var reach reach
	verb := a.verb("serve", "Answer over HTTP", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.serve(ctx, listen, searcher, reach)
	})
	verb.Long = `Answer over HTTP until interrupted. Without any configuration the data folder is ./touchstone-data,
made if it is missing, and the address ` + defaultListen + `. Only this machine can ask: this version
knows no keys yet, so it listens on loopback addresses alone.`
	verb.Flags().StringVar(&listen, "listen", cmp.Or(os.Getenv("TOUCHSTONE_LISTEN"), defaultListen), "`address` to listen on (or TOUCHSTONE_LISTEN)")
	verb.Flags().StringVar(&searcher, "searcher", defaultSearcher, "`name` of the index in memory: multiindex or linear; bktree: none, the data folder is searched; all give the same answers")
	reach.flags(verb.Flags())
	return verb
}

func (a *app) serve(ctx context.Context, listen, searcher string, reach reach) error {
	if err := checkLoopback(listen); err != nil {
		return usageError{err, "touchstone serve"}
	}
	if _, known := searchers[searcher]; !known {
		return usageError{unknownSearcher(searcher), "touchstone serve"}
	}
	fetcher, err := reach.fetcher()
	if err != nil {
		return usageError{err, "touchstone serve"}
	}
	listener, err := net.Listen("tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s already; take another port: touchstone serve --listen 127.0.0.1:8081", listen)
	}
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, nil))
	h, err := open(a.folder, writing, plan{searcher: searcher, fetch: fetcher}, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("serving", "listen", listener.Addr().String(), "data", a.folder, "recipe", h.index.Recipe(), "searcher", searcher, "seq", h.index.Seq(), "fetch", reach.fetch, "fetch_allowed", reach.networks, "fetch_ports", reach.ports)
	fmt.Fprintf(a.stdout, welcome, listener.Addr())
	err = h.server.Serve(ctx, listener) // until ctx ends, then it drains
	return errors.Join(err, h.close())
}

// checkLoopback refuses an address that other machines reach: nothing asks who they are yet.
func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %q is no address such as %s", listen, defaultListen)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen %s: other machines could reach this server, and this version knows no keys yet: listen on a loopback address, such as %s", listen, defaultListen)
	}
	return nil
}

// welcome is printed at the start; its lines work when they are pasted, with any picture.
const welcome = `Touchstone listens on http://%[1]s. In another terminal:

  curl http://%[1]s/v1/collections -H 'Content-Type: application/json' -d '{"name":"bags","purpose":"brand"}'
  curl http://%[1]s/v1/collections/bags/references -F external_id=tote-7 -F image=@picture.jpg
  curl http://%[1]s/v1/match -H 'Content-Type: image/jpeg' --data-binary @picture.jpg

Every route is described, and can be tried, at http://%[1]s/docs
Or on the command line: touchstone match --server http://%[1]s picture.jpg
`

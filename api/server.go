package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"image"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/fetch"
	"touchstone/api/gate"
	"touchstone/api/idempotency"
	"touchstone/api/keys"
	"touchstone/api/webhook"
	"touchstone/casework"
	"touchstone/casework/pack"
	"touchstone/hashindex"
	"touchstone/hashindex/watch"
)

// Fingerprinter makes fingerprints of encoded pictures. What it refuses is a
// *hashindex.DecodeError or a *hashindex.LimitError.
type Fingerprinter interface {
	Picture(ctx context.Context, encoded []byte) (hashindex.Picture, error)

	// Detailed is Picture with what tier partial needs: it costs several times as much.
	Detailed(ctx context.Context, encoded []byte) (hashindex.Picture, error)

	// Stored is Detailed with features in the form that a reference keeps, which costs less.
	Stored(ctx context.Context, encoded []byte) (hashindex.Picture, error)

	// Still is the picture itself, as shown, over white: its first frame.
	Still(ctx context.Context, encoded []byte) (*image.NRGBA, error)
}

// Config says what a Server serves. Index, Fingerprint, Casework and History are needed.
type Config struct {
	Index       *hashindex.Index
	Fingerprint Fingerprinter
	Casework    *casework.Desk
	History     pack.Codec // how changes become the bytes that the history chains

	// Videos decodes videos; nil: they are refused, and their frames taken as pictures or hashes.
	Videos Videos

	// Variants derives the PDQ hashes of the turned and mirrored picture from that of the upright
	// one. Without it, match/hash refuses dihedral.
	Variants func(hashindex.Hash) [hashindex.TransformCount]hashindex.Hash

	// NewAligner lays pictures over each other for compare, as the index does. Without it, compare
	// does not go beyond hashes.
	NewAligner func(query hashindex.Features) hashindex.Aligner

	// Backup writes an archive of the store, for as long as that takes. Without it there is none to be had.
	Backup func(ctx context.Context, to io.Writer) error

	// Children and Store tell /metrics what decoding processes have done and what the file holds; either may be nil.
	Children func() Children
	Store    func() (StoreSize, error)

	// Fetch gets the pictures that requests name by a URL. Without it, none is fetched.
	Fetch *fetch.Fetcher

	Access  Access         // who may ask; OpenWithoutKeys by default
	Proxies []netip.Prefix // that say in X-Forwarded-For who is behind them; only they may bring keys

	// Deliver carries events to the webhooks that clients register; one that reaches public addresses
	// alone by default.
	Deliver *fetch.Fetcher

	Limits  Limits
	Workers int           // pictures decoded at once, by all requests together; GOMAXPROCS by default
	TLS     *tls.Config   // nil: Serve speaks in the clear
	Drain   time.Duration // how long a stopping server says so at /readyz before it lets nobody in
	Grace   time.Duration // how long requests under way may then take; 20 s by default

	Version   string
	Log       *slog.Logger     // nothing by default
	Now       func() time.Time // the clock; time.Now by default
	RequestID func() string    // names requests that bring no name; random by default
}

// Access says when a key is asked for.
type Access int

const (
	OpenWithoutKeys Access = iota // once there is one: for addresses that only this machine reaches
	KeysRequired                  // always
	Trusted                       // never: whoever calls could open the store as well
)

func (c Config) withDefaults() Config {
	c.Limits = c.Limits.withDefaults()
	c.Workers = cmp.Or(c.Workers, runtime.GOMAXPROCS(0))
	c.Grace = cmp.Or(c.Grace, 20*time.Second)
	c.Version = cmp.Or(c.Version, "devel")
	if c.Deliver == nil {
		c.Deliver = fetch.New(fetch.Config{})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RequestID == nil {
		c.RequestID = rand.Text
	}
	return c
}

// Server answers the routes of openapi.yaml. It is an http.Handler.
type Server struct {
	config  Config
	index   *hashindex.Index
	keys    *keys.Ring
	desk    *casework.Desk
	limits  Limits
	routes  *echo.Echo
	known   map[string]string // routes as echo writes them, to openapi.yaml's way
	hooks   *webhook.Sender
	streams *watch.Watch
	tail    *followers
	metrics *metrics
	origins *http.CrossOriginProtection
	repeats *idempotency.Records
	started time.Time

	lanes    lanes
	memory   *gate.Budget // of bodies, and what is made of them
	spools   *gate.Budget // on the disk, of videos
	requests *gate.Budget // under way

	// resembling has room for half of the processors: additions tell what they resemble by look-ups of
	// their own, eight for each reference, and must not be late answers to everybody else.
	resembling chan struct{}
	packing    chan struct{} // one for each evidence pack being made
	backingUp  chan struct{} // has room for one backup

	stopping context.Context // done once the server stops
	stop     context.CancelFunc
}

// New is a server that does not listen yet.
func New(config Config) (*Server, error) {
	if config.Index == nil || config.Fingerprint == nil || config.Casework == nil || config.History.Encode == nil || config.History.Decode == nil {
		return nil, errors.New("api: Config needs an Index, a Fingerprint, Casework and a History")
	}
	config = config.withDefaults()
	s := &Server{
		config: config, index: config.Index, desk: config.Casework, limits: config.Limits,
		origins:  http.NewCrossOriginProtection(),
		repeats:  idempotency.New(config.Index, config.Limits.Repeats, config.Now),
		started:  config.Now(),
		lanes:    newLanes(config),
		requests: gate.NewBudget(math.MaxInt64, int64(config.Limits.ClientRequests)),
		memory:   gate.NewBudget(config.Limits.HeldBytes, config.Limits.ClientBytes),
		spools:   gate.NewBudget(config.Limits.HeldVideo, config.Limits.ClientVideo),

		resembling: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		packing:    make(chan struct{}, 1),
		backingUp:  make(chan struct{}, 1),
	}
	var err error
	if s.keys, err = keys.Open(context.Background(), keys.Config{Index: s.index, Now: config.Now}); err != nil {
		return nil, err
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.hooks = webhook.New(webhook.Config{
		Index: s.index, Check: config.Deliver.Check, Post: config.Deliver.Post, Event: s.event, Now: config.Now, Log: config.Log,
	})
	s.tail = &followers{of: map[string]int{}}
	s.streams, err = watch.Open(context.Background(), watch.Config{
		Index: s.index, Variants: config.Variants, Limits: config.Limits.Streams, Now: config.Now, Record: s.recordTold,
	})
	if err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	s.routes = s.newRoutes()
	return s, nil
}

func (s *Server) newRoutes() *echo.Echo {
	e := echo.New()
	e.Logger.SetOutput(io.Discard) // observe logs
	e.IPExtractor = s.newIPExtractor()
	e.Use(s.observe, s.recovered, s.guard, s.timed)
	s.known = map[string]string{}
	for _, r := range s.table() {
		s.known[r.path] = r.contractPath()
		e.Add(r.method, r.path, r.handle, s.admitted(r), r.checkOptions, s.placed(r))
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, r.handle, s.admitted(r), r.checkOptions, s.placed(r))
		}
	}
	return e
}

// newIPExtractor takes the peer for the client, as any client can write an X-Forwarded-For, unless the
// peer is one of the proxies: then the last address in the header that is none of them.
func (s *Server) newIPExtractor() echo.IPExtractor {
	if len(s.config.Proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, each := range s.config.Proxies {
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: each.Addr().AsSlice(), Mask: net.CIDRMask(each.Bits(), each.Addr().BitLen())}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// Keys are the keys that the server knows.
func (s *Server) Keys() *keys.Ring { return s.keys }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// HTTPServer is an http.Server for this handler with every timeout set, and the limit on connections.
// Serve uses it; it is there for whoever needs a listener of their own.
func (s *Server) HTTPServer() *http.Server {
	connections := newConnections(s.limits.Connections)
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.limits.Header,
		ReadTimeout:       s.limits.readAll(),
		WriteTimeout:      s.limits.writeAll(),
		IdleTimeout:       s.limits.Idle,
		MaxHeaderBytes:    maxHeader,
		ConnState:         connections.watch,
		ConnContext:       connections.context,
		ErrorLog:          slog.NewLogLogger(s.config.Log.Handler(), slog.LevelWarn),
	}
}

// Serve answers requests that come over the listener until ctx ends, and returns once those under
// way are answered: /readyz says "stopping" for Config.Drain, then nobody new is let in, and after
// Config.Grace the rest is cut off.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := s.HTTPServer()
	if s.config.TLS != nil {
		listener = tls.NewListener(listener, s.config.TLS)
	}
	ctx, cancel := context.WithCancel(ctx)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.hooks.Run(ctx)
	}()
	defer func() { <-sent }()
	defer cancel()
	defer s.savingUses()()
	defer s.sweeping()()
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- s.shutDown(server)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		cancel()
		<-stopped
		return err
	}
	return <-stopped
}

func (s *Server) shutDown(server *http.Server) error {
	s.Stop()
	time.Sleep(s.config.Drain)
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// usesSaved is how often it is stored when keys were used last.
const usesSaved = time.Minute

// savingUses stores when keys were used last until stop is called, which stores the rest.
func (s *Server) savingUses() (stop func()) {
	return every(usesSaved, func() {
		if err := s.keys.SaveUses(context.Background()); err != nil {
			s.config.Log.Warn("not stored when keys were used last", "err", err)
		}
	})
}

// every does it again and again until stop is called, which does it once more.
func every(interval time.Duration, do func()) (stop func()) {
	ended := make(chan struct{})
	var worker sync.WaitGroup
	worker.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				do()
			case <-ended:
				do()
				return
			}
		}
	})
	return func() {
		close(ended)
		worker.Wait()
	}
}

// Stop turns /readyz to 503 and ends streams after the result under way; other requests go on.
// Serve calls it first of all when it stops.
func (s *Server) Stop() { s.stop() }

package api

import (
	"cmp"
	"context"
	"runtime"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"touchstone/hashindex"
)

// metrics are what /metrics shows, in a registry of their own: two servers in one process do not
// share a counter.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec // by route, method and status
	refusals *prometheus.CounterVec   // by problem code
	decodes  prometheus.Histogram     // of pictures, refused ones included
	stages   *prometheus.HistogramVec // of the same, by what was done with them
	matches  *prometheus.HistogramVec // by what was asked with
	videos   *prometheus.HistogramVec // decoded, by what for
	refused  *prometheus.CounterVec   // videos, by reason
	frames   prometheus.Counter       // of videos
	decoded  prometheus.Counter
	decoding prometheus.Gauge
	*counters
}

// fastBuckets resolve what takes a millisecond as well as what takes the whole request's time.
var fastBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "touchstone_http_request_duration_seconds", Help: "Time from the request's header to the end of the answer.", Buckets: fastBuckets,
		}, []string{"route", "method", "status"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "touchstone_refusals_total", Help: "Requests answered with a problem, by its code.",
		}, []string{"code"}),
		decodes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "touchstone_decode_duration_seconds", Help: "Time to decode and fingerprint one picture.", Buckets: fastBuckets,
		}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "touchstone_picture_stage_duration_seconds", Help: "Time to decode one picture, to hash it, or to find its features; of a refused one all is decoding.", Buckets: fastBuckets,
		}, []string{"stage"}),
		matches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "touchstone_match_duration_seconds", Help: "Time to search for one picture, or for one batch of hashes.", Buckets: fastBuckets,
		}, []string{"query"}),
		videos: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "touchstone_video_duration_seconds", Help: "Time to decode one video, and to search for its frames or to add them.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600},
		}, []string{"for"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "touchstone_video_failures_total", Help: "Videos that were not decoded to their end, by problem code.",
		}, []string{"code"}),
		frames: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "touchstone_video_frames_total", Help: "Frames of videos that were looked at, or kept of a reference.",
		}),
		decoded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "touchstone_pictures_decoded_total", Help: "Pictures that were decoded and fingerprinted.",
		}),
		decoding: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "touchstone_pictures_decoding", Help: "Pictures being decoded now.",
		}),
	}
	m.registry.MustRegister(m.requests, m.refusals, m.decodes, m.stages, m.matches, m.videos, m.refused, m.frames, m.decoded, m.decoding, &indexCollector{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.counters = newCounters(m.registry)
	return m
}

func (m *metrics) observe(c echo.Context, route, code string, took time.Duration) {
	m.requests.WithLabelValues(route, methodOf(c), strconv.Itoa(c.Response().Status)).Observe(took.Seconds())
	if code != "" {
		m.refusals.WithLabelValues(code).Inc()
	}
}

// observeVideo counts a video.
func (m *metrics) observeVideo(what string, took time.Duration, frames int, err error) {
	m.videos.WithLabelValues(what).Observe(took.Seconds())
	m.frames.Add(float64(frames))
	if err != nil {
		m.refused.WithLabelValues(kindOf(err).code).Inc()
	}
}

// observeDecoding counts a picture that took so long in all.
func (m *metrics) observeDecoding(took hashindex.Took, all time.Duration, err error) {
	m.decodes.Observe(all.Seconds())
	if err != nil {
		m.stages.WithLabelValues("decode").Observe(all.Seconds())
		return
	}
	m.stages.WithLabelValues("decode").Observe(took.Decode.Seconds())
	m.stages.WithLabelValues("hash").Observe(took.Hash.Seconds())
	if took.Features > 0 {
		m.stages.WithLabelValues("features").Observe(took.Features.Seconds())
	}
	m.decoded.Inc()
}

// routeOf is the route as openapi.yaml writes it, and "none" for requests that found none: what
// clients send must not become labels.
func (s *Server) routeOf(c echo.Context) string { return cmp.Or(s.known[c.Path()], noRoute) }

const noRoute = "none"

func methodOf(c echo.Context) string {
	switch m := c.Request().Method; m {
	case "GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "other"
}

// indexCollector reads the index when somebody scrapes.
type indexCollector struct{ *Server }

var (
	referencesDesc = prometheus.NewDesc("touchstone_references", "References by collection.", []string{"collection", "purpose"}, nil)
	seqDesc        = prometheus.NewDesc("touchstone_seq", "Number of the last change that searches see.", nil, nil)
	readyDesc      = prometheus.NewDesc("touchstone_ready", "1 once searches are answered.", nil, nil)
	entriesDesc    = prometheus.NewDesc("touchstone_searcher_entries", "Hashes that a searcher holds.", []string{"space", "searcher"}, nil)
	bytesDesc      = prometheus.NewDesc("touchstone_searcher_bytes", "Memory that a searcher holds.", []string{"space", "searcher"}, nil)
	lookupsDesc    = prometheus.NewDesc("touchstone_searcher_lookups_total", "Hashes that a searcher has looked up.", []string{"space", "searcher"}, nil)
	partialDesc    = prometheus.NewDesc("touchstone_partial_total", "What tier partial has done: references proposed, of those laid over the query, and of those found.", []string{"what"}, nil)
	searchDesc     = prometheus.NewDesc("touchstone_search_duration_seconds", "Time to search for one picture, by tiers: whole is copy and near, partial what comes after.", []string{"tiers"}, nil)
	commitDesc     = prometheus.NewDesc("touchstone_commit_duration_seconds", "Time of a transaction, until what it changes is on the disk.", nil, nil)
	proposalsDesc  = prometheus.NewDesc("touchstone_commit_proposals_total", "Writers' wishes that transactions carried: many share one.", nil, nil)
	committedDesc  = prometheus.NewDesc("touchstone_changes_committed_total", "Changes that were made durable.", nil, nil)
	waitingDesc    = prometheus.NewDesc("touchstone_commit_queue", "Writers' wishes that no transaction carries yet.", nil, nil)
	webhooksDesc   = prometheus.NewDesc("touchstone_webhooks", "Webhooks by state.", []string{"state"}, nil)
	parkedDesc     = prometheus.NewDesc("touchstone_webhook_parked", "Deliveries that failed and are tried again.", nil, nil)
	behindDesc     = prometheus.NewDesc("touchstone_webhook_behind", "Changes that the slowest enabled webhook was not sent yet.", nil, nil)
	lettersDesc    = prometheus.NewDesc("touchstone_webhook_deliveries_total", "Attempts to deliver an event by outcome, and events given up.", []string{"outcome"}, nil)
	streamsDesc    = prometheus.NewDesc("touchstone_streams", "Streams that are open.", nil, nil)
	streamBytes    = prometheus.NewDesc("touchstone_stream_bytes", "Memory that open streams take.", nil, nil)
	framesDesc     = prometheus.NewDesc("touchstone_stream_frames_total", "Frames of streams by what became of them: searched for, unchanged since the one before, too dark to tell, dropped as too late or repeated.", []string{"outcome"}, nil)
	segmentsDesc   = prometheus.NewDesc("touchstone_stream_segments_total", "Events of segments: opened, grown, closed.", []string{"event"}, nil)
	followersDesc  = prometheus.NewDesc("touchstone_stream_followers", "Clients that follow a stream's events.", nil, nil)
	laneActive     = prometheus.NewDesc("touchstone_lane_active", "Pieces of work under way, by lane.", []string{"lane"}, nil)
	laneWaiting    = prometheus.NewDesc("touchstone_lane_waiting", "Pieces of work waiting for their turn, by lane.", []string{"lane"}, nil)
	laneTurned     = prometheus.NewDesc("touchstone_lane_turned_away_total", "Pieces of work that would have had to wait too long, by lane.", []string{"lane"}, nil)
	heldDesc       = prometheus.NewDesc("touchstone_held_bytes", "Memory that requests hold: bodies, and features of pictures.", nil, nil)
	buildDesc      = prometheus.NewDesc("touchstone_build_info", "Always 1.", []string{"version", "recipe", "go"}, nil)
)

func (x *indexCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{referencesDesc, seqDesc, readyDesc, entriesDesc, bytesDesc, lookupsDesc, partialDesc, searchDesc, commitDesc, proposalsDesc, committedDesc, waitingDesc, laneActive, laneWaiting, laneTurned, heldDesc, streamsDesc, streamBytes, framesDesc, segmentsDesc, followersDesc, webhooksDesc, parkedDesc, behindDesc, lettersDesc, buildDesc} {
		descs <- d
	}
	for _, d := range stageDescs {
		descs <- d
	}
}

func (x *indexCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	histogram := func(d *prometheus.Desc, h hashindex.Histogram, labels ...string) {
		buckets := make(map[float64]uint64, len(h.Buckets))
		for bound, count := range h.Buckets {
			buckets[bound.Seconds()] = count
		}
		out <- prometheus.MustNewConstHistogram(d, h.Count, h.Sum.Seconds(), buckets, labels...)
	}
	stats, err := x.index.Stats()
	if err != nil {
		out <- prometheus.NewInvalidMetric(referencesDesc, err)
	}
	gauge(buildDesc, 1, x.config.Version, string(stats.Recipe), runtime.Version())
	gauge(seqDesc, float64(stats.Seq))
	gauge(readyDesc, map[bool]float64{true: 1}[stats.Ready])
	for _, c := range stats.Collections {
		gauge(referencesDesc, float64(c.References), c.Name, string(c.Purpose))
	}
	for _, each := range stats.Searchers {
		gauge(entriesDesc, float64(each.Entries), each.Space, each.Name)
		gauge(bytesDesc, float64(each.Bytes), each.Space, each.Name)
		counter(lookupsDesc, uint64(each.Lookups), each.Space, each.Name)
	}
	for name, lane := range x.lanes.all() {
		f := lane.Figures()
		gauge(laneActive, float64(f.Active), name)
		gauge(laneWaiting, float64(f.Waiting), name)
		counter(laneTurned, f.TurnedAway, name)
	}
	gauge(heldDesc, float64(x.memory.Held()))
	p := stats.Partial
	for what, n := range map[string]uint64{"proposals": p.Proposals, "aligned": p.Aligned, "matched": p.Matched} {
		counter(partialDesc, n, what)
	}
	histogram(searchDesc, stats.Whole, "whole")
	histogram(searchDesc, p.Took, "partial")
	histogram(commitDesc, stats.Commits.Durations)
	counter(proposalsDesc, stats.Commits.Proposals)
	counter(committedDesc, stats.Commits.Changes)
	gauge(waitingDesc, float64(stats.Commits.Waiting))
	x.collectWebhooks(out, gauge, counter)
	x.collectStreams(gauge, counter)
	x.collectStages(out, gauge, counter)
}

func (x *indexCollector) collectStreams(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	stats := x.streams.Stats()
	gauge(streamsDesc, float64(stats.Open))
	gauge(streamBytes, float64(stats.Bytes))
	gauge(followersDesc, float64(x.tail.count()))
	for outcome, n := range map[string]uint64{"searched": stats.Searched, "unchanged": stats.Unchanged, "dark": stats.Dark, "dropped": stats.Dropped} {
		counter(framesDesc, n, outcome)
	}
	for event, n := range map[string]uint64{"opened": stats.Opened, "grown": stats.Grown, "closed": stats.Closed} {
		counter(segmentsDesc, n, event)
	}
}

func (x *indexCollector) collectWebhooks(out chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	stats, err := x.hooks.Stats(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(webhooksDesc, err)
	}
	gauge(webhooksDesc, float64(stats.Enabled), "enabled")
	gauge(webhooksDesc, float64(stats.Disabled), "disabled")
	gauge(parkedDesc, float64(stats.Parked))
	gauge(behindDesc, float64(stats.Behind))
	for outcome, n := range map[string]uint64{"delivered": stats.Delivered, "failed": stats.Failed, "given_up": stats.Dead} {
		counter(lettersDesc, n, outcome)
	}
}

func (s *Server) showMetrics(c echo.Context) error {
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(c.Response(), c.Request())
	return nil
}

package api

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"touchstone/casework"
)

// Children are the processes that decode what is risky.
type Children struct {
	InFlight int // pictures that they are at
	Pictures uint64
	Took     time.Duration // by all those
	Starts   uint64
	Deaths   map[string]uint64 // by cause: a few words, none of them a client's
}

// StoreSize is what the store's file takes.
type StoreSize struct{ File, Free int64 } // bytes; those free are written over by later changes

// counters count what the server does beside answering: cases, repeated requests, backups. Every label is a word of
// this program, so that no client can make a series.
type counters struct {
	standings *prometheus.CounterVec // of matches that were recorded, by kind too
	decisions *prometheus.CounterVec
	notices   *prometheus.CounterVec
	repeats   *prometheus.CounterVec
	backups   *prometheus.CounterVec
	backedUp  prometheus.Gauge
}

func newCounters(registry prometheus.Registerer) *counters {
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(v)
		return v
	}
	c := &counters{
		standings: vector("touchstone_case_matches_total", "Matches that were recorded with a subject, by what rights and earlier decisions make of them and by kind.", "standing", "kind"),
		decisions: vector("touchstone_case_decisions_total", "Hits that people decided on, by what they did.", "action"),
		notices:   vector("touchstone_case_notices_total", "Notices by the state that they came to.", "state"),
		repeats:   vector("touchstone_idempotent_requests_total", "Requests with an Idempotency-Key: the first under it, answered again, while the first was under way, for something else.", "outcome"),
		backups:   vector("touchstone_backups_total", "Backups that were sent whole, and that broke off.", "outcome"),
		backedUp:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "touchstone_backup_last_success_timestamp_seconds", Help: "When a backup was sent whole for the last time, since the start; 0: not yet."}),
	}
	registry.MustRegister(c.backedUp)
	// What has not happened yet is 0 and not absent, so that an increase is seen.
	for _, outcome := range []string{firstTime, answeredAgain, underWay, somethingElse} {
		c.repeats.WithLabelValues(outcome)
	}
	for _, outcome := range []string{backupWhole, backupBroken} {
		c.backups.WithLabelValues(outcome)
	}
	for _, action := range casework.Actions() {
		c.decisions.WithLabelValues(string(action))
	}
	c.notices.WithLabelValues(string(casework.NoticeDrafted))
	c.standings.WithLabelValues(string(casework.IsHit), "copy")
	return c
}

const (
	firstTime     = "first"
	answeredAgain = "repeated"
	underWay      = "busy"
	somethingElse = "other"

	backupWhole  = "whole"
	backupBroken = "broken"
)

func (c *counters) backup(now time.Time, err error) {
	if err != nil {
		c.backups.WithLabelValues(backupBroken).Inc()
		return
	}
	c.backups.WithLabelValues(backupWhole).Inc()
	c.backedUp.Set(float64(now.Unix()))
}

var (
	childFlight  = prometheus.NewDesc("touchstone_decode_children_in_flight", "Pictures that decoding processes are at.", nil, nil)
	childAsked   = prometheus.NewDesc("touchstone_decode_children_pictures_total", "Pictures that decoding processes were asked for.", nil, nil)
	childSeconds = prometheus.NewDesc("touchstone_decode_children_seconds_total", "Time that decoding processes took for pictures.", nil, nil)
	childStarts  = prometheus.NewDesc("touchstone_decode_children_starts_total", "Decoding processes that were started.", nil, nil)
	childDeaths  = prometheus.NewDesc("touchstone_decode_children_deaths_total", "Decoding processes that died: of a picture's time, of decoding it, or at their start.", []string{"cause"}, nil)
	storeBytes   = prometheus.NewDesc("touchstone_store_bytes", "Size of the store's file: in use, and free for later changes. Compacting gives back what is free, but for 16 MiB that the file is made larger by at a time.", []string{"state"}, nil)
	repeatsKept  = prometheus.NewDesc("touchstone_idempotency_records", "Answers that are remembered under Idempotency-Keys.", nil, nil)
	repeatsBytes = prometheus.NewDesc("touchstone_idempotency_bytes", "Size of the answers that are remembered.", nil, nil)
	spooledDesc  = prometheus.NewDesc("touchstone_spooled_bytes", "Room on the disk that videos take while they are decoded.", nil, nil)
)

var stageDescs = []*prometheus.Desc{childFlight, childAsked, childSeconds, childStarts, childDeaths, storeBytes, repeatsKept, repeatsBytes, spooledDesc}

// collectStages is part of indexCollector.Collect.
func (x *indexCollector) collectStages(out chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	if x.config.Children != nil {
		c := x.config.Children()
		gauge(childFlight, float64(c.InFlight))
		counter(childAsked, c.Pictures)
		out <- prometheus.MustNewConstMetric(childSeconds, prometheus.CounterValue, c.Took.Seconds())
		counter(childStarts, c.Starts)
		for _, cause := range slices.Sorted(maps.Keys(c.Deaths)) {
			counter(childDeaths, c.Deaths[cause], cause)
		}
	}
	if x.config.Store != nil {
		if size, err := x.config.Store(); err != nil {
			out <- prometheus.NewInvalidMetric(storeBytes, err)
		} else {
			gauge(storeBytes, float64(size.File-size.Free), "used")
			gauge(storeBytes, float64(size.Free), "free")
		}
	}
	if kept, err := x.repeats.Stats(x.stopping); err != nil {
		out <- prometheus.NewInvalidMetric(repeatsKept, err)
	} else {
		gauge(repeatsKept, float64(kept.Records))
		gauge(repeatsBytes, float64(kept.Bytes))
	}
	gauge(spooledDesc, float64(x.spools.Held()))
}

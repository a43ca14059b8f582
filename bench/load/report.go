package load

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// sample is what came of requests of one stream.
type sample struct {
	took   time.Duration   // of the phases
	times  []time.Duration // of answered requests
	errors int
	first  error // of the errors
}

func (s *sample) note(took time.Duration, err error) {
	if err != nil {
		if s.errors++; s.first == nil {
			s.first = err
		}
		return
	}
	s.times = append(s.times, took)
}

func (s *sample) add(other *sample) {
	s.took += other.took
	s.times = append(s.times, other.times...)
	s.errors += other.errors
	if s.first == nil {
		s.first = other.first
	}
}

// Row is what was measured of one stream. Times are in seconds.
type Row struct {
	Stream   string  `json:"stream"`
	With     string  `json:"with,omitempty"` // the disturbance; empty for none
	Requests int     `json:"requests"`       // answered
	Errors   int     `json:"errors"`
	Error    string  `json:"error,omitempty"` // the first of them
	Rate     float64 `json:"requests_per_second"`
	Unit     string  `json:"unit"`
	Units    float64 `json:"units_per_second"`
	P50      float64 `json:"p50_seconds"`
	P90      float64 `json:"p90_seconds"`
	P99      float64 `json:"p99_seconds"`
	Max      float64 `json:"max_seconds"`
}

func rows(config Config, samples map[key]*sample) (all []Row) {
	with := ""
	for _, s := range config.Disturbing {
		if with != "" {
			with += ", "
		}
		with += s.Name
	}
	for _, s := range config.Streams {
		all = append(all, samples[key{s, false}].row(s, ""))
		if disturbed := samples[key{s, true}]; disturbed != nil {
			all = append(all, disturbed.row(s, with))
		}
	}
	for _, s := range config.Disturbing {
		all = append(all, samples[key{s, true}].row(s, ""))
	}
	return all
}

func (s *sample) row(of *Stream, with string) Row {
	slices.Sort(s.times)
	r := Row{
		Stream: of.Name, With: with, Requests: len(s.times), Errors: s.errors,
		Rate: float64(len(s.times)) / s.took.Seconds(), Unit: of.Unit,
		P50: s.quantile(0.50), P90: s.quantile(0.90), P99: s.quantile(0.99), Max: s.quantile(1),
	}
	r.Units = r.Rate * float64(of.Each)
	if s.first != nil {
		r.Error = s.first.Error()
	}
	return r
}

// quantile is the time that this share of the requests does not exceed.
func (s *sample) quantile(share float64) float64 {
	if len(s.times) == 0 {
		return 0
	}
	return s.times[min(len(s.times)-1, int(share*float64(len(s.times))))].Seconds()
}

// WriteText prints the rows for a person.
func WriteText(out io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stream\tbeside\trequests\terrors\trequests/s\tunits/s\tp50 ms\tp90 ms\tp99 ms\tmax ms\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.1f\t%.0f %s\t%.2f\t%.2f\t%.2f\t%.2f\t\n",
			r.Stream, r.With, r.Requests, r.Errors, r.Rate, r.Units, r.Unit, 1e3*r.P50, 1e3*r.P90, 1e3*r.P99, 1e3*r.Max)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, r := range rows {
		if r.Error != "" {
			fmt.Fprintf(out, "%s: the first error: %s\n", r.Stream, r.Error)
		}
		if i > 0 && r.With != "" && rows[i-1].Stream == r.Stream && rows[i-1].P99 > 0 {
			fmt.Fprintf(out, "%s: the 99th percentile beside %s is %.2f times that of a quiet server\n", r.Stream, r.With, r.P99/rows[i-1].P99)
		}
	}
	return nil
}

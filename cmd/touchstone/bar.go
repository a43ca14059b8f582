package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows how far long work has come, with the rate and the time left, to a person at a
// terminal. The zero bar shows nothing.
type bar struct{ *progressbar.ProgressBar }

// bar shows progress towards that total, or only the rate when it is -1.
func (a *app) bar(total int64, what string) bar {
	if a.json || !onTerminal(a.stderr) {
		return bar{}
	}
	return bar{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(a.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(what),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
	)}
}

func (b bar) add(n int) {
	if b.ProgressBar != nil {
		b.Add(n)
	}
}

func (b bar) done() {
	if b.ProgressBar != nil {
		b.Clear()
	}
}

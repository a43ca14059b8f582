package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/store/bolt"
)

// buildInfo says what this binary is.
type buildInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	System  string `json:"system"`
	Recipe  string `json:"recipe"` // of the fingerprints that it makes
	Format  int    `json:"format"` // of the stores that it writes
}

func (a *app) versionCommand() *cobra.Command {
	return a.verb("version", "Say which version this is", cobra.NoArgs, func(context.Context, []string) error {
		b := thisBuild()
		return a.print(b, fmt.Sprintf("touchstone %s %s\n%s %s\nrecipe %s, store format %d",
			b.Version, b.Commit, b.Go, b.System, b.Recipe, b.Format))
	})
}

func thisBuild() buildInfo {
	b := buildInfo{
		Version: "(devel)", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Recipe: string(fingerprint.Recipe), Format: bolt.Format,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Commit += " (modified)"
		}
	}
	return b
}

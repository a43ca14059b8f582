package main

import (
	"context"
	"encoding/json"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"touchstone/bench/quality"
	"touchstone/hashindex/fingerprint"
)

func (a *app) benchCommand() *cobra.Command {
	return group("bench", "Measure", a.benchQualityCommand(), a.benchPlanCommand(), a.benchLoadCommand())
}

func (a *app) benchQualityCommand() *cobra.Command {
	var images, same string
	var config quality.Config
	verb := a.verb("quality", "How many altered copies are found, and how many strangers are taken for one", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.benchQuality(ctx, images, same, config) })
	verb.Long = `Half of the pictures become references, the other half are strangers; every attack is applied to a
sample of both. Prints, for each attack, the share of altered copies found and the strangers that
were answered, for one pHash, one PDQ hash and touchstone itself.`
	flags := verb.Flags()
	flags.StringVar(&images, "images", "", "`folder` of pictures")
	flags.StringVar(&same, "same", "", "`file` of pairs known to show the same, separated by a tab, as paths that end in those of the folder")
	flags.IntVar(&config.Sample, "sample", 300, "queries of each kind and attack")
	flags.StringSliceVar(&config.Only, "attacks", nil, "apply these `names` alone, separated by commas")
	flags.Uint64Var(&config.Seed, "seed", 1, "`number` that all chance comes from")
	return required(verb, "images")
}

func (a *app) benchQuality(ctx context.Context, images, same string, config quality.Config) error {
	sources, err := readSources(images)
	if err != nil {
		return err
	}
	if config.Same, err = readSame(images, same); err != nil {
		return err
	}
	h, err := openHouse(ctx, "", noStore)
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.index.WaitReady(ctx); err != nil {
		return err
	}
	maker := fingerprint.New(fingerprint.Limits{})
	config.Index, config.Fingerprint, config.Workers = h.index, maker.Picture, runtime.GOMAXPROCS(0)
	config.Decode = func(ctx context.Context, encoded []byte) (image.Image, error) { return maker.Still(ctx, encoded) }
	progress := a.bar(int64(len(config.Attacks())+1), "attacks")
	config.Progress = func(int) { progress.add(1) }
	report, err := quality.Run(ctx, sources, config)
	progress.done()
	if err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.stdout).Encode(report)
	}
	return report.WriteText(a.stdout)
}

// readSources reads every file below the folder; what is no picture is sorted out by the run.
func readSources(folder string) (sources []quality.Source, _ error) {
	return sources, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		encoded, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		sources = append(sources, quality.Source{Name: filepath.ToSlash(name), Encoded: encoded})
		return err
	})
}

// readSame reads the pairs, whose paths may begin with the folder's own name.
func readSame(images, same string) (quality.Groups, error) {
	if same == "" {
		return quality.Groups{}, nil
	}
	f, err := os.Open(same)
	if err != nil {
		return quality.Groups{}, err
	}
	defer f.Close()
	return quality.ReadGroups(f, strings.TrimSuffix(filepath.Base(images), "/")+"/")
}

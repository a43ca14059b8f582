package main

import (
	"context"
	"encoding/json"
	"fmt"
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
	return group("bench", "Measure", a.benchQualityCommand(), a.benchCalibrateCommand(), a.benchPlanCommand(), a.benchLoadCommand())
}

func (a *app) benchQualityCommand() *cobra.Command {
	var images, same []string
	var copies, keep string
	var config quality.Config
	verb := a.verb("quality", "How many altered copies are found, and how many strangers are taken for one", cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			return a.benchQuality(ctx, images, same, copies, keeper(keep, config))
		})
	verb.Long = `A part of the pictures are strangers, the others become references; every attack is applied to a
sample of both. Prints, for each attack, the share of altered copies found and the strangers that
were answered, for one pHash, one PDQ hash and touchstone itself. A picture's name is its path from
the folder on, the folder's own name first.`
	flags := verb.Flags()
	flags.StringSliceVar(&images, "images", nil, "`folders` of pictures, separated by commas")
	flags.StringSliceVar(&same, "same", nil, "`files` of pairs of names known to show the same, separated by commas; names by a tab")
	flags.StringVar(&copies, "copies", "", "`file` of known copies: kind (copy), group, reference and query, separated by tabs")
	flags.Float64Var(&config.HeldOut, "held-out", 0.5, "`share` of the pictures that are strangers")
	flags.StringVar(&keep, "keep", "", "`folder` to write the queries to, for other programs to be measured on")
	flags.StringVar(&config.Apart, "apart", "", "references whose names begin with this `prefix` are reported apart")
	flags.IntVar(&config.Sample, "sample", 300, "queries of each kind and attack")
	flags.StringSliceVar(&config.Only, "attacks", nil, "apply these `names` alone, separated by commas")
	flags.Uint64Var(&config.Seed, "seed", 1, "`number` that all chance comes from")
	return required(verb, "images")
}

// keeper makes the run write its queries into the folder, as ATTACK/copy/NAME and ATTACK/stranger/NAME
// with the slashes of a name as |.
func keeper(folder string, config quality.Config) quality.Config {
	if folder == "" {
		return config
	}
	config.Keep = func(attack string, stranger bool, name string, encoded []byte) error {
		place := filepath.Join(folder, attack)
		switch {
		case attack != "" && stranger:
			place = filepath.Join(place, "stranger")
		case attack != "":
			place = filepath.Join(place, "copy")
		}
		if err := os.MkdirAll(place, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(place, strings.ReplaceAll(name, "/", "|")), encoded, 0o644)
	}
	return config
}

func (a *app) benchQuality(ctx context.Context, images, same []string, copies string, config quality.Config) error {
	sources, err := readAll(images)
	if err != nil {
		return err
	}
	if config.Same, err = readSame(same, copies); err != nil {
		return err
	}
	if config.Copies, err = readCopies(copies); err != nil {
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
	config.Index, config.Fingerprint, config.Workers = h.index, maker.Detailed, runtime.GOMAXPROCS(0)
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

func readAll(folders []string) (sources []quality.Source, _ error) {
	for _, folder := range folders {
		more, err := readSources(folder)
		if err != nil {
			return nil, err
		}
		sources = append(sources, more...)
	}
	return sources, nil
}

// readSources reads every file below the folder; what is no picture is sorted out by the run.
func readSources(folder string) (sources []quality.Source, _ error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	return sources, filepath.WalkDir(absolute, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		encoded, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Dir(absolute), path)
		sources = append(sources, quality.Source{Name: filepath.ToSlash(name), Encoded: encoded})
		return err
	})
}

// readSame reads which pictures show the same: copies known as such do.
func readSame(same []string, copies string) (quality.Groups, error) {
	var groups quality.Groups
	for _, name := range same {
		f, err := os.Open(name)
		if err != nil {
			return groups, err
		}
		defer f.Close()
		if groups, err = groups.Read(f); err != nil {
			return groups, fmt.Errorf("%s: %w", name, err)
		}
	}
	pairs, err := readCopies(copies)
	if err != nil {
		return groups, err
	}
	return groups.With(pairs), nil
}

func readCopies(name string) ([]quality.Pair, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return quality.ReadPairs(f)
}

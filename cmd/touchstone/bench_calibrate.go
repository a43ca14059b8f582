package main

import (
	"context"
	"encoding/json"
	"image"
	"runtime"

	"github.com/spf13/cobra"

	"touchstone/bench/quality"
	"touchstone/hashindex/fingerprint"
)

func (a *app) benchCalibrateCommand() *cobra.Command {
	var images, same []string
	var copies string
	var config quality.Config
	verb := a.verb("calibrate", "Fit the score of alignments", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.benchCalibrate(ctx, images, same, copies, config)
	})
	verb.Long = `Alters pictures as bench quality does, lays what is proposed for them over each, and fits the score to tell
right references from wrong ones: on half of the scenes, tried on the other half, then on all. Prints
the weights that package align holds.`
	flags := verb.Flags()
	flags.StringSliceVar(&images, "images", nil, "`folders` of pictures, separated by commas")
	flags.StringSliceVar(&same, "same", nil, "`files` of pairs of names known to show the same, separated by commas; names by a tab")
	flags.StringVar(&copies, "copies", "", "`file` of known copies: kind (copy), group, reference and query, separated by tabs")
	flags.Float64Var(&config.HeldOut, "held-out", 0.5, "`share` of the pictures that are strangers")
	flags.IntVar(&config.Sample, "sample", 40, "queries of each kind and attack")
	flags.StringSliceVar(&config.Only, "attacks", nil, "apply these `names` alone, separated by commas")
	flags.Uint64Var(&config.Seed, "seed", 1, "`number` that all chance comes from")
	return required(verb, "images")
}

func (a *app) benchCalibrate(ctx context.Context, images, same []string, copies string, config quality.Config) error {
	sources, err := readAll(images)
	if err != nil {
		return err
	}
	if config.Same, err = readSame(same, copies); err != nil {
		return err
	}
	maker := fingerprint.New(fingerprint.Limits{})
	config.Fingerprint, config.Workers = maker.Detailed, runtime.GOMAXPROCS(0)
	config.Decode = func(ctx context.Context, encoded []byte) (image.Image, error) { return maker.Still(ctx, encoded) }
	progress := a.bar(int64(len(config.Attacks())+1), "attacks")
	config.Progress = func(int) { progress.add(1) }
	laid, err := quality.Lay(ctx, sources, config, newLaying())
	progress.done()
	if err != nil {
		return err
	}
	fit := quality.FitScore(laid, scoreTerms)
	if a.json {
		return json.NewEncoder(a.stdout).Encode(fit)
	}
	return fit.WriteText(a.stdout)
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/bench/load"
	"touchstone/fixtures/codes"
	"touchstone/hashindex"
)

// loadOptions are the flags of bench load.
type loadOptions struct {
	algorithm   string
	radius      int
	batch       int
	workers     int
	rate        float64
	pictures    string
	pictureRate float64
	addRate     float64
	addBatch    int
	fill        int
	phase       time.Duration
	phases      int
	seed        uint64
}

func (a *app) benchLoadCommand() *cobra.Command {
	var o loadOptions
	verb := a.verb("load", "Drive a server over HTTP and say how fast it answers", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.benchLoad(ctx, o) })
	verb.Long = `Sends batches of hashes, and pictures and additions if asked to, all at the same time over connections
that are kept, and prints rates and times. Half of the hashes are near references of the server,
half are random. Without a rate, each worker sends its next request once the last is answered; with
one, requests are due at that rate whether or not the server keeps up, and their times count from
then. With --add-rate, phases with additions and without take turns, so that one run compares them.

  touchstone bench load --server http://127.0.0.1:8080 --fill 1000000 --add-rate 1000

What is added goes to the collection ` + loadAdds + `, which is removed at the end; what --fill adds goes
to one named after its size, such as ` + loadFilled + `-pdq-1000000, and stays, for the next run to use.`
	flags := verb.Flags()
	flags.StringVar(&o.algorithm, "algorithm", "pdq", "`name` of the hashes: pdq, phash, dhash or ahash")
	flags.IntVar(&o.radius, "radius", hashindex.PolicyRadius, "`bits`; -1: each collection's own")
	flags.IntVar(&o.batch, "batch", 1000, "hashes a request")
	flags.IntVar(&o.workers, "workers", 2, "requests under way at once, of each kind")
	flags.Float64Var(&o.rate, "rate", 0, "requests of hashes a second; 0: as many as are answered")
	flags.StringVar(&o.pictures, "pictures", "", "`folder` of pictures to match as well")
	flags.Float64Var(&o.pictureRate, "picture-rate", 0, "pictures a second; 0: as many as are answered")
	flags.Float64Var(&o.addRate, "add-rate", 0, "references a second to add, in every second phase")
	flags.IntVar(&o.addBatch, "add-batch", 10, "references an addition")
	flags.IntVar(&o.fill, "fill", 0, "references with random hashes, some alike, to add first")
	flags.DurationVar(&o.phase, "phase", 5*time.Second, "how long each phase takes")
	flags.IntVar(&o.phases, "phases", 0, "phases; 0: 1, or 6 with --add-rate")
	flags.Uint64Var(&o.seed, "seed", 1, "`number` that all chance comes from")
	return verb
}

const (
	loadFilled = "bench-filled"
	loadAdds   = "bench-added"
)

func (a *app) benchLoad(ctx context.Context, o loadOptions) error {
	if err := o.check(); err != nil {
		return usageError{err, "touchstone bench load"}
	}
	return a.connect(ctx, writing, func(c *client.Client) error {
		d := &driver{app: a, client: c, loadOptions: o, rng: rand.New(rand.NewPCG(o.seed, 1))}
		config, err := d.prepare(ctx)
		if err != nil {
			return err
		}
		progress := a.bar(int64(config.Phases), "phases")
		config.Progress = func() { progress.add(1) }
		rows, err := load.Run(ctx, config)
		progress.done()
		if err = errors.Join(err, d.cleanUp()); err != nil {
			return err
		}
		return a.printLoad(rows)
	})
}

func (o *loadOptions) check() error {
	algorithm, err := hashindex.ParseAlgorithm(o.algorithm)
	switch {
	case err != nil:
		return err
	case o.radius < hashindex.PolicyRadius || o.radius > algorithm.MaxRadius():
		return fmt.Errorf("--radius %d is not within 0..%d", o.radius, algorithm.MaxRadius())
	case o.batch < 1 || o.batch > hashindex.MaxHashes || o.addBatch < 1 || o.addBatch > hashindex.MaxHashes:
		return fmt.Errorf("--batch and --add-batch are within 1..%d", hashindex.MaxHashes)
	case o.workers < 1 || o.rate < 0 || o.pictureRate < 0 || o.addRate < 0 || o.fill < 0 || o.phases < 0 || o.phase <= 0:
		return errors.New("numbers below 0, no workers or no time make no load")
	}
	return nil
}

func (a *app) printLoad(rows []load.Row) error {
	if !a.json {
		return load.WriteText(a.stdout, rows)
	}
	for _, row := range rows {
		if err := a.printJSON(row); err != nil {
			return err
		}
	}
	return nil
}

// driver makes the requests of one run.
type driver struct {
	*app
	client *client.Client
	loadOptions
	rng    *rand.Rand
	adding bool // the collection for additions is there
}

func (d *driver) prepare(ctx context.Context) (config load.Config, err error) {
	near, err := d.known(ctx)
	if err != nil {
		return config, err
	}
	hashes, err := d.hashStream(near)
	if err != nil {
		return config, err
	}
	config = load.Config{Streams: []*load.Stream{hashes}, Phase: d.phase, Phases: max(1, d.phases)}
	if d.pictures != "" {
		pictures, err := d.pictureStream()
		if err != nil {
			return config, err
		}
		config.Streams = append(config.Streams, pictures)
	}
	if d.addRate > 0 {
		if d.phases == 0 {
			config.Phases = 6
		}
		config.Phases = max(2, config.Phases)
		additions, err := d.additionStream(ctx)
		if err != nil {
			return config, err
		}
		config.Disturbing = []*load.Stream{additions}
	}
	return config, nil
}

// bodies is how many different requests are made beforehand, to be sent in turn.
const bodies = 256

func (d *driver) hashStream(near []hashindex.Hash) (*load.Stream, error) {
	asked := wire.MatchHashRequest{Algorithm: d.algorithm, Hashes: make([]string, d.batch)}
	if d.radius != hashindex.PolicyRadius {
		asked.Radius = &d.radius
	}
	queries := codes.Queries(d.seed+1, near, min(bodies*d.batch, max(200_000, d.batch)))
	made := make([][]byte, max(1, len(queries)/d.batch))
	for i := range made {
		for n := range asked.Hashes {
			asked.Hashes[n] = queries[(i*d.batch+n)%len(queries)].String()
		}
		var err error
		if made[i], err = json.Marshal(asked); err != nil {
			return nil, err
		}
	}
	return &load.Stream{
		Name: "hashes", Unit: "hashes", Each: d.batch, Rate: d.rate, Workers: d.workers,
		Send: d.send("/v1/match/hash", "application/json", made),
	}, nil
}

func (d *driver) send(path, contentType string, made [][]byte) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		_, err := d.client.Drive(ctx, path, contentType, made[n%len(made)])
		return err
	}
}

func (d *driver) pictureStream() (*load.Stream, error) {
	sources, err := readSources(d.pictures)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s: no files", d.pictures)
	}
	made := make([][]byte, len(sources))
	for i, at := range d.rng.Perm(len(sources)) {
		made[i] = sources[at].Encoded
	}
	return &load.Stream{
		Name: "pictures", Unit: "pictures", Each: 1, Rate: d.pictureRate, Workers: d.workers,
		Send: d.send("/v1/match", "application/octet-stream", made),
	}, nil
}

// additionStream adds ever new references.
func (d *driver) additionStream(ctx context.Context) (*load.Stream, error) {
	if _, err := d.client.CreateCollection(ctx, wire.NewCollection{Name: loadAdds, Purpose: string(hashindex.Work)}); err != nil {
		return nil, err
	}
	d.adding = true
	bits := d.bits()
	return &load.Stream{
		Name: "additions", Unit: "references", Each: d.addBatch, Rate: d.addRate / float64(d.addBatch), Workers: d.workers,
		Send: func(ctx context.Context, n int) error {
			rng := rand.New(rand.NewPCG(d.seed+2, uint64(n)))
			list := make([]wire.HashReference, d.addBatch)
			for i := range list {
				list[i] = d.reference(fmt.Sprintf("%d-%d", n, i), codes.Random(rng, bits))
			}
			body, err := json.Marshal(wire.HashReferences{References: list})
			if err == nil {
				_, err = d.client.Drive(ctx, "/v1/collections/"+loadAdds+"/references", "application/json", body)
			}
			return err
		},
	}, nil
}

func (d *driver) bits() int {
	algorithm, _ := hashindex.ParseAlgorithm(d.algorithm) // checked
	return algorithm.Bits()
}

func (d *driver) reference(externalID string, h hashindex.Hash) wire.HashReference {
	reference := wire.HashReference{ExternalID: externalID}
	switch d.algorithm {
	case "pdq":
		reference.Hashes.PDQ = h.String()
	case "phash":
		reference.Hashes.PHash = h.String()
	case "dhash":
		reference.Hashes.DHash = h.String()
	case "ahash":
		reference.Hashes.AHash = h.String()
	}
	return reference
}

// cleanUp goes on after an interruption: the additions are nobody's.
func (d *driver) cleanUp() error {
	if !d.adding {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := d.client.RemoveCollection(ctx, loadAdds, true)
	return err
}

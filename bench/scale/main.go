// Command scale measures how look-ups grow with the number of references, for every searcher, width and
// radius, and writes what it finds: tables and plots for bench/README.md, and the measured costs by which the
// index chooses a searcher.
//
//	go run ./bench/scale                  from 10,000 to 1,000,000 references, two minutes
//	go run ./bench/scale -max 10000000    to 10,000,000, 8 GB of memory
//	go run ./bench/scale -costs           also costs.go of each package of hashindex/search
//
// It is run from the top of the project.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	var c config
	flag.IntVar(&c.max, "max", 1_000_000, "references, at most")
	flag.IntVar(&c.rounds, "rounds", 3, "how often each is asked, in turn; medians count")
	flag.DurationVar(&c.time, "time", defaultTime, "CPU time for each of these")
	flag.StringVar(&c.out, "out", "bench", "`folder` for scale.ndjson, the plots and README.md")
	flag.BoolVar(&c.costs, "costs", false, "write the costs in hashindex/search too")
	flag.Parse()
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(c config) error {
	cells, err := measureAll(c)
	if err != nil {
		return err
	}
	if err := writeCells(filepath.Join(c.out, "scale.ndjson"), cells); err != nil {
		return err
	}
	if err := writePlots(c.out, cells); err != nil {
		return err
	}
	if err := writeTables(filepath.Join(c.out, "README.md"), cells); err != nil {
		return err
	}
	if c.costs {
		return writeCosts(filepath.Join("hashindex", "search"), cells)
	}
	return nil
}

func writeCells(path string, cells []cell) error {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	for _, c := range cells {
		if err := lines.Encode(c); err != nil {
			return err
		}
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

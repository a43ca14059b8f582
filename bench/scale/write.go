package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"touchstone/bench/plot"
)

// shown are the radii of the tables and plots: what users ask for.
var shown = map[int][]int{64: {4, 8, 10}, 256: {16, 31, 48}}

// smallest is the smallest size that is shown; smaller ones are for the costs.
const smallest = 10_000

func writePlots(folder string, cells []cell) error {
	for bits, radii := range shown {
		f := plot.Figure{
			Title:  fmt.Sprintf("Look-ups a second of CPU time, hashes of %d bits", bits),
			XLabel: "references", YLabel: "look-ups/s, one thread",
		}
		for _, radius := range radii {
			panel := plot.Panel{Title: fmt.Sprintf("radius %d", radius)}
			for _, each := range field {
				line := plot.Line{Name: each.name}
				for _, c := range of(cells, each.name, bits, radius) {
					if c.Entries >= smallest {
						line.Points = append(line.Points, [2]float64{float64(c.Entries), c.Lookups})
					}
				}
				panel.Lines = append(panel.Lines, line)
			}
			f.Panels = append(f.Panels, panel)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("scale-%d.svg", bits)), []byte(f.SVG()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// of are the cells of one searcher by size.
func of(cells []cell, searcher string, bits, radius int) (some []cell) {
	for _, c := range cells {
		if c.Searcher == searcher && c.Bits == bits && c.Radius == radius {
			some = append(some, c)
		}
	}
	slices.SortFunc(some, func(a, b cell) int { return a.Entries - b.Entries })
	return some
}

const (
	tablesBegin = "<!-- tables of bench/scale: begin -->\n"
	tablesEnd   = "<!-- tables of bench/scale: end -->\n"
)

// writeTables puts the tables between the marks of the page.
func writeTables(path string, cells []cell) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begun := strings.Cut(string(page), tablesBegin)
	_, after, ended := strings.Cut(rest, tablesEnd)
	if !begun || !ended {
		return fmt.Errorf("%s: no place for the tables between %q and %q", path, tablesBegin, tablesEnd)
	}
	return os.WriteFile(path, []byte(before+tablesBegin+tables(cells)+tablesEnd+after), 0o644)
}

func tables(cells []cell) string {
	var out strings.Builder
	for _, bits := range []int{64, 256} {
		fmt.Fprintf(&out, "\n![look-ups of %[1]d bits by size](scale-%[1]d.svg)\n\n| %[1]d bits |", bits)
		var sizes []int
		for _, c := range of(cells, field[0].name, bits, shown[bits][0]) {
			if c.Entries >= smallest {
				sizes = append(sizes, c.Entries)
				fmt.Fprintf(&out, " %s |", grouped(float64(c.Entries)))
			}
		}
		out.WriteString("\n|---|" + strings.Repeat("---:|", len(sizes)) + "\n")
		for _, radius := range shown[bits] {
			for _, each := range field {
				fmt.Fprintf(&out, "| r %d, %s |", radius, each.name)
				for _, c := range of(cells, each.name, bits, radius) {
					if c.Entries >= smallest {
						fmt.Fprintf(&out, " %s |", grouped(c.Lookups))
					}
				}
				out.WriteString("\n")
			}
		}
		for _, each := range field {
			fmt.Fprintf(&out, "| bytes a hash, %s |", each.name)
			for _, c := range of(cells, each.name, bits, shown[bits][0]) {
				if c.Entries >= smallest {
					fmt.Fprintf(&out, " %.0f |", c.Bytes)
				}
			}
			out.WriteString("\n")
		}
	}
	out.WriteString("\n")
	return out.String()
}

// grouped writes a number with commas, to three digits that mean something.
func grouped(value float64) string {
	n := int(value)
	for scale := 1; ; scale *= 10 {
		if n/scale < 1000 {
			n = n / scale * scale
			break
		}
	}
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

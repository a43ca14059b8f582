package plot_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"touchstone/bench/plot"
)

func figure() plot.Figure {
	return plot.Figure{
		Title: "Look-ups <64 bits>", XLabel: "references", YLabel: "look-ups/s",
		Panels: []plot.Panel{
			{"r 4", []plot.Line{{"a & b", [][2]float64{{1000, 1e5}, {1e6, 250}}}, {"c", [][2]float64{{1000, 10}, {1e6, 1}}}}},
			{"r 8", []plot.Line{{"c", [][2]float64{{1000, 20}, {1e6, 3}}}}},
		},
	}
}

func TestDrawingIsXMLWithItsWordsInIt(t *testing.T) {
	svg := figure().SVG()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	words := ""
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
		if text, ok := token.(xml.CharData); ok {
			words += string(text)
		}
	}
	for _, want := range []string{"Look-ups <64 bits>", "references", "look-ups/s", "a & b", "r 8", "1 k", "1 M", "100 k"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if !strings.Contains(svg, "prefers-color-scheme:dark") {
		t.Error("no colours for a dark page")
	}
}

// TestPointsLieWhereTheirValuesAre: the lowest of both axes at the bottom left, the highest at the top right.
func TestPointsLieWhereTheirValuesAre(t *testing.T) {
	f := plot.Figure{Panels: []plot.Panel{{"", []plot.Line{{"a", [][2]float64{{10, 1}, {100, 10}, {1000, 100}}}}}}}
	if svg := f.SVG(); !strings.Contains(svg, `d="M64.0 298.0L204.0 178.0L344.0 58.0"`) {
		t.Error(svg)
	}
}

func TestLineOfOneNameLooksTheSameInEveryPanel(t *testing.T) {
	if svg := figure().SVG(); strings.Count(svg, `class="line s1"`) != 2 || strings.Count(svg, `class="line s0"`) != 1 {
		t.Error(svg)
	}
}

func TestNothingToDrawIsDrawn(t *testing.T) {
	if svg := (plot.Figure{Panels: []plot.Panel{{}}}).SVG(); !strings.HasSuffix(svg, "</svg>\n") {
		t.Error(svg)
	}
}

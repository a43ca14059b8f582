// Package plot draws lines on logarithmic axes as SVG that reads well on a light and on a dark page.
package plot

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Panel is one of the plots that stand side by side and share their axes.
type Panel struct {
	Title string
	Lines []Line
}

// Line is named points in the order of x, all above 0. Lines of one name look alike in all panels.
type Line struct {
	Name   string
	Points [][2]float64
}

// Figure is a row of panels.
type Figure struct {
	Title, XLabel, YLabel string
	Panels                []Panel
}

const (
	panelWidth, panelHeight  = 280, 240
	left, right, top, bottom = 64, 24, 58, 46
	gap                      = 40
)

// Styles of the lines, in the order in which their names first come.
var markers = []string{"circle", "square", "diamond", "triangle"}

const style = `<style>
text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-size:14px;font-weight:600}.small{font-size:11px}
.grid{stroke:#d1d9e0;stroke-width:1}.frame{stroke:#818b98;fill:none}.line{fill:none;stroke-width:2}
.s0{stroke:#0550ae}.s1{stroke:#bc4c00}.s2{stroke:#1a7f37}.s3{stroke:#8250df}
.f0{fill:#0550ae}.f1{fill:#bc4c00}.f2{fill:#1a7f37}.f3{fill:#8250df}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.grid{stroke:#3d444d}.frame{stroke:#9198a1}
.s0{stroke:#58a6ff}.s1{stroke:#f0883e}.s2{stroke:#3fb950}.s3{stroke:#bc8cff}
.f0{fill:#58a6ff}.f1{fill:#f0883e}.f2{fill:#3fb950}.f3{fill:#bc8cff}}
</style>
`

// SVG is the drawing.
func (f Figure) SVG() string {
	d := drawing{figure: f, names: f.names()}
	d.x, d.y = f.axis(0), f.axis(1)
	width := left + right + len(f.Panels)*panelWidth + (len(f.Panels)-1)*gap
	height := top + panelHeight + bottom
	fmt.Fprintf(&d.out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n",
		width, height, width, height, html.EscapeString(f.Title))
	d.out.WriteString(style)
	d.text(left, 18, "title", "start", f.Title)
	d.legend()
	for i, p := range f.Panels {
		d.panel(p, left+i*(panelWidth+gap), i == 0)
	}
	d.text(width/2, height-8, "", "middle", f.XLabel)
	fmt.Fprintf(&d.out, `<text transform="translate(14 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", top+panelHeight/2, html.EscapeString(f.YLabel))
	d.out.WriteString("</svg>\n")
	return d.out.String()
}

// names are those of the lines, in the order in which they come.
func (f Figure) names() (names []string) {
	seen := map[string]bool{}
	for _, p := range f.Panels {
		for _, l := range p.Lines {
			if !seen[l.Name] {
				seen[l.Name] = true
				names = append(names, l.Name)
			}
		}
	}
	return names
}

// axis runs over whole decades, as exponents of ten.
type axis struct{ low, high int }

func (f Figure) axis(coordinate int) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range f.Panels {
		for _, l := range p.Lines {
			for _, at := range l.Points {
				low, high = min(low, at[coordinate]), max(high, at[coordinate])
			}
		}
	}
	if low > high {
		return axis{0, 1}
	}
	a := axis{int(math.Floor(math.Log10(low) + 1e-9)), int(math.Ceil(math.Log10(high) - 1e-9))}
	if a.low == a.high {
		a.high++
	}
	return a
}

// at is where the value lies, 0..1.
func (a axis) at(value float64) float64 {
	return (math.Log10(value) - float64(a.low)) / float64(a.high-a.low)
}

type drawing struct {
	figure Figure
	names  []string
	x, y   axis
	out    strings.Builder
}

func (d *drawing) text(x, y int, class, anchor, content string) {
	fmt.Fprintf(&d.out, `<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(content))
}

func (d *drawing) legend() {
	x := left
	for i, name := range d.names {
		d.marker(i, float64(x+5), 32)
		d.text(x+14, 36, "", "start", name)
		x += 30 + 7*len(name)
	}
}

func (d *drawing) panel(p Panel, x int, first bool) {
	d.text(x+panelWidth/2, top-6, "", "middle", p.Title)
	for e := d.x.low; e <= d.x.high; e++ {
		at := x + int(d.x.at(math.Pow10(e))*panelWidth)
		fmt.Fprintf(&d.out, `<path class="grid" d="M%d %dv%d"/>`+"\n", at, top, panelHeight)
		d.text(at, top+panelHeight+15, "small", "middle", short(e))
	}
	for e := d.y.low; e <= d.y.high; e++ {
		at := top + panelHeight - int(d.y.at(math.Pow10(e))*panelHeight)
		fmt.Fprintf(&d.out, `<path class="grid" d="M%d %dh%d"/>`+"\n", x, at, panelWidth)
		if first {
			d.text(x-6, at+4, "small", "end", short(e))
		}
	}
	fmt.Fprintf(&d.out, `<rect class="frame" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x, top, panelWidth, panelHeight)
	for _, l := range p.Lines {
		d.line(l, x)
	}
}

func (d *drawing) line(l Line, left int) {
	number := 0
	for i, name := range d.names {
		if name == l.Name {
			number = i % len(markers)
		}
	}
	path := ""
	var marks [][2]float64
	for i, p := range l.Points {
		x, y := float64(left)+d.x.at(p[0])*panelWidth, top+(1-d.y.at(p[1]))*panelHeight
		path += string("ML"[min(i, 1)]) + fmt.Sprintf("%.1f %.1f", x, y)
		marks = append(marks, [2]float64{x, y})
	}
	fmt.Fprintf(&d.out, `<path class="line s%d" d="%s"/>`+"\n", number, path)
	for _, m := range marks {
		d.marker(number, m[0], m[1])
	}
}

// marker tells lines apart where colours do not.
func (d *drawing) marker(number int, x, y float64) {
	number %= len(markers)
	shape := map[string]string{
		"circle":   `<circle class="f%[1]d" cx="%.1[2]f" cy="%.1[3]f" r="4"/>`,
		"square":   `<path class="f%[1]d" d="M%.1[2]f %.1[3]fm-3.5-3.5h7v7h-7z"/>`,
		"diamond":  `<path class="f%[1]d" d="M%.1[2]f %.1[3]fm0-5l5 5-5 5-5-5z"/>`,
		"triangle": `<path class="f%[1]d" d="M%.1[2]f %.1[3]fm0-5l5 8.5h-10z"/>`,
	}[markers[number]]
	fmt.Fprintf(&d.out, shape+"\n", number, x, y)
}

// short writes a power of ten.
func short(exponent int) string {
	switch {
	case exponent >= 6:
		return strconv.Itoa(int(math.Pow10(exponent-6))) + " M"
	case exponent >= 3:
		return strconv.Itoa(int(math.Pow10(exponent-3))) + " k"
	}
	return strconv.FormatFloat(math.Pow10(exponent), 'g', -1, 64)
}

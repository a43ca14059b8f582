package pack

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"touchstone/hashindex"
)

//go:embed page.html
var pageText string

// page is what people read: with the drawings in it, so that it can be sent alone.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"time":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"percent": func(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) },
	"short":   func(d hashindex.Digest) string { return d.String()[:16] },
	"turned":  turned,
	"meaning": func(p hashindex.Purpose) string { return meanings[p] },
	"list":    func(texts []string) string { return strings.Join(texts, ", ") },
	"zero":    func(t time.Time) bool { return t.IsZero() },
	"clock":   clockTime,
}).Parse(pageText))

var meanings = map[hashindex.Purpose]string{
	hashindex.Brand: "an official picture, used by somebody else", hashindex.Work: "a copyrighted work, copied",
	hashindex.Counterfeit: "an item that a laboratory found to be fake", hashindex.Benign: "a stock picture",
}

func turned(t hashindex.Transform) string {
	switch {
	case t.IsMirrored() && t.Degrees() != 0:
		return fmt.Sprintf("mirrored and turned by %d°", t.Degrees())
	case t.IsMirrored():
		return "mirrored"
	case t.Degrees() != 0:
		return fmt.Sprintf("turned by %d°", t.Degrees())
	}
	return "upright"
}

// pageOf is the page of the case; drawings come from the files.
func pageOf(c Case, files map[string][]byte) ([]byte, error) {
	drawings := map[string]template.URL{}
	for _, x := range c.Hits {
		if content, there := files[x.Overlay]; there {
			drawings[x.Overlay] = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(content))
		}
		if content, there := files[x.Timeline]; there {
			drawings[x.Timeline] = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(content))
		}
		for _, f := range x.Frames {
			if f != nil {
				drawings[picturePath(f.Content)] = inline(files[picturePath(f.Content)])
			}
		}
	}
	about := c.subjects()
	c.History = slices.DeleteFunc(slices.Clone(c.History), func(e Entry) bool { return !about[e.About] })
	var out bytes.Buffer
	err := page.Execute(&out, struct {
		Case
		Drawings map[string]template.URL
	}{c, drawings})
	return out.Bytes(), err
}

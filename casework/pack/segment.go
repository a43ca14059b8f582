package pack

import (
	"context"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"touchstone/casework"
	"touchstone/hashindex"
)

// A hit of a video or stream rests on pairs of frames instead of one picture: its exhibit has the pictures of
// those frames that were at hand, and a drawing of reference time against query time.

// segment adds the pictures of the pairs, and the drawing.
func (p *building) segment(ctx context.Context, x *Exhibit) error {
	x.Frames = make([]*Fingerprints, len(x.Hit.Segment.Pairs))
	for i, pair := range x.Hit.Segment.Pairs {
		if _, err := p.picture(ctx, pair.Picture, 0, &x.Frames[i]); err != nil {
			return err
		}
	}
	if _, err := p.picture(ctx, x.Hit.Evidence.ReferenceContent, x.Hit.Evidence.ReferenceFrame, &x.Known); err != nil {
		return err
	}
	x.Timeline = timelinePath(x.Hit.ID)
	return p.put(x.Timeline, drawTimeline(x.Hit.Segment))
}

func timelinePath(id casework.HitID) string { return "timelines/hit-" + id.String() + ".svg" }

// drawTimeline draws the segment: to the right the time of the video or stream, upwards that of the reference, a
// line for what shows what, and a dot for each pair, filled where its picture is kept. The same segment makes the
// same bytes.
func drawTimeline(s *casework.Segment) []byte {
	const width, height, left, bottom, top, right = 760, 320, 90, 40, 20, 30
	span := func(from, to casework.Duration) (low, high float64) {
		a, b := time.Duration(from).Seconds(), time.Duration(to).Seconds()
		slack := max(1, (b-a)/8)
		return a - slack, b + slack
	}
	q0, q1 := span(s.From, s.To)
	r0, r1 := span(s.ReferenceFrom, s.ReferenceTo)
	x := func(d casework.Duration) float64 {
		return left + (time.Duration(d).Seconds()-q0)/(q1-q0)*(width-left-right)
	}
	y := func(d casework.Duration) float64 {
		return height - bottom - (time.Duration(d).Seconds()-r0)/(r1-r0)*(height-top-bottom)
	}
	var out strings.Builder
	draw := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	draw(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`, width, height, width, height)
	draw(`<rect width="%d" height="%d" fill="#fff"/>`, width, height)
	draw(`<path d="M%d %d V%d H%d" fill="none" stroke="#888"/>`, left, top, height-bottom, width-right)
	for _, end := range []casework.Duration{s.From, s.To} {
		draw(`<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(end), top, height-bottom, x(end), height-bottom+16, clockTime(end))
	}
	for _, end := range []casework.Duration{s.ReferenceFrom, s.ReferenceTo} {
		draw(`<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`, left, y(end), width-right, left-6, y(end)+4, clockTime(end))
	}
	draw(`<text x="%d" y="%d" text-anchor="middle" fill="#555">time in what was asked about</text>`, (left+width-right)/2, height-6)
	draw(`<text x="12" y="%d" text-anchor="middle" fill="#555" transform="rotate(-90 12 %d)">time in the reference</text>`, height/2, height/2)
	draw(`<path d="M%.1f %.1f L%.1f %.1f" stroke="#26c" stroke-width="3"/>`, x(s.From), y(s.ReferenceFrom), x(s.To), y(s.ReferenceTo))
	for _, p := range s.Pairs {
		fill := "#fff"
		if !p.Picture.IsZero() {
			fill = "#26c"
		}
		draw(`<circle cx="%.1f" cy="%.1f" r="4" fill="%s" stroke="#26c"/>`, x(p.At), y(p.ReferenceAt), fill)
	}
	out.WriteString("</svg>\n")
	return []byte(out.String())
}

// clockTime is hours, minutes and seconds.
func clockTime(d casework.Duration) string {
	tenths := time.Duration(d).Round(100*time.Millisecond) / (100 * time.Millisecond)
	return fmt.Sprintf("%d:%02d:%02d.%d", tenths/36000, tenths/600%60, tenths/10%60, tenths%10)
}

// maxInline is how large a frame may be to be shown in the page.
const maxInline = 512 << 10

// inline is the picture for the page; empty for one that is too large, or that no browser shows.
func inline(encoded []byte) template.URL {
	kind := http.DetectContentType(encoded)
	if len(encoded) > maxInline || !strings.HasPrefix(kind, "image/") {
		return ""
	}
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(encoded))
}

// segment goes from the frames' pictures to their hashes, and from those to the distances.
func (k *check) segment(ctx context.Context, x Exhibit) error {
	name, s := "hit "+x.Hit.ID.String(), x.Hit.Segment
	k.used[x.Timeline] = true
	if x.Timeline != timelinePath(x.Hit.ID) || string(k.files[x.Timeline]) != string(drawTimeline(s)) {
		k.find("%s: its timeline is not the one of its segment", name)
	}
	if len(x.Frames) != len(s.Pairs) {
		k.find("%s: %d frames stand beside %d pairs", name, len(x.Frames), len(s.Pairs))
		return nil
	}
	if s.From > s.To || s.ReferenceFrom > s.ReferenceTo || s.Frames > s.Asked {
		k.find("%s: the segment ends before it begins, or more frames agree than could", name)
	}
	shown, unseen := false, 0
	for i, p := range s.Pairs {
		what := fmt.Sprintf("%s: the frame at %s", name, clockTime(p.At))
		if p.At < s.From || p.At > s.To {
			k.find("%s is not of the segment", what)
		}
		if p.QueryHash.Bits() != hashindex.PDQ.Bits() || p.ReferenceHash.Bits() != hashindex.PDQ.Bits() || p.QueryHash.Distance(p.ReferenceHash) != p.Distance {
			k.find("%s: the hashes are not %d bits apart", what, p.Distance)
		}
		e := x.Hit.Evidence
		shown = shown || p.QueryHash == e.QueryHash && p.ReferenceHash == e.ReferenceHash && p.Distance == e.Distance
		if p.Picture.IsZero() {
			unseen++
			continue
		}
		made, err := k.picture(ctx, what, p.Picture, x.Frames[i], 0)
		if err != nil {
			return err
		}
		if made != nil && k.Recipe == e.Recipe && int(p.Transform) < len(made.Dihedral) {
			k.follows(what, made.Fingerprint, made.Dihedral[p.Transform], p.QueryHash, p.Quality)
		}
	}
	if unseen > 0 {
		k.unproven("%s: of %d of %d frames the pack has no picture: their hashes cannot be made again", name, unseen, len(s.Pairs))
	}
	if len(s.Pairs) == 0 {
		k.unproven("%s: none of its frames was at hand", name)
	} else if !shown {
		k.find("%s: its evidence is of none of its frames", name)
	}
	if _, err := k.picture(ctx, name+": the reference", x.Hit.Evidence.ReferenceContent, x.Known, x.Hit.Evidence.ReferenceFrame); err != nil {
		return err
	}
	return nil
}

// showsSegment reports whether the reference, as it was added, has the frames that the pairs say.
func showsSegment(s *casework.Segment, r hashindex.Reference) bool {
	for _, p := range s.Pairs {
		if p.Frame < 0 || p.Frame >= len(r.Frames) || r.Frames[p.Frame].Hashes[hashindex.PDQ] != p.ReferenceHash || r.Frames[p.Frame].At != time.Duration(p.ReferenceAt) {
			return false
		}
	}
	return true
}

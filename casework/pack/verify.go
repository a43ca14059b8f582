package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"touchstone/casework"
	"touchstone/hashindex"
)

// Verifier checks packs. All fields are needed.
type Verifier struct {
	Codec      Codec
	Maker      Maker
	Recipe     hashindex.Recipe // of Maker
	NewAligner func(query hashindex.Features) hashindex.Aligner
}

// Report says what was found in a pack.
type Report struct {
	Subject  string           `json:"subject"`
	Made     string           `json:"made"`
	SHA256   hashindex.Digest `json:"sha256"` // of the pack
	Files    int              `json:"files"`
	Hits     int              `json:"hits"`
	Changes  int              `json:"changes"`
	Gaps     int              `json:"gaps"` // between them, where changes about other things are left out
	Last     hashindex.Seq    `json:"last_seq"`
	Digest   hashindex.Digest `json:"last_digest"` // of the last change, to be compared with what others were shown
	Findings []string         `json:"findings"`    // what is not as it says
	Unproven []string         `json:"unproven"`    // what the pack cannot show, such as a picture that was not kept
}

// Sound reports whether nothing in the pack is otherwise than it says.
func (r Report) Sound() bool { return len(r.Findings) == 0 }

// Verify checks the pack. The error is that of ctx, or of a pack over a limit; all else is a finding.
func (v Verifier) Verify(ctx context.Context, raw []byte) (Report, error) {
	report := Report{SHA256: hashindex.DigestOf(raw), Findings: []string{}, Unproven: []string{}}
	files, c, err := open(raw)
	if errors.Is(err, hashindex.ErrDamaged) {
		report.Findings = append(report.Findings, err.Error())
		return report, nil
	}
	if err != nil {
		return report, err
	}
	report.Subject, report.Made, report.Files, report.Hits, report.Changes = c.Subject, c.Made.Format("2006-01-02 15:04:05Z"), len(files), len(c.Hits), len(c.History)
	k := &check{Verifier: v, report: &report, files: files, c: c, used: map[string]bool{casePath: true, pagePath: true, manifestPath: true}}
	k.page()
	for _, x := range c.Hits {
		if err := k.exhibit(ctx, x); err != nil {
			return report, err
		}
	}
	k.notice()
	k.history()
	for name := range files {
		if !k.used[name] {
			k.find("%s belongs to nothing", name)
		}
	}
	return report, ctx.Err()
}

// open reads the pack as far as the manifest and case.json.
func open(raw []byte) (map[string][]byte, Case, error) {
	files, err := read(raw)
	if err != nil {
		return nil, Case{}, err
	}
	for _, name := range []string{casePath, pagePath, manifestPath} {
		if _, there := files[name]; !there {
			return nil, Case{}, damaged("%s is missing", name)
		}
	}
	rest := map[string][]byte{}
	for name, content := range files {
		if name != manifestPath {
			rest[name] = content
		}
	}
	want, err := manifestOf(rest)
	if err != nil {
		return nil, Case{}, err
	}
	if !bytes.Equal(want, files[manifestPath]) {
		return nil, Case{}, damaged("the manifest is not the one of the files%s", firstWrong(files[manifestPath], rest))
	}
	c, err := parseCase(files[casePath])
	if err != nil {
		return nil, Case{}, err
	}
	again, err := readable(c)
	if err == nil && !bytes.Equal(again, files[casePath]) {
		err = damaged("%s holds more than a case", casePath)
	}
	return files, c, err
}

// firstWrong names a file that the manifest has otherwise.
func firstWrong(text []byte, files map[string][]byte) string {
	var m manifest
	if json.Unmarshal(text, &m) != nil {
		return ""
	}
	for _, f := range m.Files {
		content, there := files[f.Name]
		if !there {
			return fmt.Sprintf(": %.100s is missing", f.Name)
		}
		if f.SHA256 != hashindex.DigestOf(content) {
			return fmt.Sprintf(": %s has another SHA-256", f.Name)
		}
	}
	return ""
}

// check is a pack being checked.
type check struct {
	Verifier
	report *Report
	files  map[string][]byte
	c      Case
	used   map[string]bool
}

func (k *check) find(format string, args ...any) {
	k.report.Findings = append(k.report.Findings, fmt.Sprintf(format, args...))
}

func (k *check) unproven(format string, args ...any) {
	k.report.Unproven = append(k.report.Unproven, fmt.Sprintf(format, args...))
}

// page must say what case.json says, and nothing else.
func (k *check) page() {
	page, err := pageOf(k.c, k.files)
	if err != nil || !bytes.Equal(page, k.files[pagePath]) {
		k.find("%s does not say what %s says", pagePath, casePath)
	}
}

// exhibit goes from the pictures to the fingerprints, from those to the distance, and to what it means.
func (k *check) exhibit(ctx context.Context, x Exhibit) error {
	if x.Hit.Segment != nil {
		return k.segment(ctx, x)
	}
	h, e := x.Hit, x.Hit.Evidence
	name := "hit " + h.ID.String()
	if err := e.Verify(); err != nil {
		k.find("%s: %v", name, err)
	}
	if h.Score != e.Score() {
		k.find("%s: the score is %v, the evidence makes %v", name, h.Score, e.Score())
	}
	if !h.Picture.IsZero() && h.Picture != e.QueryContent {
		k.find("%s: the picture kept is not the one that was compared", name)
	}
	if x.Overlay != "" {
		k.used[x.Overlay] = true
		if x.Overlay != overlayPath(h.ID) || k.files[x.Overlay] == nil {
			k.find("%s: its overlay is missing", name)
		}
	}
	query, err := k.picture(ctx, name+": the query", e.QueryContent, x.Query, e.QueryFrame)
	if err != nil {
		return err
	}
	known, err := k.picture(ctx, name+": the reference", e.ReferenceContent, x.Known, e.ReferenceFrame)
	if err != nil {
		return err
	}
	if k.Recipe != e.Recipe {
		k.unproven("%s: its fingerprints are of the recipe %s, this program makes %s", name, e.Recipe, k.Recipe)
		return nil
	}
	if query != nil {
		k.follows(name+": the query", query.Fingerprint, queryHash(query.Fingerprint, e), e.QueryHash, e.QueryQuality)
	}
	if known != nil {
		k.follows(name+": the reference", known.Fingerprint, known.Hashes[e.Algorithm], e.ReferenceHash, e.ReferenceQuality)
	}
	if query != nil && known != nil && !e.Alignment.IsZero() {
		if err := e.VerifyAlignment(known.Features, query.Features, k.NewAligner); err != nil {
			k.find("%s: %v", name, err)
		}
	}
	return nil
}

func queryHash(f hashindex.Fingerprint, e hashindex.Evidence) hashindex.Hash {
	if e.Algorithm == hashindex.PDQ && int(e.Transform) < len(f.Dihedral) {
		return f.Dihedral[e.Transform]
	}
	return f.Hashes[e.Algorithm]
}

func (k *check) follows(what string, f hashindex.Fingerprint, made, said hashindex.Hash, quality int) {
	if made != said {
		k.find("%s has the hash %v, the evidence says %v", what, made, said)
	}
	if f.Quality != quality {
		k.find("%s has the quality %d, the evidence says %d", what, f.Quality, quality)
	}
}

// picture makes the fingerprints of a picture again; nil where there is none.
func (k *check) picture(ctx context.Context, what string, content hashindex.Digest, said *Fingerprints, frame int) (*hashindex.Frame, error) {
	if said == nil {
		k.unproven("%s has no picture in the pack: its hash cannot be made again", what)
		return nil, nil
	}
	path := picturePath(said.Content)
	encoded := k.files[path]
	k.used[path] = true
	if said.Content != content || hashindex.DigestOf(encoded) != content {
		k.find("%s: the picture is not the one of the evidence", what)
		return nil, nil
	}
	made, err := k.Maker.Detailed(ctx, encoded)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		k.find("%s: %v", what, err)
		return nil, nil
	}
	again, err := fingerprints(made, encoded, frame)
	switch {
	case err != nil:
		k.find("%s: %v", what, err)
		return nil, nil
	case k.Recipe == k.c.Recipe && *again != *said:
		k.find("%s: the picture comes to %+v, not %+v", what, *again, *said)
	}
	return &made.Frames[frame], nil
}

// notice must be about the hits of the pack.
func (k *check) notice() {
	if k.c.Notice == nil {
		return
	}
	if len(k.c.Notice.Items) != len(k.c.Hits) {
		k.find("notice %v is about %d hits, the pack holds %d", k.c.Notice.ID, len(k.c.Notice.Items), len(k.c.Hits))
		return
	}
	for i, item := range k.c.Notice.Items {
		if item.Hit != k.c.Hits[i].Hit.ID || item.Subject != k.c.Hits[i].Hit.Subject {
			k.find("notice %v: item %d is not the hit beside it", k.c.Notice.ID, i)
		}
	}
}

// history must hash to its digests, follow on itself, and end where the case stands.
func (k *check) history() {
	about, told := k.c.subjects(), map[string]string{}
	shown := map[hashindex.ReferenceID]bool{}
	var before Entry
	for _, entry := range k.c.History {
		change, err := k.Codec.Decode(entry.Bytes)
		if err != nil {
			k.find("change %d: %v", entry.Seq, err)
			continue
		}
		again := Entry{change.Seq, change.Time, change.Actor, change.Kind.String(), subjectOf(change), hashindex.DigestOf(entry.Bytes), entry.Bytes}
		switch {
		case again.Seq != entry.Seq || !again.Time.Equal(entry.Time) || again.Actor != entry.Actor || again.Kind != entry.Kind || again.About != entry.About || again.Digest != entry.Digest:
			k.find("change %d is not what its bytes say", entry.Seq)
		case change.Seq <= before.Seq:
			k.find("change %d comes after change %d", change.Seq, before.Seq)
		case change.Seq == before.Seq+1 && change.Prev != before.Digest:
			k.find("change %d does not follow on change %d", change.Seq, before.Seq)
		}
		if before.Seq > 0 && change.Seq != before.Seq+1 {
			k.report.Gaps++
		}
		before = entry
		k.hear(change, about, told)
		if change.Kind == hashindex.ReferenceAdded {
			shown[change.Reference.ID] = k.shows(change.Reference)
		}
	}
	k.report.Last, k.report.Digest = before.Seq, before.Digest
	for _, x := range k.c.Hits {
		k.stands(casework.HitTopic+" "+x.Hit.ID.String(), string(x.Hit.State), told)
		if !shown[x.Hit.Reference] {
			k.find("hit %v: the history shows no reference %d of that hash and picture", x.Hit.ID, x.Hit.Reference)
		}
	}
	for _, right := range k.c.Rights {
		k.stands(casework.RightTopic+" "+right.ID.String(), string(right.State), told)
	}
	if n := k.c.Notice; n != nil {
		k.stands(casework.NoticeTopic+" "+n.ID.String(), string(n.State), told)
	}
}

// hear follows where the notes lead.
func (k *check) hear(change hashindex.Change, about map[string]bool, told map[string]string) {
	if change.Kind != hashindex.Noted {
		return
	}
	var moved casework.Moved
	if err := json.Unmarshal(change.Note.Body, &moved); err != nil {
		k.find("change %d: %v", change.Seq, err)
		return
	}
	subject := subjectOf(change)
	topic := change.Note.Topic
	chained := topic == casework.HitTopic || topic == casework.RightTopic || topic == casework.NoticeTopic
	if chained && about[subject] && told[subject] != moved.From {
		k.find("change %d takes %s from %q, but it was %q", change.Seq, subject, moved.From, told[subject])
	}
	told[subject] = moved.To
}

// shows reports whether the reference, as it was added, is what the hits of it were compared with.
func (k *check) shows(r hashindex.Reference) bool {
	for _, x := range k.c.Hits {
		e := x.Hit.Evidence
		if x.Hit.Reference != r.ID {
			continue
		}
		if x.Hit.Segment != nil {
			if !showsSegment(x.Hit.Segment, r) || r.Content != e.ReferenceContent {
				return false
			}
			continue
		}
		if e.ReferenceFrame < 0 || e.ReferenceFrame >= len(r.Frames) || r.Frames[e.ReferenceFrame].Hashes[e.Algorithm] != e.ReferenceHash || r.Content != e.ReferenceContent {
			return false
		}
	}
	return true
}

func (k *check) stands(subject, state string, told map[string]string) {
	if told[subject] != state {
		k.find("%s is %s, its history says %q", subject, state, told[subject])
	}
}

package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/fixtures"
	"touchstone/hashindex/store/bolt"
)

// TestNothingGrowsForEver has clients of one server add references, look them up, change them and remove as many as
// they add, 30 % of all in each round. What the server takes of goroutines, descriptors, memory and disk must be in the
// last third of the rounds what it was in the second; the first third warms it up. Only the history may grow, by so much
// a change. In the end nearly all is removed, and the file becomes smaller. TOUCHSTONE_SOAK is the number of rounds, of
// 2,000 pictures and 4,000 hashes; unset, there are nine, of a few.
func TestNothingGrowsForEver(t *testing.T) {
	rounds, s := 9, &soak{data: filepath.Join(t.TempDir(), "data"), seed: rand.Uint64(), wantPictures: 20, wantHashes: 100}
	if text := os.Getenv("TOUCHSTONE_SOAK"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 3 {
			t.Fatalf("TOUCHSTONE_SOAK=%s: want a number of rounds, 3 or more", text)
		}
		rounds, s.long, s.wantPictures, s.wantHashes = n, true, 2000, 4000
	}
	t.Logf("seed %d", s.seed)
	s.rng = rand.New(rand.NewPCG(s.seed, 1))
	for _, name := range []string{"pictures", "hashes", "shown"} {
		touchstone(t, exitOK, "collections", "create", name, "--purpose", "work", "--data", s.data)
	}
	server := s.serve(t)
	s.fill(t)
	var seen []figures
	for n := range rounds {
		s.round(t)
		now := s.measure(t)
		for what, wrong := range s.misfits(now) {
			t.Errorf("round %d: %s: %.0f", n+1, what, wrong)
		}
		seen = append(seen, now)
		t.Logf("round %d: %s", n+1, now)
	}
	for _, what := range grown(seen) {
		t.Error(what)
	}
	s.shrink(t, server)
	touchstone(t, exitOK, "check", "--data", s.data)
}

// soak is a server with a population that is always as large.
type soak struct {
	long bool
	data string
	seed uint64
	rng  *rand.Rand

	server                   *client.Client
	wantPictures, wantHashes int
	next                     int // number of the picture that is added next

	mu               sync.Mutex // guards what follows while clients add
	pictures, hashes []living
}

// living is a reference that is there.
type living struct {
	id     string
	number int    // of a picture
	hash   string // of the others
}

const (
	listings   = 4  // in which a picture each is shown, again and again
	atOnce     = 5  // pictures or hashes in one request
	percentNew = 30 // of all, in a round
)

func (s *soak) serve(t *testing.T) *serving {
	t.Helper()
	server := serveChild(t, s.data)
	s.server = client.New(server.base, nil)
	return server
}

// shrink removes nearly all. A start gives back what is free of the file if that is more than a little, as in the long
// form; compact gives back any.
func (s *soak) shrink(t *testing.T, server *serving) {
	t.Helper()
	s.remove(t, len(s.pictures)-listings, len(s.hashes))
	noErrors(t, server.stop(t))
	before := fileOf(t, s.data)
	server = s.serve(t)
	s.show(t)
	if hits := s.hits(t); hits != listings {
		t.Errorf("%d hits, of as many listings as %d", hits, listings)
	}
	noErrors(t, server.stop(t))
	started := fileOf(t, s.data)
	touchstone(t, exitOK, "compact", "--data", s.data)
	compacted := fileOf(t, s.data)
	t.Logf("nearly all removed: the file has %s, after a start %s, compacted %s", inFile(before), inFile(started), inFile(compacted))
	if s.long && started.FileBytes >= before.FileBytes {
		t.Error("a start did not make it smaller")
	}
	if compacted.FileBytes >= before.FileBytes || compacted.FreePages*10 > compacted.Pages {
		t.Error("compact has left what is free")
	}
}

func inFile(i bolt.Info) string {
	return fmt.Sprintf("%s (%s used)", bytesText(i.FileBytes), bytesText(int64(i.Pages-i.FreePages)*int64(i.PageSize)))
}

// noErrors looks for them in a server's log.
func noErrors(t *testing.T, log string) {
	t.Helper()
	if at := strings.Index(log, "level=ERROR"); at >= 0 {
		t.Errorf("the log holds an error:\n%.2000s", log[at:])
	}
}

func fileOf(t *testing.T, data string) bolt.Info {
	t.Helper()
	store, err := bolt.Open(data, bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	info, err := store.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func (s *soak) picture(number int) []byte {
	return fixtures.EncodeJPEG(fixtures.Noise(number, 128, 128), 85)
}

// fill adds the population, and what the listings show.
func (s *soak) fill(t *testing.T) {
	t.Helper()
	for listing := range listings {
		if _, err := s.server.AddImages(t.Context(), "shown", []client.Image{{Content: s.picture(listing)}}); err != nil {
			t.Fatal(err)
		}
	}
	s.next = listings
	s.add(t, s.wantPictures, s.wantHashes)
}

// round replaces some of the population, changes as many and looks all kinds up.
func (s *soak) round(t *testing.T) {
	t.Helper()
	pictures, hashes := s.wantPictures*percentNew/100, s.wantHashes*percentNew/100
	s.remove(t, pictures, hashes)
	s.add(t, pictures, hashes)
	var work []job
	for _, one := range slices.Concat(s.some(s.pictures, pictures/2), s.some(s.hashes, hashes/2)) {
		note := fmt.Sprintf("looked at, for the %9d. time", s.next)
		work = append(work, func(ctx context.Context) error {
			_, err := s.server.ChangeReference(ctx, one.id, wire.ReferencePatch{Note: &note})
			return err
		})
	}
	for _, one := range s.some(s.pictures, pictures/2) {
		work = append(work, func(ctx context.Context) error { return s.find(ctx, one) })
	}
	work = append(work, func(ctx context.Context) error { return s.findHashes(ctx, s.hashes) })
	s.do(t, work)
	s.show(t)
}

// some are n of them, by chance.
func (s *soak) some(of []living, n int) []living {
	s.rng.Shuffle(len(of), func(i, k int) { of[i], of[k] = of[k], of[i] })
	return of[:n:n]
}

// show has each listing show its picture: hits at first, and the same hits later.
func (s *soak) show(t *testing.T) {
	t.Helper()
	var work []job
	for listing := range listings {
		work = append(work, func(ctx context.Context) error {
			answer, err := s.server.Match(ctx, []client.Image{{Content: s.picture(listing)}}, client.MatchOptions{Subject: fmt.Sprint("listing-", listing), Collections: []string{"shown"}})
			if err != nil {
				return err
			}
			if m := answer.Results[0].Matches; len(m) != 1 || m[0].HitID == "" {
				return fmt.Errorf("listing %d: %+v, want a hit", listing, answer.Results)
			}
			return nil
		})
	}
	s.do(t, work)
}

func (s *soak) hits(t *testing.T) (n int) {
	t.Helper()
	for _, err := range s.server.AllHits(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func (s *soak) find(ctx context.Context, one living) error {
	answer, err := s.server.Match(ctx, []client.Image{{Content: s.picture(one.number)}}, client.MatchOptions{Effort: "full"})
	if err != nil {
		return err
	}
	if m := answer.Results[0].Matches; len(m) == 0 || m[0].ReferenceID != one.id {
		return fmt.Errorf("picture %d: %+v, want %s", one.number, answer.Results, one.id)
	}
	return nil
}

func (s *soak) findHashes(ctx context.Context, all []living) error {
	asked := wire.MatchHashRequest{Algorithm: "pdq"}
	for _, one := range all {
		asked.Hashes = append(asked.Hashes, one.hash)
	}
	answer, err := s.server.MatchHashes(ctx, asked)
	if err != nil {
		return err
	}
	for n, one := range all {
		if m := answer.Results[n].Matches; len(m) != 1 || m[0].ReferenceID != one.id {
			return fmt.Errorf("hash %s: %+v, want %s", one.hash, m, one.id)
		}
	}
	return nil
}

func (s *soak) add(t *testing.T, pictures, hashes int) {
	t.Helper()
	var work []job
	for done := 0; done < pictures; done += atOnce {
		first, n := s.next, min(atOnce, pictures-done)
		s.next += n
		work = append(work, func(ctx context.Context) error { return s.addPictures(ctx, first, n) })
	}
	for done := 0; done < hashes; done += atOnce {
		fresh := make([]living, min(atOnce, hashes-done))
		for i := range fresh {
			fresh[i].hash = fmt.Sprintf("%016x%016x%016x%016x", s.rng.Uint64(), s.rng.Uint64(), s.rng.Uint64(), s.rng.Uint64())
		}
		work = append(work, func(ctx context.Context) error { return s.addHashes(ctx, fresh) })
	}
	s.do(t, work)
}

func (s *soak) addPictures(ctx context.Context, first, n int) error {
	var images []client.Image
	for number := first; number < first+n; number++ {
		images = append(images, client.Image{ExternalID: fmt.Sprint("picture-", number), Content: s.picture(number)})
	}
	added, err := s.server.AddImages(ctx, "pictures", images)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, reference := range added.References {
		s.pictures = append(s.pictures, living{id: reference.ID, number: first + i})
	}
	return err
}

func (s *soak) addHashes(ctx context.Context, fresh []living) error {
	var references []wire.HashReference
	for _, one := range fresh {
		references = append(references, wire.HashReference{Hashes: wire.Hashes{PDQ: one.hash}})
	}
	added, err := s.server.AddHashes(ctx, "hashes", references)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, reference := range added.References {
		s.hashes = append(s.hashes, living{id: reference.ID, hash: fresh[i].hash})
	}
	return err
}

func (s *soak) remove(t *testing.T, pictures, hashes int) {
	t.Helper()
	var work []job
	for _, one := range slices.Concat(s.some(s.pictures, pictures), s.some(s.hashes, hashes)) {
		work = append(work, func(ctx context.Context) error {
			_, err := s.server.RemoveReference(ctx, one.id)
			return err
		})
	}
	s.pictures, s.hashes = s.pictures[pictures:], s.hashes[hashes:]
	s.do(t, work)
}

// job is a request.
type job func(context.Context) error

// do has some clients carry the jobs out.
func (s *soak) do(t *testing.T, jobs []job) {
	t.Helper()
	queue, failed := make(chan job, len(jobs)), make(chan error, len(jobs))
	for _, one := range jobs {
		queue <- one
	}
	close(queue)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for one := range queue {
				if err := one(t.Context()); err != nil {
					failed <- err
				}
			}
		})
	}
	clients.Wait()
	if close(failed); len(failed) > 0 {
		t.Fatalf("seed %d: %d of %d requests failed, such as: %v", s.seed, len(failed), len(jobs), <-failed)
	}
}

// figures are the server's at the end of a round: its metrics by name, with and without their labels, and the files of
// its pictures.
type figures map[string]float64

func (f figures) String() string {
	var text strings.Builder
	for _, each := range steady {
		fmt.Fprintf(&text, "%s %s, ", each.what, strconv.FormatFloat(f[each.metric], 'f', -1, 64))
	}
	fmt.Fprintf(&text, "%.0f changes, file %s, used %s", f[changesMade], bytesText(int64(f[storeFile])), bytesText(int64(f[storeUsed])))
	return text.String()
}

const (
	pictureFiles = "files of pictures"
	changesMade  = "touchstone_seq"
	storeFile    = "touchstone_store_bytes"
	storeUsed    = `touchstone_store_bytes{state="used"}`
)

func (s *soak) measure(t *testing.T) figures {
	t.Helper()
	text, err := s.server.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := figures{}
	for line := range strings.Lines(text) {
		at := strings.LastIndexByte(line, ' ')
		if line[0] == '#' || at < 0 {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name, _, labelled := strings.Cut(line[:at], "{")
		f[name] += value
		if labelled {
			f[line[:at]] = value
		}
	}
	err = filepath.WalkDir(filepath.Join(s.data, "blobs"), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			f[pictureFiles]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// misfits are those figures that follow from the population, and do not.
func (s *soak) misfits(f figures) figures {
	wrong, pictures := figures{}, float64(len(s.pictures)+listings)
	if f[pictureFiles] != pictures {
		wrong[pictureFiles] = f[pictureFiles]
	}
	for series, entries := range f {
		if strings.HasPrefix(series, "touchstone_searcher_entries{") && entries > pictures+float64(len(s.hashes)) {
			wrong[series] = entries
		}
	}
	return wrong
}

// steady is what must stay as it is, to a factor and a little more: what a busy machine and the moment of a garbage
// collection make of it.
var steady = []struct {
	what, metric   string
	factor, little float64
}{
	{"goroutines", "go_goroutines", 1.2, 16},
	{"descriptors", "process_open_fds", 1.2, 16},
	{"threads", "go_threads", 1.5, 16},
	{"heap", "go_memstats_next_gc_bytes", 1.3, 8 << 20}, // twice what the last collection left
	{"resident", "process_resident_memory_bytes", 1.5, 64 << 20},
	{"searchers", "touchstone_searcher_bytes", 1.5, 4 << 20}, // one is loaded once searching has cost as much
}

const (
	bytesAChange = 512       // of the history, with what leads to it
	ahead        = 16 << 20  // what the file is made larger by, when it must grow
	coming       = 128 << 10 // of the file: pages that a commit leaves half full, or frees only later
	unsaved      = 20_000    // changes that searchers are ahead of what is kept of them; after that they are kept anew
)

// grown says what grew from the second third of the rounds to the last.
func grown(rounds []figures) (what []string) {
	third := len(rounds) / 3
	middle, last := rounds[third:2*third], rounds[2*third:]
	for _, each := range steady {
		from, to := median(middle, each.metric), median(last, each.metric)
		if to > from*each.factor+each.little {
			what = append(what, fmt.Sprintf("%s grew from %.0f to %.0f", each.what, from, to))
		}
	}
	changes, bytes := median(last, changesMade)-median(middle, changesMade), median(last, storeUsed)-median(middle, storeUsed)
	allowed := changes*bytesAChange + coming
	if median(last, changesMade) > unsaved {
		allowed += median(last, "touchstone_searcher_bytes")
	}
	if bytes > allowed {
		what = append(what, fmt.Sprintf("%.0f changes took %.0f bytes of the file", changes, bytes))
	}
	if file, used := median(last, storeFile), median(last, storeUsed); file > 2*used+ahead {
		what = append(what, fmt.Sprintf("the file has %.0f bytes, of which %.0f are used", file, used))
	}
	return what
}

// TestSoakFindsWhatGrows: the proof can fail. Of each figure, growth that would go on is told.
func TestSoakFindsWhatGrows(t *testing.T) {
	for _, each := range []string{"", "go_goroutines", "process_open_fds", "go_threads", "go_memstats_next_gc_bytes", "process_resident_memory_bytes", "touchstone_searcher_bytes", storeUsed, storeFile} {
		var seen []figures
		for n := range 60 {
			f := figures{changesMade: float64(n * 1000), storeUsed: 50e6 + float64(n*1000*bytesAChange/2), storeFile: 100e6}
			for _, s := range steady {
				f[s.metric] = 1 + 2*s.little
			}
			if each != "" {
				f[each] *= 1 + float64(n)
			}
			seen = append(seen, f)
		}
		if what := grown(seen); len(what) > 1 || (len(what) == 1) != (each != "") {
			t.Errorf("of %q: %q", each, what)
		}
	}
}

func median(of []figures, metric string) float64 {
	values := make([]float64, len(of))
	for i, f := range of {
		values[i] = f[metric]
	}
	slices.Sort(values)
	return values[len(values)/2]
}

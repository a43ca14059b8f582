package api_test

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/tiff"

	"touchstone/api"
	"touchstone/api/wire"
	"touchstone/bench/cputime"
	"touchstone/fixtures"
	"touchstone/hashindex/fingerprint"
	"touchstone/hashindex/fingerprint/worker"
)

// TestHostileFilesHarmNothing sends every hostile file through the door, and mutations of them. Each gets an
// answer that is no fault of the server, and the server holds no more memory than before. With
// TOUCHSTONE_HOSTILE=200000 it sends so many, those of a folder named by TOUCHSTONE_HOSTILE_FILES among them, each to be
// answered within the ten seconds of a request, and prints how they were answered.
func TestHostileFilesHarmNothing(t *testing.T) {
	const short = 250
	total, long := short, os.Getenv("TOUCHSTONE_HOSTILE")
	if long != "" {
		var err error
		if total, err = strconv.Atoi(long); err != nil {
			t.Fatal(err)
		}
	}
	options := worker.Options{Maker: fingerprint.Options{TIFF: true}}
	limits := api.Limits{}
	if long == "" { // a slow machine proves nothing about time
		options.Time, options.Wait, limits.Request = 2*time.Minute, 2*time.Minute, 10*time.Minute
	}
	pool := worker.New(options)
	t.Cleanup(func() { pool.Close() })
	h := openWith(t, api.Config{Fingerprint: pool, Limits: limits}).ready()
	seed := uint64(20260719)
	random := rand.New(rand.NewPCG(seed, seed))
	files := hostileFiles(t)
	statuses, slowest, slowestName := map[int]int{}, time.Duration(0), ""
	before := heap()
	for n := range total {
		file := files[n%len(files)]
		content := file.Content
		if n >= len(files) {
			content = mutated(random, content)
		}
		begun := time.Now()
		a := h.post("/v1/hash", "image/jpeg", content)
		if took := time.Since(begun); took > slowest {
			slowest, slowestName = took, file.Name
		}
		statuses[a.status]++
		if long != "" && n%1000 == 999 {
			t.Logf("%d files: %v by status; slowest %v, %s; %d MiB of heap", n+1, statuses, slowest, slowestName, heap()>>20)
		}
		if a.status >= 500 && a.status != 503 || a.status == 503 && long == "" {
			t.Errorf("%s (file %d, seed %d): %d %.300s", file.Name, n, seed, a.status, a.body)
		}
	}
	t.Logf("%d files: %v by status; slowest %v, %s; %d MiB of heap before, %d after", total, statuses, slowest, slowestName, before>>20, heap()>>20)
	if grown := int64(heap()) - int64(before); grown > 256<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if long != "" && slowest > 11*time.Second {
		t.Errorf("%s took %v", slowestName, slowest)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// hostileFiles are the generated ones, and those of a folder.
func hostileFiles(t *testing.T) []fixtures.HostileFile {
	files := fixtures.Hostile()
	for name, content := range map[string][]byte{
		"moving.png": fixtures.EncodeAPNG(fixtures.Product(1), fixtures.Product(1)), "moving.webp": fixtures.EncodeAnimatedWebP(fixtures.Product(1), fixtures.Product(1)),
		"photo.jpg": product(1), "scan.tif": scan(),
	} {
		files = append(files, fixtures.HostileFile{Name: name, Content: content})
	}
	for _, b := range fixtures.Bombs() {
		files = append(files, b.HostileFile)
	}
	folder := os.Getenv("TOUCHSTONE_HOSTILE_FILES")
	if folder == "" {
		return files
	}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files = append(files, fixtures.HostileFile{Name: path, Content: content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// scan is a TIFF.
func scan() []byte {
	var encoded bytes.Buffer
	tiff.Encode(&encoded, fixtures.Product(1), nil) // into memory
	return encoded.Bytes()
}

// mutated is a copy in which some bytes are others, and whose end may be missing.
func mutated(random *rand.Rand, content []byte) []byte {
	content = bytes.Clone(content)
	if len(content) == 0 {
		return []byte{byte(random.Uint32())}
	}
	for range 1 + random.IntN(8) {
		content[random.IntN(min(len(content), 1+random.IntN(len(content))))] = byte(random.Uint32())
	}
	if random.IntN(4) == 0 {
		content = content[:random.IntN(len(content))]
	}
	return content
}

// TestBombsAreRefusedAtTheDoor has each bomb answered by a problem that names the limit which it is over, or what is
// wrong with it, and counts what the whole server allocates meanwhile: 64 MiB at most, whether it is kept or not. What
// takes a second is seen with TOUCHSTONE_HOSTILE alone, by the processor's time, on a machine with nothing else to do.
func TestBombsAreRefusedAtTheDoor(t *testing.T) {
	if testing.Short() {
		t.Skip("allocations are counted where nothing else allocates")
	}
	const most = 64 << 20
	pool := worker.New(worker.Options{Maker: fingerprint.Options{TIFF: true}, Time: 2 * time.Minute, Wait: 2 * time.Minute})
	t.Cleanup(func() { pool.Close() })
	h := openWith(t, api.Config{Fingerprint: pool, Limits: api.Limits{Request: 10 * time.Minute}}).ready()
	_, precise := os.LookupEnv("TOUCHSTONE_HOSTILE")
	refused := func(name, why, refusal string, send func() answer) {
		before, begun := allocated(), cputime.Process()
		a := send()
		took, cost := cputime.Process()-begun, allocated()-before
		problem := into[wire.Problem](a)
		if a.status < 400 || a.status >= 500 || problem.Code != refusal && problem.Limit != refusal {
			t.Errorf("%s, %s: %d %.300s, want %s", name, why, a.status, a.body, refusal)
		}
		if cost > most {
			t.Errorf("%s, %s: %d MiB allocated", name, why, cost>>20)
		}
		if precise {
			t.Logf("%-16s %-24s %4d ms, %5.1f MiB: %s", name, refusal, took.Milliseconds(), float64(cost)/(1<<20), why)
			if took > time.Second {
				t.Errorf("%s, %s: %v of a processor", name, why, took)
			}
		}
	}
	for _, b := range fixtures.Bombs() {
		refused(b.Name, b.Why, b.Refusal, func() answer { return h.post("/v1/hash", "image/jpeg", b.Content) })
	}
	h.collection("bags", "brand")
	compressed := h.request("POST", "/v1/match", "image/png", bytes.NewReader(bytes.Repeat([]byte{0x1f, 0x8b}, 1000)))
	compressed.Header.Set("Content-Encoding", "gzip")
	parts := strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"external_id\"\r\n\r\nx\r\n", 100_000) + "--b--\r\n"
	for _, b := range []struct {
		name, refusal string
		send          func() answer
	}{
		{"compressed", "content_encoding_unsupported", func() answer { return h.do(compressed) }},
		{"100,000 parts", "input_invalid", func() answer {
			return h.post("/v1/collections/bags/references", "multipart/form-data; boundary=b", []byte(parts))
		}},
		{"deep JSON", "body_malformed", func() answer {
			return h.post("/v1/collections", "application/json", []byte(strings.Repeat(`{"policy":`, 1_000_000)))
		}},
		{"deep hash query", "body_malformed", func() answer {
			return h.post("/v1/match/hash", "application/json", []byte(strings.Repeat("[", 5_000_000)))
		}},
		{"deep hash list", "input_invalid", func() answer {
			return h.post("/v1/collections/bags/references", "application/x-ndjson", []byte(strings.Repeat("[", 5_000_000)))
		}},
	} {
		refused(b.name, "a body", b.refusal, b.send)
	}
}

// allocated is what the process has allocated since it began.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

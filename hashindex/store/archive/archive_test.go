package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"touchstone/hashindex"
	"touchstone/hashindex/store/archive"
)

// written is an archive of these files, in the order of their paths.
func written(files map[string]string) ([]byte, archive.Summary, error) {
	var out bytes.Buffer
	w := archive.NewWriter(&out)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := w.File(path, int64(len(files[path])), iotest.HalfReader(strings.NewReader(files[path]))); err != nil {
			return nil, archive.Summary{}, err
		}
	}
	summary, err := w.End()
	return out.Bytes(), summary, err
}

// read is what an archive holds; what was handed out stays when it is refused.
func read(from io.Reader) (files map[string]string, summary archive.Summary, err error) {
	files = map[string]string{}
	summary, err = archive.Read(from, func(path string, size int64, content io.Reader) error {
		text, err := io.ReadAll(content)
		if err == nil && int64(len(text)) != size {
			err = fmt.Errorf("%s: %d bytes, said to be %d", path, len(text), size)
		}
		files[path] += string(text)
		return err
	})
	return files, summary, err
}

func TestFilesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]string{}
		for range rapid.IntRange(0, 3).Draw(t, "files") {
			path := rapid.StringMatching(`[a-z0-9]{1,4}(/[a-z0-9._-]{2}x){0,3}`).Draw(t, "path")
			size := rapid.SampledFrom([]int{0, 1, 2, 500, 1000, 3000, 256 << 10, 256<<10 + 1}).Draw(t, "size")
			want[path] = strings.Repeat("touch", size/5+1)[:size]
		}
		raw, told, err := written(want)
		if err != nil {
			t.Fatal(err)
		}
		got, summary, err := read(iotest.HalfReader(bytes.NewReader(raw)))
		if err != nil || !maps.Equal(got, want) || summary != told || summary.Files != len(want) {
			t.Fatalf("%d files %+v, %v; want %d, %+v", len(got), summary, err, len(want), told)
		}
	})
}

// small is an archive of every kind of block.
func small(t *testing.T) ([]byte, map[string]string) {
	t.Helper()
	files := map[string]string{"touchstone.db": strings.Repeat("pages", 50), "blobs/ab/abcd": "picture", "empty": ""}
	raw, _, err := written(files)
	if err != nil {
		t.Fatal(err)
	}
	return raw, files
}

// TestEveryCutAndEveryChangedByteIsDetected, and what is handed out before that is as it was.
func TestEveryCutAndEveryChangedByteIsDetected(t *testing.T) {
	raw, files := small(t)
	refused := func(what string, damaged []byte) {
		t.Helper()
		got, _, err := read(bytes.NewReader(damaged))
		if !errors.Is(err, hashindex.ErrDamaged) && !errors.Is(err, hashindex.ErrNotOurs) && !errors.Is(err, hashindex.ErrNewer) {
			t.Errorf("%s: %v", what, err)
		}
		for path, text := range got {
			if !strings.HasPrefix(files[path], text) {
				t.Errorf("%s: %q was handed out as %q", what, path, text)
			}
		}
	}
	for n := range raw {
		refused(fmt.Sprint("cut to ", n), raw[:n])
		flipped := bytes.Clone(raw)
		flipped[n] ^= 1 << (n % 8)
		refused(fmt.Sprintf("bit %d of byte %d", n%8, n), flipped)
	}
	refused("a byte more", append(bytes.Clone(raw), 0))
	refused("twice", append(bytes.Clone(raw), raw...))
}

// blocksOf are the blocks after the beginning.
func blocksOf(raw []byte) (begin []byte, blocks [][]byte) {
	begin, raw = raw[:22], raw[22:]
	for len(raw) > 0 {
		n := 5 + int(binary.BigEndian.Uint32(raw)) + 32
		blocks, raw = append(blocks, raw[:n]), raw[n:]
	}
	return begin, blocks
}

// TestBlocksInAnotherOrderAreDetected: each is whole, but not where it was.
func TestBlocksInAnotherOrderAreDetected(t *testing.T) {
	raw, _ := small(t)
	begin, blocks := blocksOf(raw)
	if len(blocks) != 6 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for i := range blocks {
		for what, others := range map[string][][]byte{
			"left out": slices.Delete(slices.Clone(blocks), i, i+1),
			"twice":    slices.Insert(slices.Clone(blocks), i, blocks[i]),
			"swapped":  slices.Concat(blocks[:i], [][]byte{blocks[(i+1)%len(blocks)], blocks[i]}, blocks[min(i+2, len(blocks)):]),
		} {
			_, _, err := read(bytes.NewReader(slices.Concat(begin, slices.Concat(others...))))
			if !errors.Is(err, hashindex.ErrDamaged) {
				t.Errorf("block %d %s: %v", i, what, err)
			}
		}
	}
}

func TestArchiveSaysWhatItIsNot(t *testing.T) {
	raw, _ := small(t)
	later := append([]byte("touchstone archive 2\n\n"), raw[22:]...)
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing": {nil, hashindex.ErrNotOurs}, "a text": {[]byte("some other text, long enough"), hashindex.ErrNotOurs},
		"a later version": {later, hashindex.ErrNewer}, "the beginning": {raw[:10], hashindex.ErrDamaged},
	} {
		if _, _, err := read(bytes.NewReader(c.raw)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	broken := errors.New("the disk")
	if _, _, err := read(io.MultiReader(bytes.NewReader(raw[:100]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("an error of the reader: %v", err)
	}
}

func TestFileOfAnotherSizeOrPathIsRefused(t *testing.T) {
	for _, path := range []string{"", "/", "/a", "a/", "a//b", "..", "a/../b", ".", "a/.", "A", "a\\b", "a b", "c:", strings.Repeat("a", 2000)} {
		if err := archive.NewWriter(io.Discard).File(path, 0, strings.NewReader("")); !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, size := range []int64{0, 2, 4, 300_000} {
		if err := archive.NewWriter(io.Discard).File("a", size, strings.NewReader("abc")); err == nil {
			t.Errorf("3 bytes were taken for %d", size)
		}
	}
}

// TestHalfReadFileIsReadToItsEnd: a caller that has seen enough does not skip the seals.
func TestHalfReadFileIsReadToItsEnd(t *testing.T) {
	raw, _ := small(t)
	summary, err := archive.Read(bytes.NewReader(raw), func(string, int64, io.Reader) error { return nil })
	if err != nil || summary.Files != 3 {
		t.Errorf("%+v, %v", summary, err)
	}
	flipped := bytes.Clone(raw)
	flipped[len(raw)/2] ^= 1
	if _, err := archive.Read(bytes.NewReader(flipped), func(string, int64, io.Reader) error { return nil }); !errors.Is(err, hashindex.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
}

// TestFormatPageNamesTheLengths holds the page to its word.
func TestFormatPageNamesTheLengths(t *testing.T) {
	page, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := small(t)
	if !bytes.HasPrefix(raw, []byte("touchstone archive 1\n\n")) || !bytes.Contains(page, []byte("| 22 | `touchstone archive 1` and two line feeds |")) {
		t.Errorf("an archive begins with %q", raw[:22])
	}
}

func FuzzRead(f *testing.F) {
	raw, _, err := written(map[string]string{"touchstone.db": "pages", "blobs/ab/abcd": "picture"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:60])
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _, err := read(bytes.NewReader(raw))
		if err != nil && !errors.Is(err, hashindex.ErrDamaged) && !errors.Is(err, hashindex.ErrNotOurs) && !errors.Is(err, hashindex.ErrNewer) {
			t.Errorf("%x: %v", raw, err)
		}
	})
}

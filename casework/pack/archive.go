package pack

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"regexp"
	"slices"

	"touchstone/hashindex"
)

// The files that every pack has.
const (
	casePath     = "case.json"
	pagePath     = "index.html"
	manifestPath = "manifest.json"
)

// manifest lists every other file.
type manifest struct {
	Format string   `json:"format"`
	Files  []listed `json:"files"` // by name
}

type listed struct {
	Name   string           `json:"name"`
	Bytes  int              `json:"bytes"`
	SHA256 hashindex.Digest `json:"sha256"`
}

func manifestOf(files map[string][]byte) ([]byte, error) {
	m := manifest{Format: Format, Files: []listed{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		m.Files = append(m.Files, listed{name, len(files[name]), hashindex.DigestOf(files[name])})
	}
	return readable(m)
}

// readable is JSON for people, and always the same for the same value.
func readable(value any) ([]byte, error) {
	text, err := json.MarshalIndent(value, "", "  ")
	return append(text, '\n'), err
}

// write is the one ZIP of the files: in the order of their names, not compressed and without times, so
// that whoever has the files can tell any other byte of it.
func write(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return out.Bytes(), err
}

var fileName = regexp.MustCompile(`^(case\.json|index\.html|manifest\.json|pictures/[0-9a-f]{64}|overlays/hit-[0-9]{1,20}\.png|timelines/hit-[0-9]{1,20}\.svg)$`)

// read is the files of a ZIP that write has made; ErrDamaged for any other.
func read(raw []byte) (map[string][]byte, error) {
	if len(raw) > MaxBytes {
		return nil, tooMuch("pack_bytes", MaxBytes, int64(len(raw)))
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, damaged("no ZIP: %v", err)
	}
	if len(archive.File) > MaxFiles {
		return nil, tooMuch("pack_files", MaxFiles, int64(len(archive.File)))
	}
	files := map[string][]byte{}
	left := uint64(len(raw)) // what is not compressed cannot be more than the whole
	for _, f := range archive.File {
		_, twice := files[f.Name]
		switch {
		case !fileName.MatchString(f.Name):
			return nil, damaged("a file is named %.80q", f.Name)
		case twice:
			return nil, damaged("%s is there twice", f.Name)
		case f.Method != zip.Store || f.UncompressedSize64 > left:
			return nil, damaged("%s is compressed", f.Name)
		}
		left -= f.UncompressedSize64
		if files[f.Name], err = readFile(f); err != nil {
			return nil, damaged("%s: %v", f.Name, err)
		}
	}
	again, err := write(files)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, raw) {
		return nil, damaged("the ZIP is not the one of its files")
	}
	return files, nil
}

func readFile(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, MaxBytes))
}

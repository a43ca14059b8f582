package hashlist_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"touchstone/api/hashlist"
	"touchstone/api/wire"
	"touchstone/hashindex"
)

const pdq = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"

func readAll(r io.Reader, format hashlist.Format) (rows []wire.HashReference, err error) {
	for reader := hashlist.NewReader(r, format); ; {
		row, err := reader.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
}

func write(t interface{ Fatal(...any) }, format hashlist.Format, rows []wire.HashReference) []byte {
	var out bytes.Buffer
	w := hashlist.NewWriter(&out, format)
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func drawRow(t *rapid.T) wire.HashReference {
	awkward := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(",\"\r\n\t=é🜚\ufeff{}\u2028a"))))
	row := wire.HashReference{
		ExternalID: awkward.Draw(t, "external id"),
		Hashes:     wire.Hashes{PDQ: rapid.StringMatching(`([0-9a-f]{64})?`).Draw(t, "pdq")},
		Meta:       rapid.MapOf(awkward, awkward).Draw(t, "meta"),
	}
	row.Hashes.PHash = rapid.StringMatching(`([0-9a-f]{16})?`).Draw(t, "phash")
	row.Hashes.DHash = rapid.StringMatching(`[0-9a-f]{16}`).Draw(t, "dhash")
	if rapid.Bool().Draw(t, "with quality") {
		quality := rapid.IntRange(0, 100).Draw(t, "quality")
		row.Quality = &quality
	}
	if len(row.Meta) == 0 {
		row.Meta = nil
	}
	if rapid.Bool().Draw(t, "a video") {
		row.Hashes, row.Quality = wire.Hashes{}, nil
		row.Frames = rapid.SliceOfN(rapid.Custom(drawFrame), 1, 3).Draw(t, "frames")
	}
	return row
}

func drawFrame(t *rapid.T) wire.HashedFrame {
	quality := rapid.IntRange(0, 100).Draw(t, "quality")
	return wire.HashedFrame{
		Time: rapid.Float64Range(0, 20_000).Draw(t, "time"), Quality: &quality,
		Hashes: wire.Hashes{PDQ: rapid.StringMatching(`([0-9a-f]{64})?`).Draw(t, "pdq")},
	}
}

func TestReadingIsTheInverseOfWriting(t *testing.T) {
	for _, format := range []hashlist.Format{hashlist.CSV, hashlist.NDJSON} {
		t.Run(string(format), rapid.MakeCheck(func(t *rapid.T) {
			want := rapid.SliceOfN(rapid.Custom(drawRow), 1, 4).Draw(t, "rows")
			list := write(t, format, want)
			got, err := readAll(bytes.NewReader(list), format)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s\ngot  %+v\nwant %+v\n%v", list, got, want, err)
			}
			if again := write(t, format, got); !bytes.Equal(again, list) {
				t.Fatalf("written again: %s\nwant %s", again, list)
			}
		}))
	}
}

func TestReaderNeverPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SampledFrom([]string{"", "pdq\n", "external_id,phash,meta\n"}).Draw(t, "header")
		body := rapid.StringOf(rapid.SampledFrom([]rune("\",\r\n0a{}:"))).Draw(t, "body")
		readAll(strings.NewReader(header+body), hashlist.CSV)
		readAll(strings.NewReader(body), hashlist.NDJSON)
	})
}

func TestReaderTakesWhatOthersWrite(t *testing.T) {
	want := []wire.HashReference{{ExternalID: "a", Hashes: wire.Hashes{PDQ: pdq}}}
	for name, list := range map[string]string{
		"other order":     "pdq,external_id\n" + pdq + ",a\n",
		"upper case":      "pdq,external_id\n" + strings.ToUpper(pdq) + ",a\n",
		"no last newline": "pdq,external_id\n" + pdq + ",a",
		"windows":         "\ufeffpdq,external_id\r\n" + pdq + ",a\r\n\r\n",
		"all in quotes":   "\"pdq\",\"external_id\"\n\"" + pdq + "\",\"a\"\n",
	} {
		got, err := readAll(strings.NewReader(list), hashlist.CSV)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestReaderNamesLineAndColumn(t *testing.T) {
	tests := []struct {
		name, list, field, text string
		format                  hashlist.Format
	}{
		{"empty", "", "header", "line 1: header", hashlist.CSV},
		{"unknown column", "external_id,md5\na,b\n", "md5", "line 1: md5: unknown column", hashlist.CSV},
		{"column twice", "pdq,pdq\n", "pdq", "twice", hashlist.CSV},
		{"no hash column", "external_id,meta\n", "header", "none of the columns", hashlist.CSV},
		{"semicolons", "external_id;pdq\n", "header", "commas", hashlist.CSV},
		{"short row", "external_id,pdq\n\na\n", "row", "line 3: row: 1 cells", hashlist.CSV},
		{"hash spoilt by a spreadsheet", "phash\n1.23457E+15\n", "phash", "line 2: phash", hashlist.CSV},
		{"hash of another width", "pdq\n0123456789abcdef\n", "pdq", "64 bits", hashlist.CSV},
		{"row without hash", "external_id,pdq\na,\n", "pdq", "no hash", hashlist.CSV},
		{"quality", "pdq,quality\n" + pdq + ",good\n", "quality", "whole number", hashlist.CSV},
		{"quality out of range", "pdq,quality\n" + pdq + ",101\n", "quality", "0..100", hashlist.CSV},
		{"meta", "pdq,meta\n" + pdq + ",[1]\n", "meta", "JSON object", hashlist.CSV},
		{"open quote", "pdq,external_id\n" + pdq + ",\"a\n", "row", "inside of quotes", hashlist.CSV},
		{"not UTF-8", "pdq,external_id\n" + pdq + ",\xff\n", "external_id", "not UTF-8", hashlist.CSV},
		{"unknown name", `{"pdq":"` + pdq + `"}` + "\n" + `{"md5":"x"}`, "md5", "line 2: md5", hashlist.NDJSON},
		{"wrong type", `{"pdq":1}`, "pdq", "JSON number", hashlist.NDJSON},
		{"no object", "[]", "row", "line 1", hashlist.NDJSON},
		{"two objects", `{"pdq":"` + pdq + `"} {}`, "row", "after the object", hashlist.NDJSON},
	}
	for _, test := range tests {
		_, err := readAll(strings.NewReader(test.list), test.format)
		input, ok := errors.AsType[*hashindex.InputError](err)
		if !ok || input.Field != test.field || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v, want field %s and %q", test.name, err, test.field, test.text)
		}
	}
}

func TestEndlessRowIsRefusedByItsLimit(t *testing.T) {
	for name, row := range map[string]string{"line": "", "quotes": "\"\n\n"} {
		list := "pdq,external_id\n" + pdq + "," + row + strings.Repeat("x\n"[:1+len(row)/3], hashlist.MaxRecord)
		_, err := readAll(strings.NewReader(list), hashlist.CSV)
		if limit, ok := errors.AsType[*hashindex.LimitError](err); !ok || limit.Max != hashlist.MaxRecord {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, format := range []hashlist.Format{hashlist.CSV, hashlist.NDJSON} {
		b.Run(string(format), func(b *testing.B) {
			rows := make([]wire.HashReference, 10_000)
			for i := range rows {
				rows[i] = wire.HashReference{ExternalID: fmt.Sprint("shoes/", i, ".jpg"), Hashes: wire.Hashes{PDQ: pdq, PHash: pdq[:16]}}
			}
			list := write(b, format, rows)
			b.SetBytes(int64(len(list)))
			b.ReportAllocs()
			for b.Loop() {
				if got, err := readAll(bytes.NewReader(list), format); err != nil || len(got) != len(rows) {
					b.Fatal(len(got), err)
				}
			}
			b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// FuzzRead reads bytes as a list: rows that are accepted are written and read again as they were.
func FuzzRead(f *testing.F) {
	for _, list := range []string{
		"external_id,pdq\na," + pdq + "\n", "\ufeffexternal_id,pdq,quality,meta\r\n\"a,\"\"b\"," + pdq + ",50,\"{\"\"k\"\":\"\"v\"\"}\"\r\n",
		"pdq\n", "external_id\n\"", `{"external_id":"a","hashes":{"pdq":"` + pdq + `"},"quality":7}`, "{}\n", "[[[[", "", "\n\n",
	} {
		f.Add([]byte(list), false)
		f.Add([]byte(list), true)
	}
	f.Fuzz(func(t *testing.T, list []byte, lines bool) {
		format := hashlist.CSV
		if lines {
			format = hashlist.NDJSON
		}
		rows, err := readAll(bytes.NewReader(list), format)
		if invalid := new(hashindex.InputError); err != nil && !errors.As(err, &invalid) && !errors.Is(err, hashindex.ErrInvalid) {
			t.Errorf("%q: %v is no refusal", list, err)
		}
		again, err := readAll(bytes.NewReader(write(t, format, rows)), format)
		if err != nil || len(rows) != len(again) || len(rows) > 0 && !reflect.DeepEqual(rows, again) {
			t.Errorf("%q:\n got %+v, %v\nwant %+v", list, again, err, rows)
		}
	})
}

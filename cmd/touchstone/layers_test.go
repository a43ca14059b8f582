package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layer says which imports a folder must not have, and why.
type layer struct {
	in     string   // the folder, with what is below it
	except string   // but not what is below this one
	only   []string // the imports allowed besides the standard library; nil: any that is not banned
	banned []string
	why    string
}

// layers draw the arrows inward: cmd -> api -> casework -> hashindex <- fingerprint, search, store.
var layers = []layer{
	{in: "hashindex", except: "hashindex/", only: []string{}, why: "the domain imports the standard library only, so that no technology shapes it"},
	{in: "hashindex/search", banned: []string{"touchstone/hashindex/store", "touchstone/hashindex/fingerprint", "touchstone/api"}, why: "searchers are derived from changes alone"},
	{in: "hashindex/align", only: []string{"touchstone/hashindex"}, why: "two pictures are compared by their features alone"},
	{in: "hashindex/timeline", only: []string{"touchstone/hashindex"}, why: "what a video shows follows from the votes of its frames alone"},
	{in: "hashindex/watch", only: []string{"touchstone/hashindex", "touchstone/hashindex/timeline"}, why: "what streams show follows from their frames, whoever brings them"},
	{in: "hashindex/store", banned: []string{"touchstone/hashindex/search", "touchstone/hashindex/fingerprint", "touchstone/api"}, why: "the truth does not know what is derived from it"},
	{in: "hashindex/fingerprint", banned: []string{"touchstone/hashindex/store", "touchstone/hashindex/search", "touchstone/api"}, why: "fingerprints are made without an index"},
	{in: "hashindex/sandbox", only: []string{"golang.org/x/sys/unix"}, why: "a cell does not know what runs in it"},
	{in: "casework", except: "casework/", only: []string{"touchstone/hashindex"}, why: "cases are rows of the index's store, whatever shows them"},
	{in: "api", banned: []string{"touchstone/hashindex/store", "touchstone/hashindex/search", "touchstone/hashindex/fingerprint", "touchstone/cmd"}, why: "the command alone picks implementations"},
	{in: "api/fetch", only: []string{"touchstone/hashindex", "code.dny.dev/ssrf", "golang.org/x/net/idna"}, why: "what may be reached is decided in one place, which knows nothing else"},
	{in: "api/hls", only: []string{"touchstone/hashindex", "touchstone/api/fetch", "github.com/Eyevinn/hls-m3u8/m3u8"}, why: "a playlist leads to nothing but pieces of video, through the guard"},
	{in: "api/gate", only: []string{}, why: "how much is let in does not depend on what it is"},
	{in: "api/keys", only: []string{"touchstone/hashindex"}, why: "who may ask is decided without knowing how they ask"},
	{in: "api/webhook", only: []string{"touchstone/hashindex", "github.com/standard-webhooks/standard-webhooks/libraries/go"}, why: "events are read from the history and sent by what it is given"},
	{in: "api/client", only: []string{"touchstone/hashindex", "touchstone/api/wire", "touchstone/api/hashlist"}, why: "a program that asks a server does not carry one"},
	{in: "api/idempotency", only: []string{"touchstone/hashindex"}, why: "what was done once is known by the index alone"},
	{in: "api/overlay", only: []string{"touchstone/hashindex"}, why: "a drawing needs two pictures and an alignment"},
	{in: "casework/pack", only: []string{"touchstone/hashindex", "touchstone/casework"}, why: "a pack is checked where there is no server, store or decoder but those it is given"},
	{in: "api/wire", only: []string{}, why: "the contract depends on nothing"},
	{in: "bench/load", only: []string{}, why: "whoever measures a server knows no more of it than its answers"},
	{in: "fixtures", banned: []string{"touchstone/api", "touchstone/cmd", "touchstone/hashindex/store", "touchstone/hashindex/search"}, why: "fixtures make pictures, they do not use them"},
}

// owners are the packages that alone import a library, so that none of its types spreads.
var owners = map[string][]string{
	"github.com/labstack/echo":            {"api"},
	"github.com/prometheus/client_golang": {"api"},
	"code.dny.dev/ssrf":                   {"api/fetch"},
	"golang.org/x/net":                    {"api/fetch"},
	"github.com/standard-webhooks":        {"api/webhook"},
	"github.com/Eyevinn/hls-m3u8":         {"api/hls"},
	"go.etcd.io/bbolt":                    {"hashindex/store/bolt"},
	"github.com/corona10/goimagehash":     {"hashindex/fingerprint"},
	"github.com/disintegration/imaging":   {"hashindex/fingerprint"},
	"github.com/gen2brain/jpegn":          {"hashindex/fingerprint", "hashindex/fingerprint/jpegplanes"}, // whose tests compare with it
	"github.com/gen2brain/avif":           {"hashindex/fingerprint", "fixtures"},                         // which have nothing else that encodes
	"github.com/gen2brain/heic":           {"hashindex/fingerprint"},
	"github.com/spf13/cobra":              {"cmd/touchstone"},
	"github.com/schollz/progressbar":      {"cmd/touchstone"},
}

func TestArrowsPointInward(t *testing.T) {
	walkImports(t, func(folder, path string) {
		for _, layer := range layers {
			if below(folder, layer.in) && !(layer.except != "" && strings.HasPrefix(folder, layer.except)) && layer.forbids(path) {
				t.Errorf("%s imports %s: %s", folder, path, layer.why)
			}
		}
	})
}

func TestEachLibraryHasOneOwner(t *testing.T) {
	walkImports(t, func(folder, path string) {
		for library, owned := range owners {
			if below(path, library) && !ownedBy(folder, owned) {
				t.Errorf("%s imports %s, which only %v may", folder, path, owned)
			}
		}
	})
}

func ownedBy(folder string, owned []string) bool {
	for _, owner := range owned {
		if folder == owner {
			return true
		}
	}
	return false
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// forbids reports whether the layer must not have the import. The standard library is free to all:
// its paths have no dot in their first part and are not ours.
func (l layer) forbids(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	if !strings.Contains(first, ".") && first != "touchstone" {
		return false
	}
	for _, banned := range l.banned {
		if below(path, banned) {
			return true
		}
	}
	if l.only == nil {
		return false
	}
	for _, allowed := range l.only {
		if path == allowed || below(path, l.in) {
			return false
		}
	}
	return true
}

// walkImports calls visit with each import of each file that is not a test.
func walkImports(t *testing.T, visit func(folder, path string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		for _, each := range parsed.Imports {
			path, _ := strconv.Unquote(each.Path.Value)
			visit(filepath.ToSlash(folder), path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

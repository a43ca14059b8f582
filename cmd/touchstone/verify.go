package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"touchstone/casework/pack"
	"touchstone/hashindex"
	"touchstone/hashindex/align"
	"touchstone/hashindex/fingerprint"
	decoding "touchstone/hashindex/fingerprint/worker"
	"touchstone/hashindex/store/record"
)

// historyCodec is how changes become the bytes that the history chains.
var historyCodec = pack.Codec{
	Encode: func(c hashindex.Change) ([]byte, error) { return record.Append(nil, c) },
	Decode: record.Decode,
}

func (a *app) verifyCommand() *cobra.Command {
	verb := a.verb("verify PACK...", "Check evidence packs, without the server that made them", cobra.MinimumNArgs(1), a.verify)
	verb.Long = `Check evidence packs on any machine: that every file is the one of the manifest, that the fingerprints
follow from the pictures, the distances from the fingerprints and the verdict from the distances, that each
change of the history hashes to its digest and follows on the one before it, and that the history leads to
where the case stands. What a pack cannot show is said as well.

The digest of the last change can be compared with the one that the server shows others.`
	return verb
}

func (a *app) verify(ctx context.Context, names []string) error {
	workers := decoding.New(decoding.Options{Maker: fingerprint.Options{TIFF: true}})
	defer workers.Close()
	v := pack.Verifier{Codec: historyCodec, Maker: workers, Recipe: fingerprint.Recipe, NewAligner: align.New}
	unsound := 0
	for _, name := range names {
		raw, err := readPack(name)
		if err != nil {
			return err
		}
		report, err := v.Verify(ctx, raw)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := a.print(report, verified(name, report)); err != nil {
			return err
		}
		if !report.Sound() {
			unsound++
		}
	}
	if unsound > 0 {
		return fmt.Errorf("%s that is not as it says: %w", plural(unsound, "pack"), errDamage)
	}
	return nil
}

// readPack reads no more of a file than a pack may have.
func readPack(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, pack.MaxBytes+1))
}

func verified(name string, r pack.Report) string {
	lines := []string{fmt.Sprintf("%s: SHA-256 %v", name, r.SHA256)}
	for _, f := range r.Findings {
		lines = append(lines, "  NOT AS IT SAYS: "+harmless(f))
	}
	for _, u := range r.Unproven {
		lines = append(lines, "  not shown: "+harmless(u))
	}
	if r.Sound() {
		lines = append(lines, fmt.Sprintf("  sound: evidence of %s, made %s: %s, %s, %s with %s; the last is %d, %v",
			harmless(r.Subject), r.Made, plural(r.Files, "file"), plural(r.Hits, "hit"), plural(r.Changes, "change"), plural(r.Gaps, "gap"), r.Last, r.Digest))
	}
	return strings.Join(lines, "\n")
}

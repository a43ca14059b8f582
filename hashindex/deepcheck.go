package hashindex

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// Fingerprinter makes the fingerprints that references are stored with.
type Fingerprinter interface {
	Stored(ctx context.Context, encoded []byte) (Picture, error)
}

// Share is one of several parts of all pictures, the Nth of Of, from 1. A picture is in the same one at every check, so
// that one share a night goes over all of them in Of nights.
type Share struct{ N, Of int }

func (s Share) holds(d Digest) bool {
	return binary.BigEndian.Uint64(d[:])%uint64(s.Of) == uint64(s.N-1)
}

// DeepReport is what CheckPictures looked at and what it found.
type DeepReport struct {
	Pictures int // that were fingerprinted again
	Skipped  int // of another recipe, or gone meanwhile
	Findings []Finding
}

// CheckPictures makes the fingerprints of a share of the kept pictures again and compares them with those that are
// stored (I4), as many at a time as there are processors. References that come or go meanwhile are left out.
func (ix *Index) CheckPictures(ctx context.Context, f Fingerprinter, s Share) (DeepReport, error) {
	if s.N < 1 || s.N > s.Of {
		return DeepReport{}, invalid("deep", "%d/%d, want from 1/%[2]d to %[2]d/%[2]d", s.N, s.Of)
	}
	ids, err := ix.pictured(ctx, s)
	if err != nil {
		return DeepReport{}, err
	}
	d := deepCheck{Index: ix, fingerprinter: f}
	next := make(chan ReferenceID)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for id := range next {
				d.note(d.reference(ctx, id))
			}
		})
	}
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		next <- id
	}
	close(next)
	workers.Wait()
	return d.report, orElse(ctx.Err(), d.err)
}

// pictured are the references whose pictures are in the share.
func (ix *Index) pictured(ctx context.Context, s Share) (ids []ReferenceID, err error) {
	err = ix.store.View(func(r Reader) error {
		collections, err := r.Collections()
		if err != nil {
			return err
		}
		for _, c := range collections {
			for reference, err := range r.References(c.ID, 0) {
				if err = orElse(err, ctx.Err()); err != nil {
					return err
				}
				if !reference.Content.IsZero() && s.holds(reference.Content) {
					ids = append(ids, reference.ID)
				}
			}
		}
		return nil
	})
	return ids, err
}

// deepCheck is a CheckPictures under way.
type deepCheck struct {
	*Index
	fingerprinter Fingerprinter

	mu     sync.Mutex // guards what follows
	report DeepReport
	err    error // the first that is no finding
}

var errSkipped = errors.New("not to be compared")

// reference looks at the reference's picture; a finding of nothing: all is well.
func (d *deepCheck) reference(ctx context.Context, id ReferenceID) (Finding, error) {
	encoded, reference, err := d.Image(id)
	if errors.Is(err, ErrNotFound) || err == nil && !d.compares(reference) {
		return Finding{}, errSkipped
	}
	if errors.Is(err, ErrDamaged) {
		return Finding{"store", fmt.Sprintf("picture of reference %d: %v", id, err)}, nil
	}
	if err != nil {
		return Finding{}, err
	}
	picture, err := d.fingerprinter.Stored(ctx, encoded)
	if errors.Is(err, ErrUndecoded) {
		return Finding{"I4", fmt.Sprintf("picture of reference %d is not decoded any more: %v", id, err)}, nil
	}
	if err != nil {
		return Finding{}, err
	}
	if part := differs(reference, picture); part != "" {
		return Finding{"I4", fmt.Sprintf("reference %d %q is stored with other %s than its picture has", id, reference.ExternalID, part)}, nil
	}
	return Finding{}, nil
}

// compares reports whether the reference was fingerprinted as the index does it.
func (d *deepCheck) compares(r Reference) bool {
	for _, frame := range r.Frames {
		if frame.Recipe != d.recipe {
			return false
		}
	}
	return true
}

// differs names what of the reference is not the picture's.
func differs(r Reference, p Picture) string {
	if r.Format != p.Format || r.Width != p.Width || r.Height != p.Height {
		return "measures"
	}
	if len(r.Frames) != len(p.Frames) {
		return "frames"
	}
	for i, stored := range r.Frames {
		made := p.Frames[i]
		var features Digest
		if !made.Features.IsZero() {
			features = DigestOf(made.Features.AppendStored(nil))
		}
		switch {
		case stored.At != made.At || stored.Quality != made.Quality:
			return "frames"
		case stored.Hashes != made.Hashes:
			return "hashes"
		case stored.Features != features:
			return "features"
		}
	}
	return ""
}

func (d *deepCheck) note(f Finding, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, errSkipped):
		d.report.Skipped++
	case err != nil:
		d.err = orElse(d.err, err)
	default:
		d.report.Pictures++
	}
	if f.What != "" && len(d.report.Findings) < maxFindings {
		d.report.Findings = append(d.report.Findings, f)
	}
}

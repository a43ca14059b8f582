package hashindex

// Comparison is what the index would say of two pictures, and why.
type Comparison struct {
	Evidence
	Status Status

	// Overlay is how the first picture was laid over the second. Alike: it shows that they share a
	// part, which is a match if it is large enough; otherwise it is how far that came, for people who
	// ask why not. Zero where there was nothing to lay.
	Overlay Alignment
	Alike   bool
}

// Compare says of two pictures what the index would say if the first were registered under the
// policy and the second asked about: the evidence of their nearest frames, over every way to turn
// and mirror. Frames too poor to mean anything are left out where there are better ones. With an
// aligner (and features) it goes on to tier partial, as a query of full effort does.
func Compare(reference, query Picture, policy Policy, newAligner func(Features) Aligner) Comparison {
	c := Comparison{}
	c.Evidence, c.Status = compareWhole(reference, query, policy)
	if newAligner == nil || c.Status == Undecidable {
		return c
	}
	n, m, overlay, alike := comparePart(reference, query, newAligner)
	c.Overlay, c.Alike = overlay, alike
	if !alike || !policy.Partial.Enabled || overlay.coverage() < policy.Partial.MinCoverage {
		return c
	}
	if c.Status != Matched {
		c.Status, c.QueryFrame, c.ReferenceFrame = Matched, n, m
		c.join(reference.Frames[m].Fingerprint, query.Frames[n].Fingerprint, overlay)
	}
	if c.QueryFrame == n && c.ReferenceFrame == m {
		c.Alignment = alignmentEvidence(overlay, query.Frames[n].Features, reference.Frames[m].Features, policy.Partial)
	}
	c.Kind = c.kind()
	return c
}

// compareWhole is Compare by hashes alone.
func compareWhole(reference, query Picture, policy Policy) (Evidence, Status) {
	best := Evidence{Distance: PDQ.Bits() + 1}
	for n, asked := range query.Frames {
		for m, known := range reference.Frames {
			if query.misleading(asked) || reference.misleading(known) {
				continue
			}
			if e := nearest(known.Fingerprint, asked.Fingerprint); e.Distance < best.Distance {
				e.QueryFrame, e.ReferenceFrame = n, m
				best = e
			}
		}
	}
	best.Radius, best.CopyRadius = policy.Radius, policy.CopyRadius
	best.QueryContent, best.ReferenceContent = query.Content, reference.Content
	best.Kind = best.kind()
	switch {
	case min(best.QueryQuality, best.ReferenceQuality) < PoorQuality:
		return best, Undecidable
	case best.Distance > policy.Radius:
		return best, NotMatched
	}
	return best, Matched
}

// misleading reports whether the frame is poor while the picture has better ones.
func (p Picture) misleading(f Frame) bool {
	return f.Quality < PoorQuality && p.quality() >= PoorQuality
}

// nearest is the evidence of two frames, by the transform that brings them nearest.
func nearest(reference, query Fingerprint) Evidence {
	best := Evidence{Distance: PDQ.Bits() + 1}
	for t, hash := range query.Dihedral {
		if d := hash.Distance(reference.Hashes[PDQ]); d < best.Distance {
			best = Evidence{
				Recipe: reference.Recipe, Algorithm: PDQ, Transform: Transform(t),
				QueryHash: hash, ReferenceHash: reference.Hashes[PDQ], Distance: d,
				QueryQuality: query.Quality, ReferenceQuality: reference.Quality,
			}
		}
	}
	return best
}

// comparePart lays the frames of the reference over those of the query, the right way round and
// mirrored, and picks the best: one that shows the same, and then by score, or else by corners.
func comparePart(reference, query Picture, newAligner func(Features) Aligner) (asked, known int, best Alignment, alike bool) {
	good := func(f Frame) bool { return f.Quality >= PoorQuality }
	stored := map[int]Features{}
	for _, m := range reference.featuredFrames(good) {
		stored[m] = reference.Frames[m].Features.Stored()
	}
	look := func(n int, closer bool, features Features) {
		aligner := newAligner(features)
		for m := range reference.Frames {
			for _, mirrored := range []bool{false, true} {
				if stored[m].IsZero() {
					continue
				}
				a, ok := aligner.Align(stored[m], mirrored)
				a.Closer = closer
				if better(a, ok, best, alike) {
					asked, known, best, alike = n, m, a, ok
				}
			}
		}
	}
	frames := query.featuredFrames(good)
	for _, n := range frames {
		look(n, false, query.Frames[n].Features)
	}
	for _, n := range frames {
		if f := query.Frames[n].Features; !alike && f.Closer != nil {
			look(n, true, f.Closer())
		}
	}
	return asked, known, best, alike
}

func better(a Alignment, ok bool, best Alignment, alike bool) bool {
	if ok != alike {
		return ok
	}
	if ok {
		return a.Score > best.Score
	}
	return a.Inliers > best.Inliers
}

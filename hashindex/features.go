package hashindex

import (
	"context"
)

// Features are what the partial tier compares of one frame: corners that are found again when the
// picture is cropped, scaled, turned or pasted into another, and a small grey picture for the
// comparison of what lies between them. The zero Features say that none were made.
//
// A query's are as the fingerprint package makes them; a reference's are their Stored form, which
// is a part of them and all that the store keeps.
type Features struct {
	// Width and Height are those of the working picture, in pixels: the frame as shown, scaled down
	// until its longer side is at most MaxWorkingSide, or doubled while it is a thumbnail. Keypoints lie in it.
	Width, Height int

	// Keypoints come strongest first, and spread: every beginning of the list covers the picture.
	Keypoints []Keypoint

	// Luma is the whole working picture for a query, at most MaxStoredLuma long for a reference.
	Luma Luma

	// Closer looks at a query again, enlarged: the same with corners that only what is small in it
	// has, among the others. It costs as much again as all else, so it is asked for where nothing was found
	// without. Nil: there is no closer look, as at a reference.
	Closer func() Features
}

// Bounds of Features, which whoever reads them from outside checks before allocating.
const (
	MaxWorkingSide     = 640  // pixels; positions fit 16 bits in 64ths of a pixel
	MaxKeypoints       = 1500 // of a query
	MaxStoredKeypoints = 300  // of a reference
	MaxStoredLuma      = 96   // pixels of the longer side
)

// Keypoint is one oriented corner. It is quantised where it is made, so that stored and live are the
// same.
type Keypoint struct {
	X, Y  uint16 // in the working picture, in 64ths of a pixel
	Scale int8   // eighths of an octave above the working picture's own resolution; below it for closer ones
	Angle uint8  // of the corner's direction, clockwise from rightwards as shown, in 256ths of a turn

	Descriptor Descriptor

	// Doubts are those of the first KeyBits bits of a query's descriptor, and of its mirror image's, that
	// a little noise would turn: the least certain first. They are not stored.
	Doubts [2][8]uint8
}

// KeyBits is how many bits at the beginning of a descriptor an index may key by: they last better than
// the others and are the least alike, the best first.
const KeyBits = 20

// Descriptor tells what a corner's surroundings look like, turned upright, by 256 comparisons of
// brightness; descriptors of one corner seen twice are few bits apart.
type Descriptor [4]uint64

// Mirrored is the descriptor of the same corner in the mirror image: its comparisons come in pairs that
// are each other's reflection, 128 bits apart.
func (d Descriptor) Mirrored() Descriptor { return Descriptor{d[2], d[3], d[0], d[1]} }

// Luma is a grey picture, row by row from the top, 0 black to 255 white.
type Luma struct {
	Width, Height int
	Pix           []uint8 // Width × Height
}

// IsZero reports whether no features were made. A picture without a corner has features all the same.
func (f Features) IsZero() bool { return f.Width == 0 }

// Stored is the form that a reference is kept in: the first MaxStoredKeypoints keypoints without
// Doubts, and Luma reduced to MaxStoredLuma. It is a copy, and equal to its own Stored form.
func (f Features) Stored() Features {
	stored := Features{Width: f.Width, Height: f.Height, Luma: f.Luma.reduced(MaxStoredLuma)}
	stored.Keypoints = make([]Keypoint, min(len(f.Keypoints), MaxStoredKeypoints))
	for i := range stored.Keypoints {
		stored.Keypoints[i] = f.Keypoints[i]
		stored.Keypoints[i].Doubts = [2][8]uint8{}
	}
	return stored
}

// validateStored refuses features that no Stored would return, as a damaged record or a client may
// hold them: ErrInvalid names what is wrong.
func (f Features) validateStored() error {
	if f.Width < 1 || f.Height < 1 || max(f.Width, f.Height) > MaxWorkingSide {
		return invalid("features", "a working picture of %d×%d, want sides of 1 to %d", f.Width, f.Height, MaxWorkingSide)
	}
	if len(f.Keypoints) > MaxStoredKeypoints {
		return invalid("features", "%d keypoints, want at most %d", len(f.Keypoints), MaxStoredKeypoints)
	}
	if l := f.Luma; l.Width < 1 || l.Height < 1 || max(l.Width, l.Height) > MaxStoredLuma || len(l.Pix) != l.Width*l.Height {
		return invalid("features", "a luma of %d×%d in %d bytes", l.Width, l.Height, len(l.Pix))
	}
	for i, k := range f.Keypoints {
		if int(k.X) >= f.Width*64 || int(k.Y) >= f.Height*64 || k.Scale < 0 || k.Doubts != [2][8]uint8{} {
			return invalid("features", "keypoint %d is not one of a stored picture", i)
		}
	}
	return nil
}

// reduced averages the picture down until its longer side is at most side; a smaller one is copied.
func (l Luma) reduced(side int) Luma {
	longer := max(l.Width, l.Height)
	if longer <= side {
		return Luma{l.Width, l.Height, append([]uint8(nil), l.Pix...)}
	}
	out := Luma{Width: max(1, (l.Width*side+longer/2)/longer), Height: max(1, (l.Height*side+longer/2)/longer)}
	out.Pix = make([]uint8, out.Width*out.Height)
	narrow := make([]uint8, out.Width*l.Height)
	columns := sharesOf(l.Width, out.Width)
	for y := range l.Height {
		average(narrow[y*out.Width:][:out.Width], l.Pix[y*l.Width:][:l.Width], columns)
	}
	sums := make([]float64, out.Width)
	for y, s := range sharesOf(l.Height, out.Height) {
		clear(sums)
		for j, share := range s.parts {
			for x, v := range narrow[(s.first+j)*out.Width:][:out.Width] {
				sums[x] += float64(float64(v) * share)
			}
		}
		for x, sum := range sums {
			out.Pix[y*out.Width+x] = rounded(sum / s.whole)
		}
	}
	return out
}

// shares are what one of fewer values is the mean of: of so many from the first on, each counted by the
// part of it that belongs there.
type shares struct {
	first int
	parts []float64
	whole float64 // of the parts, before they are rounded
}

// sharesOf deals from values out to so many.
func sharesOf(from, to int) []shares {
	list := make([]shares, to)
	step := float64(from) / float64(to)
	parts := make([]float64, 0, from+2*to)
	for i := range list {
		begin, end := float64(float64(i)*step), min(float64(float64(i+1)*step), float64(from))
		list[i] = shares{first: int(begin), whole: end - begin}
		at := len(parts)
		for j := int(begin); j < from && float64(j) < end; j++ {
			parts = append(parts, min(end, float64(j+1))-max(begin, float64(j)))
		}
		list[i].parts = parts[at:]
	}
	return list
}

// average makes each of out the mean of its shares of in, added up in their order: stored bytes are the
// same wherever they are made.
func average(out, in []uint8, list []shares) {
	for i := range out {
		s := &list[i]
		sum := 0.0
		for j, v := range in[s.first:][:len(s.parts)] {
			sum += float64(float64(v) * s.parts[j])
		}
		out[i] = rounded(sum / s.whole)
	}
}

func rounded(v float64) uint8 { return uint8(float32(v) + 0.5) }

// PartialSearcher proposes the references that may share a part with a query. It is derived from the
// store as a Searcher is, but it promises no set: what it proposes is worth aligning, no more (I3).
// Implementations are safe for concurrent use; a search sees an Apply whole or not at all.
type PartialSearcher interface {
	// Propose answers at most limit frames of the collections that the scope allows (whatever the
	// radius), the likeliest first; equal votes in order of arrival (I6). The query's features are as
	// they are made, and its mirror image is looked for as well. The error is ctx's.
	Propose(ctx context.Context, query Features, scope Scope, limit int) ([]Proposal, error)

	// Apply carries out the edits in order. Adding a frame that is there, or removing one that is
	// not, is a broken promise of ours and changes nothing. Features are not kept beyond the call.
	Apply([]FeatureEdit)

	// Entries yields every frame once, in any order, with what is enough to see that the searcher
	// holds the store's features. Yield must not call the searcher.
	Entries(yield func(FeatureEntry) bool)

	// AppendState and LoadState are as a SavedSearcher's.
	AppendState(dst []byte) []byte
	LoadState(state []byte) error

	Stats() SearcherStats // Entries counts frames
}

// FeatureEdit adds a frame with its stored features, or removes it: then Features are not needed.
type FeatureEdit struct {
	Frame      FrameID
	Collection CollectionID
	Features   Features
	Removed    bool
}

// FeatureEntry is what a PartialSearcher holds of a frame.
type FeatureEntry struct {
	Frame      FrameID
	Collection CollectionID
	Sum        uint64 // of the stored features: Features.Sum
}

// Sum is a 64-bit sum of the descriptors of the stored form, for Check: equal features have equal
// sums, and others do not by chance.
func (f Features) Sum() uint64 {
	const prime = 0x9e3779b97f4a7c15
	sum := uint64(len(f.Keypoints[:min(len(f.Keypoints), MaxStoredKeypoints)])) * prime
	for _, k := range f.Keypoints[:min(len(f.Keypoints), MaxStoredKeypoints)] {
		place := uint64(k.X) | uint64(k.Y)<<16 | uint64(uint8(k.Scale))<<32 | uint64(k.Angle)<<40
		for _, word := range [...]uint64{place, k.Descriptor[0], k.Descriptor[1], k.Descriptor[2], k.Descriptor[3]} {
			sum = (sum ^ word) * prime
			sum ^= sum >> 29
		}
	}
	return sum
}

// Proposal is a frame that may share a part with the query.
type Proposal struct {
	Frame    FrameID
	Mirrored bool    // the query shows the frame's mirror image
	Votes    float64 // how many corners agree, common ones counting less
}

// Aligner lays references over one query. It is made for a query by a Config.NewAligner and used by
// one goroutine. The same features in give the same alignment out, on every machine of one
// architecture, without the index (I5).
type Aligner interface {
	// Align finds where the reference, in its Stored form, lies in the query (or in its mirror image)
	// and whether the pictures look the same there. It is false when they do not: then the alignment
	// says how far it came, for people who ask why.
	Align(reference Features, mirrored bool) (Alignment, bool)
}

// Alignment is a reference laid over a query.
type Alignment struct {
	// Matrix takes a point of the reference to the query: both as fractions of width and height,
	// homogeneous, row by row, the last entry 1.
	Matrix   [9]float64
	Mirrored bool
	Closer   bool // the query was looked at more closely: Features.Closer

	Inliers     int     // corners that agree with the matrix
	Places      int     // that those lie in, apart from each other; not counted beyond a dozen
	Bits        float64 // that descriptors of those differ in, on average
	Expected    int     // corners of the reference that the query is large and clear enough to show
	Correlation float64 // of the pixels where both overlap, −1..1: a robust mean over textured cells

	// Cells of the reference that have texture and lie inside the query, by weight, and those of them
	// that look alike.
	Cells, AlikeCells float64

	// Contrast is how much stronger the query's is where the two look alike, in octaves.
	Contrast float64

	// QueryQuad is the reference's outline in the query: its top left, top right, bottom right and
	// bottom left corner as [x, y] fractions, outside 0..1 where the query cuts it off.
	QueryQuad [4][2]float64

	// How much of each picture's area the other shows, 0..1.
	ReferenceCoverage, QueryCoverage float64

	// Score is the calibrated certainty that the query shows a part of the reference, 0..1: of
	// answers with 0.9 or more at most one in a thousand is wrong.
	Score float64
}

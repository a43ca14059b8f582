package hashindex

import "time"

// Recipe names one way of making fingerprints: decoder, normaliser and hash functions, with their
// version. Only fingerprints of one recipe are comparable (I4).
type Recipe string

// PoorQuality is the quality below which a picture has too little structure for its hash to mean
// anything: such a query is undecidable and such a reference is kept but never matched.
// It is the threshold that the PDQ authors advise for their metric.
const PoorQuality = 50

// Fingerprint is everything computed from one frame.
type Fingerprint struct {
	Recipe  Recipe
	Quality int // 0..100, PDQ's gradient metric
	Hashes  Hashes

	// Dihedral holds the PDQ hashes of the frame turned and mirrored, indexed by Transform;
	// Dihedral[Upright] equals Hashes[PDQ]. Queries carry it; it is not stored.
	Dihedral [TransformCount]Hash

	// Features are made for additions and for queries of full effort; otherwise zero.
	Features Features
}

// Frame is one still of a picture, with its time from the start (0 for an image).
type Frame struct {
	At   time.Duration
	Shot bool // of a video: a cut comes before it
	Mark Mark
	Fingerprint
}

// Look is a frame of a video as it is asked about.
type Look struct {
	Frame

	// Inner is the fingerprint of what lies inside a plain border, such as the bars of a letterbox; zero
	// where there is none.
	Inner Fingerprint

	// Features makes the frame's features, as long as whoever decodes has not gone on; nil: they cannot be
	// made.
	Features func() Features

	// Still is the frame as a PNG, whose fingerprint is the frame's, likewise; nil: it cannot be had.
	Still func() ([]byte, error)
}

// VideoInfo is what is known of a video once it has been read.
type VideoInfo struct {
	Format        string // "mov", "matroska", ...: as ffmpeg names the container
	Width, Height int
	Length        time.Duration
	Frames        int // sampled
}

// Mark says that a frame of a video is one of those that many works have. It is not stored.
type Mark uint8

const (
	Telling Mark = iota // no mark
	Black
	Flat    // of one colour, or nearly
	Credits // text on black
)

// Picture is what the fingerprint package makes of one encoded image.
type Picture struct {
	Format        string // "jpeg", "png", ...
	Width, Height int    // pixels, after EXIF orientation
	Content       Digest // SHA-256 of the encoded bytes
	Frames        []Frame
	Took          Took
}

// Took is where the time of making a picture's fingerprints went.
type Took struct {
	Decode   time.Duration // from the first byte of the headers to pixels
	Hash     time.Duration // the digest of the bytes and the hashes of the pixels
	Features time.Duration // 0 where none were asked for
}

// Transform is what was done to a reference to get the picture asked about: one of the eight
// symmetries of the square. Turns are clockwise; a mirrored picture is mirrored left to right
// first and turned then.
type Transform uint8

const (
	Upright Transform = iota
	Turned90
	Turned180
	Turned270
	Mirrored
	MirroredTurned90
	MirroredTurned180
	MirroredTurned270

	TransformCount = 8
)

// IsMirrored reports whether the transform shows the reference's mirror image.
func (t Transform) IsMirrored() bool { return t >= Mirrored }

// Degrees is the clockwise turn: 0, 90, 180 or 270.
func (t Transform) Degrees() int { return int(t%4) * 90 }

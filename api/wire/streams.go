package wire

import "time"

// NewStream opens a stream.
type NewStream struct {
	Subject     string        `json:"subject,omitempty"`
	Collections []string      `json:"collections,omitempty"`
	Effort      string        `json:"effort,omitempty"`
	Policy      *StreamPolicy `json:"policy,omitempty"`
}

// StreamPolicy says when a segment is told of: once so many frames agree, and as many in each so many
// seconds.
type StreamPolicy struct {
	Frames  int     `json:"frames,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Stream is what is known of one. Times without a date are seconds of the stream.
type Stream struct {
	ID           string       `json:"id"`
	Subject      string       `json:"subject,omitempty"`
	Collections  []string     `json:"collections,omitempty"`
	Effort       string       `json:"effort"`
	Policy       StreamPolicy `json:"policy"`
	State        string       `json:"state"` // open or ended
	Opened       time.Time    `json:"opened"`
	Fed          time.Time    `json:"fed"`
	Ended        time.Time    `json:"ended,omitzero"`
	Reason       string       `json:"reason,omitempty"`
	At           float64      `json:"at"`
	Seq          uint64       `json:"seq"` // of the last event
	Counts       StreamCounts `json:"counts"`
	Segments     int          `json:"segments"`
	OpenSegments []int        `json:"open_segments"`
	Bytes        int          `json:"bytes"`
}

// StreamCounts is what became of frames.
type StreamCounts struct {
	Frames    uint64 `json:"frames"`
	Searched  uint64 `json:"searched"`
	Unchanged uint64 `json:"unchanged"`
	Dark      uint64 `json:"dark"`
	Dropped   uint64 `json:"dropped"`
}

// Streams is a page of them.
type Streams struct {
	Streams []Stream `json:"streams"`
	Next    string   `json:"next,omitempty"`
}

// StreamFrames are frames known by their hashes.
type StreamFrames struct {
	Frames []StreamFrame `json:"frames"`
}

// StreamFrame is one of them.
type StreamFrame struct {
	At      *float64 `json:"at"`
	PDQ     string   `json:"pdq"`
	Quality *int     `json:"quality,omitempty"`
	Shot    bool     `json:"shot,omitempty"` // a cut comes before it
	Mark    string   `json:"mark,omitempty"` // black, flat or credits
}

// FedFrames is what became of the frames of one body, and where the stream stands.
type FedFrames struct {
	Counts       StreamCounts `json:"counts"`
	Seq          uint64       `json:"seq"`
	OpenSegments []int        `json:"open_segments"`
}

// StreamSegment is a part of a stream that shows a part of a reference.
type StreamSegment struct {
	Number        int          `json:"number"`
	Seq           uint64       `json:"seq"`
	State         string       `json:"state"`
	ReferenceID   string       `json:"reference_id"`
	ExternalID    string       `json:"external_id,omitempty"`
	Collection    string       `json:"collection,omitempty"`
	From          float64      `json:"from"`
	To            float64      `json:"to"`
	ReferenceFrom float64      `json:"reference_from"`
	ReferenceTo   float64      `json:"reference_to"`
	Speed         float64      `json:"speed"`
	Frames        int          `json:"frames"`
	Asked         int          `json:"asked"`
	Kind          string       `json:"kind"`
	Transform     Transform    `json:"transform"`
	Score         float64      `json:"score"`
	Pairs         []StreamPair `json:"pairs"`
}

// StreamPair is a frame of the stream beside the one of the reference that it shows.
type StreamPair struct {
	At             float64 `json:"at"`
	ReferenceAt    float64 `json:"reference_at"`
	ReferenceFrame int     `json:"reference_frame"`
	Kind           string  `json:"kind"`
	Score          float64 `json:"score"`
}

// StreamSegments is a page of them.
type StreamSegments struct {
	Segments []StreamSegment `json:"segments"`
	Next     int             `json:"next,omitempty"`
}

package api

import (
	"cmp"
	"maps"
	"time"

	"github.com/labstack/echo/v4"

	"touchstone/api/hashlist"
	"touchstone/api/idempotency"
	"touchstone/api/keys"
	"touchstone/api/webhook"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/casework/pack"
	"touchstone/hashindex"
	"touchstone/hashindex/watch"
)

// Limits bound what requests may cost. The zero value of a field stands for its default. Each is
// found at /v1/limits under the name that problems give it.
type Limits struct {
	ImageBytes     int64         // one encoded picture; 20 MiB
	BodyBytes      int64         // a body of pictures; 256 MiB
	DocumentBytes  int64         // a body of JSON, or a hash list; 32 MiB
	HeldBytes      int64         // bodies, and features of pictures, held by all requests together; 1 GiB, over it requests are refused as overload
	ClientBytes    int64         // of those, by the requests of one key or address; a quarter, but BodyBytes at least
	Request        time.Duration // from the arrival of the body to the answer; 10 s
	Body           time.Duration // for the body to arrive; 60 s
	QueueWait      time.Duration // for a turn; 2 s, though whoever has to expect a wait of more than a few turns is refused at once
	VideoBytes     int64         // one encoded video; 2 GiB
	HeldVideo      int64         // of videos on the disk, by all requests together; 16 GiB, over it requests are refused as overload
	ClientVideo    int64         // of those, by the requests of one key or address; a quarter, but VideoBytes at least
	Video          time.Duration // for a request with a video, from its arrival to the answer; 15 min
	Header         time.Duration // for the header of a request to arrive; 5 s
	Idle           time.Duration // between two requests of a connection; 2 min
	ClientRequests int           // of one key or address at the same time; 1024
	Connections    int           // open at once, of which the longest idle gives way to a new one; 8192

	Streams    watch.Limits
	Followers  int           // of streams' events; 1,000
	Following  int           // of those, by one key or address; 64
	FollowWait time.Duration // for a follower to take an event; 30 s
	Heartbeat  time.Duration // between two lines to a follower; 15 s

	Repeats idempotency.Limits // of what is remembered under Idempotency-Keys

	// Pictures are the fingerprinter's own limits, by name.
	Pictures map[string]int64
}

const (
	maxMatchImages     = 64
	maxReferenceImages = 100
	maxReferenceHashes = 10_000 // in one body, JSON or list
	maxResembled       = 100    // references added at once that are told what they resemble
	maxStreamImages    = 64
	maxStreamFrames    = 1000 // of hashes, in one body
	maxPage            = 1000
	maxWait            = 60 // seconds, for a change
	defaultPage        = 100
	maxSubject         = 1 << 10
	maxFrames          = 20_000 // of a video that is asked about, as hashes
	maxVideoSeconds    = 1_000_000
	maxField           = 64 << 10 // a text part of a multipart body
	maxLine            = 4 << 10  // a line of a hash stream
	maxHeader          = 16 << 10 // of a request; package http takes 4 KiB more
)

func (l Limits) withDefaults() Limits {
	bodyBytes, heldBytes := cmp.Or(l.BodyBytes, 256<<20), cmp.Or(l.HeldBytes, 1<<30)
	videoBytes, heldVideo := cmp.Or(l.VideoBytes, 2<<30), cmp.Or(l.HeldVideo, 16<<30)
	return Limits{
		ImageBytes:     cmp.Or(l.ImageBytes, 20<<20),
		BodyBytes:      bodyBytes,
		DocumentBytes:  cmp.Or(l.DocumentBytes, 32<<20),
		HeldBytes:      heldBytes,
		ClientBytes:    cmp.Or(l.ClientBytes, max(heldBytes/4, bodyBytes)),
		Request:        cmp.Or(l.Request, 10*time.Second),
		Body:           cmp.Or(l.Body, 60*time.Second),
		QueueWait:      cmp.Or(l.QueueWait, 2*time.Second),
		VideoBytes:     videoBytes,
		HeldVideo:      heldVideo,
		ClientVideo:    cmp.Or(l.ClientVideo, max(heldVideo/4, videoBytes+maxField)),
		Video:          cmp.Or(l.Video, 15*time.Minute),
		Header:         cmp.Or(l.Header, 5*time.Second),
		Idle:           cmp.Or(l.Idle, 2*time.Minute),
		ClientRequests: cmp.Or(l.ClientRequests, 1024),
		Connections:    cmp.Or(l.Connections, 8192),
		Streams:        l.Streams.WithDefaults(),
		Followers:      cmp.Or(l.Followers, 1000),
		Following:      cmp.Or(l.Following, 64),
		FollowWait:     cmp.Or(l.FollowWait, 30*time.Second),
		Heartbeat:      cmp.Or(l.Heartbeat, 15*time.Second),
		Repeats:        l.Repeats.WithDefaults(),
		Pictures:       l.Pictures,
	}
}

// readAll is how long a request may take to arrive, header and body.
func (l Limits) readAll() time.Duration { return l.Header + l.Body }

// writeAll is how long after its header a request may take in all, with the answer.
func (l Limits) writeAll() time.Duration { return l.Body + l.Request + 30*time.Second }

// byName are the limits as problems name them.
func (l Limits) byName() map[string]int64 {
	named := map[string]int64{
		"image_bytes":           l.ImageBytes,
		"body_bytes":            l.BodyBytes,
		"document_bytes":        l.DocumentBytes,
		"held_bytes":            l.HeldBytes,
		"client_bytes":          l.ClientBytes,
		"queue_milliseconds":    l.QueueWait.Milliseconds(),
		"header_bytes":          maxHeader,
		"header_seconds":        int64(l.Header.Seconds()),
		"client_requests":       int64(l.ClientRequests),
		"connections":           int64(l.Connections),
		"idle_seconds":          int64(l.Idle.Seconds()),
		"read_seconds":          int64(l.readAll().Seconds()),
		"write_seconds":         int64(l.writeAll().Seconds()),
		"request_seconds":       int64(l.Request.Seconds()),
		"body_seconds":          int64(l.Body.Seconds()),
		"match_images":          maxMatchImages,
		"video_bytes":           l.VideoBytes,
		"held_video_bytes":      l.HeldVideo,
		"client_video_bytes":    l.ClientVideo,
		"frames":                maxFrames,
		"reference_frames":      hashlist.MaxFrames,
		"video_request_seconds": int64(l.Video.Seconds()),
		"compare_images":        2,
		"reference_images":      maxReferenceImages,
		"references":            maxReferenceHashes,
		"resembled":             maxResembled,
		"hashes":                hashindex.MaxHashes,
		"matches":               hashindex.MaxLimit,
		"partial_frames":        hashindex.MaxPartialFrames,
		"partial_proposals":     hashindex.MaxProposals,
		"page":                  maxPage,
		"notice_hits":           casework.MaxNoticeItems,
		"notice_statements":     casework.MaxStatements,
		"pack_bytes":            pack.MaxBytes,
		"pack_files":            pack.MaxFiles,
		"pack_hits":             pack.MaxHits,
		"pack_changes":          pack.MaxHistory,
		"pack_seconds":          int64(packTime.Seconds()),
		"wait_seconds":          maxWait,
		"webhooks":              webhook.MaxHooks,
		"webhook_events":        webhook.MaxEvents,
		"webhook_secrets":       webhook.MaxSecrets,
		"radius_256":            int64(hashindex.PDQ.MaxRadius()),
		"radius_64":             int64(hashindex.PHash.MaxRadius()),
		"subject_bytes":         maxSubject,
		"field_bytes":           maxField,
		"line_bytes":            maxLine,
		"hash_list_row_bytes":   hashlist.MaxRecord,
		"external_id_bytes":     hashindex.MaxExternalID,
		"note_bytes":            hashindex.MaxNote,
		"meta_bytes":            hashindex.MaxMeta,
		"keys":                  keys.MaxKeys,
		"key_collections":       keys.MaxCollections,
		"key_name_bytes":        keys.MaxName,
		"verdict_photos":        casework.MaxPhotos,
		"decided_hits":          casework.MaxDecided,
		"licence_lines":         casework.MaxLicenceLines,
		"streams":               int64(l.Streams.Streams),
		"streams_ended":         int64(l.Streams.Ended),
		"stream_segments":       int64(l.Streams.Segments),
		"silence_seconds":       int64(l.Streams.Silence.Seconds()),
		"stream_images":         maxStreamImages,
		"stream_frames":         maxStreamFrames,
		"followers":             int64(l.Followers),
		"client_followers":      int64(l.Following),

		"idempotency_key_bytes": idempotency.MaxKey,
		"idempotency_seconds":   int64(l.Repeats.Age.Seconds()),
		"idempotency_records":   int64(l.Repeats.Records),
		"idempotency_bytes":     l.Repeats.Bytes,
	}
	maps.Copy(named, l.Pictures)
	return named
}

func (s *Server) showLimits(c echo.Context) error {
	named := s.limits.byName()
	if s.config.Fetch != nil {
		maps.Copy(named, s.config.Fetch.Limits())
	}
	return c.JSON(200, wire.Limits{Limits: named})
}

package api

import (
	"cmp"
	"fmt"
	"io"
	"sync"

	"github.com/labstack/echo/v4"

	"touchstone/api/hashlist"
	"touchstone/api/wire"
	"touchstone/casework"
	"touchstone/hashindex"
)

// addHashes reads one reference, or several under "references". One may be named by the URL of its
// picture instead of by its hashes.
func (s *Server) addHashes(c echo.Context, collection string) error {
	var asked struct {
		wire.HashReference
		wire.HashReferences
		URL string `json:"url"`
	}
	if err := s.readJSON(c, &asked); err != nil {
		return err
	}
	alone := asked.HashReference
	if asked.URL != "" {
		if asked.References != nil || alone.Hashes != (wire.Hashes{}) || alone.Quality != nil {
			return invalid("url", "give a URL, or hashes, but not both")
		}
		return s.addFetched(c, collection, alone, asked.URL)
	}
	if asked.References == nil {
		n, err := s.newReference(alone, "", make([]hashindex.Frame, 1))
		if err != nil {
			return err
		}
		return s.commit(c, collection, []hashindex.NewReference{n})
	}
	if alone.ExternalID != "" || alone.Hashes != (wire.Hashes{}) || alone.Quality != nil || alone.Meta != nil || alone.Frames != nil {
		return invalid("references", "give one reference, or several under this name, but not both")
	}
	news, err := s.newReferences(asked.References)
	if err != nil {
		return err
	}
	return s.commit(c, collection, news)
}

func (s *Server) addFetched(c echo.Context, collection string, asked wire.HashReference, url string) error {
	up, err := s.fetched(c, expected{limit: "reference_images", images: 1, keep: true, stored: true}, url)
	if err != nil {
		return err
	}
	defer up.close()
	picture := up.pictures[0]
	return s.commit(c, collection, []hashindex.NewReference{{
		ExternalID: asked.ExternalID, Meta: asked.Meta, Picture: picture.Picture, Encoded: picture.encoded,
	}})
}

func (s *Server) newReferences(asked []wire.HashReference) ([]hashindex.NewReference, error) {
	if len(asked) == 0 {
		return nil, invalid("references", "none given")
	}
	if len(asked) > maxReferenceHashes {
		return nil, &hashindex.LimitError{Limit: "references", Max: maxReferenceHashes, Got: int64(len(asked))}
	}
	news, frames := make([]hashindex.NewReference, len(asked)), make([]hashindex.Frame, len(asked))
	for i, each := range asked {
		n, err := s.newReference(each, fmt.Sprintf("references[%d].", i), frames[i:i+1:i+1])
		if err != nil {
			return nil, err
		}
		news[i] = n
	}
	return news, nil
}

// newReference makes the reference, its one frame in the room given for it.
func (s *Server) newReference(asked wire.HashReference, prefix string, room []hashindex.Frame) (hashindex.NewReference, error) {
	if asked.Frames != nil {
		return s.newVideo(asked, prefix)
	}
	if err := s.fill(&room[0].Fingerprint, asked.Hashes, asked.Quality, prefix); err != nil {
		return hashindex.NewReference{}, err
	}
	if room[0].Hashes.IsZero() {
		return hashindex.NewReference{}, invalid(prefix+"hashes", "none given")
	}
	return hashindex.NewReference{ExternalID: asked.ExternalID, Meta: asked.Meta, Picture: hashindex.Picture{Frames: room}}, nil
}

// fill makes the fingerprint that hashes and a quality are known of.
func (s *Server) fill(f *hashindex.Fingerprint, hashes wire.Hashes, quality *int, prefix string) (err error) {
	f.Recipe, f.Quality = s.index.Recipe(), hashindex.QualityUnknown
	if f.Hashes, err = parseHashes(hashes, prefix); err != nil || quality == nil {
		return err
	}
	if f.Quality = *quality; f.Quality < 0 || f.Quality > 100 {
		return invalid(prefix+"quality", "%d is not within 0..100", f.Quality)
	}
	return nil
}

// newVideo makes a reference of frames, each with its time.
func (s *Server) newVideo(asked wire.HashReference, prefix string) (hashindex.NewReference, error) {
	if asked.Hashes != (wire.Hashes{}) || asked.Quality != nil {
		return hashindex.NewReference{}, invalid(prefix+"frames", "come with hashes or a quality of their own: want the ones or the others")
	}
	frames, err := s.newFrames(asked.Frames, prefix, "reference_frames", hashlist.MaxFrames)
	return hashindex.NewReference{ExternalID: asked.ExternalID, Meta: asked.Meta, Picture: hashindex.Picture{Frames: frames}}, err
}

func (s *Server) addList(c echo.Context, collection string, format hashlist.Format) error {
	room := listRooms.Get().(*listRoom)
	defer room.release()
	news, err := s.readList(room, bodyOf(c.Request()).within("document_bytes", s.limits.DocumentBytes), format)
	if err != nil {
		return err
	}
	if dry, err := dryRun(c); dry || err != nil {
		return cmp.Or(err, invalid("dry_run", "a hash list is not tried: send the hashes as JSON"))
	}
	if err := begin(c); err != nil {
		return err
	}
	also := append(s.keep(c, 201, "", func(of []hashindex.Change) any {
		return wire.AddedList{Added: len(of), Seq: uint64(lastSeq(of))}
	}), casework.Remember)
	added, seq, err := s.index.AddReferences(c.Request().Context(), actor(c), collection, news, also...)
	if err != nil {
		return aboutAddition(err)
	}
	s.desk.LookBackLater(added)
	return s.answerOnce(c, 201, "", wire.AddedList{Added: len(added), Seq: uint64(seq)})
}

// listRoom is where a list is put together, one frame a reference: some eight megabytes for ten thousand, which
// are not made, cleared and given back for each body.
type listRoom struct {
	news   []hashindex.NewReference
	frames [][]hashindex.Frame // listFrames each
}

const listFrames = 128

var listRooms = sync.Pool{New: func() any { return new(listRoom) }}

// frame is room for that of the i-th reference, the next or an earlier one.
func (r *listRoom) frame(i int) []hashindex.Frame {
	if i/listFrames == len(r.frames) {
		r.frames = append(r.frames, make([]hashindex.Frame, listFrames))
	}
	return r.frames[i/listFrames][i%listFrames:][:1:1]
}

// release keeps the room, but nothing of what was in it alive.
func (r *listRoom) release() {
	clear(r.news)
	r.news = r.news[:0]
	listRooms.Put(r)
}

func (s *Server) readList(room *listRoom, body io.Reader, format hashlist.Format) ([]hashindex.NewReference, error) {
	list := hashlist.NewReader(body, format)
	for {
		row, err := list.Read()
		if err == io.EOF {
			return room.news, nil
		}
		if err != nil {
			return nil, err
		}
		i := len(room.news)
		if i == maxReferenceHashes {
			return nil, &hashindex.LimitError{Limit: "references", Max: maxReferenceHashes}
		}
		n, err := s.newReference(row, "", room.frame(i))
		if err != nil {
			return nil, err
		}
		room.news = append(room.news, n)
	}
}

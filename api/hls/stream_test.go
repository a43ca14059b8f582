package hls_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"touchstone/api/fetch"
	"touchstone/api/hls"
	"touchstone/hashindex"
)

// station serves documents that change as time goes by: time goes by when a stream waits.
type station struct {
	t       *testing.T
	server  *httptest.Server
	fetcher *fetch.Fetcher

	mu     sync.Mutex // guards what follows
	now    time.Duration
	serve  func(path string, now time.Duration) (status int, body string)
	asked  map[string]int
	waited int
}

func newStation(t *testing.T, serve func(path string, now time.Duration) (int, string)) *station {
	t.Helper()
	s := &station{t: t, serve: serve, asked: map[string]int{}}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		status, body := s.serve(r.URL.Path, s.now)
		s.mu.Unlock()
		switch {
		case status == http.StatusFound:
			http.Redirect(w, r, body, status)
		case status == http.StatusOK:
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body)) // which knows ranges
		default:
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(s.server.Close)
	port := s.server.Listener.Addr().(*net.TCPAddr).Port
	s.fetcher = fetch.New(fetch.Config{
		Ports: []uint16{uint16(port)}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Bytes: 1 << 20, Time: time.Minute,
	})
	return s
}

func (s *station) wait(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += d
	if s.waited++; s.waited > 10_000 {
		s.t.Error("a stream waits for ever")
		return errors.New("waited enough")
	}
	return ctx.Err()
}

// play opens the stream and plays it to its end.
func (s *station) play(limits hls.Limits) (pieces []hls.Piece, _ error) {
	s.t.Helper()
	ctx := s.t.Context()
	document, err := s.fetcher.Part(ctx, s.server.URL+"/live.m3u8", fetch.Span{})
	if err != nil {
		return nil, err
	}
	stream, err := hls.Open(ctx, s.fetcher, document, limits, s.wait)
	if err != nil {
		return nil, err
	}
	for {
		piece, err := stream.Next(ctx)
		if errors.Is(err, io.EOF) {
			return pieces, nil
		}
		if err != nil {
			return pieces, err
		}
		pieces = append(pieces, piece)
	}
}

// shown is what was played, as begin:bytes.
func shown(pieces []hls.Piece) string {
	var list []string
	for _, p := range pieces {
		list = append(list, fmt.Sprintf("%v:%s", p.At, p.Bytes))
	}
	return strings.Join(list, " ")
}

// documents serves these by their path, whenever.
func documents(of map[string]string) func(string, time.Duration) (int, string) {
	return func(path string, _ time.Duration) (int, string) {
		body, there := of[path]
		if !there {
			return http.StatusNotFound, ""
		}
		return http.StatusOK, body
	}
}

const head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n"

func TestARecordedStreamIsPlayedFromItsBeginningToItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		of   map[string]string
		want string
	}{
		"segments": {map[string]string{
			"/live.m3u8": head + "#EXTINF:4,\na.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.5,\nsub/b.ts\n#EXTINF:4,\n/c.ts\n#EXT-X-ENDLIST\n",
			"/a.ts":      "A", "/sub/b.ts": "B", "/c.ts": "C",
		}, "0s:A 4s:B 6.5s:C"},
		"parts of one file": {map[string]string{
			"/live.m3u8": head + "#EXTINF:4,\n#EXT-X-BYTERANGE:3@2\nall.ts\n#EXTINF:4,\n#EXT-X-BYTERANGE:2\nall.ts\n#EXT-X-ENDLIST\n",
			"/all.ts":    "..AAABB...",
		}, "0s:AAA 4s:BB"},
		"an index before each segment, until there is another": {map[string]string{
			"/live.m3u8": head + "#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"2@1\"\n#EXTINF:4,\na.m4s\n#EXTINF:4,\nb.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"j.mp4\"\n#EXTINF:4,\nc.m4s\n#EXT-X-ENDLIST\n",
			"/i.mp4":     ".II.", "/j.mp4": "J", "/a.m4s": "A", "/b.m4s": "B", "/c.m4s": "C",
		}, "0s:IIA 4s:IIB 8s:JC"},
		"the cheapest of those that are high enough": {map[string]string{
			"/live.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100,RESOLUTION=320x180\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=900,RESOLUTION=1920x1080\nhigh.m3u8\n" +
				"#EXT-X-STREAM-INF:BANDWIDTH=500,RESOLUTION=854x480\nmiddle/list.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=10,CODECS=\"mp4a.40.2\"\nsound.m3u8\n",
			"/middle/list.m3u8": head + "#EXTINF:4,\nm.ts\n#EXT-X-ENDLIST\n", "/middle/m.ts": "M",
		}, "0s:M"},
		"gaps, and segments that are gone": {map[string]string{
			"/live.m3u8": head + "#EXTINF:4,\na.ts\n#EXT-X-GAP\n#EXTINF:4,\nb.ts\n#EXTINF:4,\ngone.ts\n#EXTINF:4,\nd.ts\n#EXT-X-ENDLIST\n",
			"/a.ts":      "A", "/b.ts": "B", "/d.ts": "D",
		}, "0s:A 12s:D"},
	} {
		s := newStation(t, documents(c.of))
		if pieces, err := s.play(hls.Limits{}); err != nil || shown(pieces) != c.want {
			t.Errorf("%s: played %q, %v, want %q", name, shown(pieces), err, c.want)
		}
	}
}

// broadcast is a live stream of pieces of 4 seconds, of which the last six are listed, that ends after so many.
func broadcast(count int, more func(path string, now time.Duration) (int, string, bool)) func(string, time.Duration) (int, string) {
	return func(path string, now time.Duration) (int, string) {
		if status, body, takes := more(path, now); takes {
			return status, body
		}
		if path != "/live.m3u8" {
			return http.StatusOK, strings.TrimSuffix(strings.TrimPrefix(path, "/"), ".ts")
		}
		last := min(count, 10+int(now/(4*time.Second)))
		first := max(0, last-6)
		list := head + fmt.Sprintf("#EXT-X-MEDIA-SEQUENCE:%d\n", first)
		for n := first; n < last; n++ {
			list += fmt.Sprintf("#EXTINF:4,\n%d.ts\n", n)
		}
		if last == count {
			list += "#EXT-X-ENDLIST\n"
		}
		return http.StatusOK, list
	}
}

func TestALiveStreamIsJoinedNearItsEndAndFollowedUntilItEnds(t *testing.T) {
	s := newStation(t, broadcast(13, func(string, time.Duration) (int, string, bool) { return 0, "", false }))
	pieces, err := s.play(hls.Limits{})
	if want := "0s:7 4s:8 8s:9 12s:10 16s:11 20s:12"; err != nil || shown(pieces) != want {
		t.Errorf("played %q, %v, want %q", shown(pieces), err, want)
	}
}

// A server that fails for a while is asked again, and what went by meanwhile leaves its time empty.
func TestALiveStreamGoesOnAfterAnOutage(t *testing.T) {
	failed := false
	s := newStation(t, broadcast(30, func(path string, now time.Duration) (int, string, bool) {
		if path == "/live.m3u8" && now > 6*time.Second && !failed {
			failed = true
			return http.StatusInternalServerError, "", true
		}
		return 0, "", false
	}))
	pieces, err := s.play(hls.Limits{})
	if n := len(pieces); err != nil || !failed || n == 0 || string(pieces[n-1].Bytes) != "29" || pieces[n-1].At != 22*4*time.Second {
		t.Errorf("played %q, %v, an outage: %v; want it to the end, 29 at 1m28s", shown(pieces), err, failed)
	}
	late := newStation(t, broadcast(60, func(string, time.Duration) (int, string, bool) { return 0, "", false }))
	ctx := t.Context()
	document, err := late.fetcher.Part(ctx, late.server.URL+"/live.m3u8", fetch.Span{})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := hls.Open(ctx, late.fetcher, document, hls.Limits{}, late.wait)
	if err != nil {
		t.Fatal(err)
	}
	var last hls.Piece
	for range 4 {
		if last, err = stream.Next(ctx); err != nil {
			t.Fatal(err)
		}
		late.wait(ctx, 40*time.Second) // whoever plays it was away
	}
	// 7, 8 and 9 were known; by then 40 are there, of which the last six are listed.
	if string(last.Bytes) != "34" || last.At != (34-7)*4*time.Second {
		t.Errorf("after a pause %s is played at %v, want 34 at %v", last.Bytes, last.At, (34-7)*4*time.Second)
	}
}

func TestAServerThatCountsAnewIsFollowed(t *testing.T) {
	s := newStation(t, func(path string, now time.Duration) (int, string) {
		switch {
		case path != "/live.m3u8":
			return http.StatusOK, path[1:]
		case now == 0:
			return http.StatusOK, head + "#EXT-X-MEDIA-SEQUENCE:18446744073709551000\n#EXTINF:4,\nold\n"
		}
		return http.StatusOK, head + "#EXT-X-MEDIA-SEQUENCE:3\n#EXTINF:4,\nnew\n#EXT-X-ENDLIST\n"
	})
	if pieces, err := s.play(hls.Limits{}); err != nil || shown(pieces) != "0s:old 4s:new" {
		t.Errorf("played %q, %v", shown(pieces), err)
	}
}

func TestWhatGoesOnForEverIsEnded(t *testing.T) {
	endless := broadcast(1<<40, func(string, time.Duration) (int, string, bool) { return 0, "", false })
	still := documents(map[string]string{"/live.m3u8": head + "#EXTINF:4,\na.ts\n", "/a.ts": "A"})
	dead := documents(map[string]string{"/live.m3u8": head + strings.Repeat("#EXTINF:4,\ngone.ts\n", 100) + "#EXT-X-ENDLIST\n"})
	for name, c := range map[string]struct {
		serve  func(string, time.Duration) (int, string)
		limits hls.Limits
		pieces int
		err    error
	}{
		"a stream that does not end":        {endless, hls.Limits{Length: time.Minute}, 15, hls.ErrPlaylist},
		"more segments than are played":     {endless, hls.Limits{Pieces: 7}, 7, hls.ErrPlaylist},
		"a playlist that stays as it is":    {still, hls.Limits{}, 1, hls.ErrSilent},
		"segments that are not there":       {dead, hls.Limits{}, 0, hls.ErrSilent},
		"segments that are not there, long": {dead, hls.Limits{Tries: 20}, 0, hls.ErrSilent},
	} {
		if pieces, err := newStation(t, c.serve).play(c.limits); !errors.Is(err, c.err) || len(pieces) != c.pieces {
			t.Errorf("%s: %d pieces, %v; want %d, %v", name, len(pieces), err, c.pieces, c.err)
		}
	}
}

func TestHostilePlaylistsAreRefused(t *testing.T) {
	one := func(list string) map[string]string { return map[string]string{"/live.m3u8": list, "/a.ts": "A"} }
	segment := func(uri string) map[string]string { return one(head + "#EXTINF:4,\n" + uri + "\n#EXT-X-ENDLIST\n") }
	master := "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"
	for name, c := range map[string]struct {
		of  map[string]string
		err error
	}{
		"a file":                     {segment("file:///etc/passwd"), fetch.ErrRefused},
		"another scheme":             {segment("gopher://127.0.0.1/"), fetch.ErrRefused},
		"a private address":          {segment("http://10.0.0.1/a.ts"), fetch.ErrRefused},
		"the metadata service":       {segment("http://169.254.169.254/latest/"), fetch.ErrRefused},
		"another port":               {segment("http://127.0.0.1:22/"), fetch.ErrRefused},
		"user info":                  {segment("http://a:b@127.0.0.1/"), fetch.ErrRefused},
		"an index that is a file":    {one(head + "#EXT-X-MAP:URI=\"file:///etc/passwd\"\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n"), fetch.ErrRefused},
		"a variant that is a file":   {one(master + "file:///etc/passwd\n"), fetch.ErrRefused},
		"a playlist of itself":       {one(master + "live.m3u8\n"), hls.ErrPlaylist},
		"a playlist of playlists":    {map[string]string{"/live.m3u8": master + "b.m3u8\n", "/b.m3u8": master + "live.m3u8\n"}, hls.ErrPlaylist},
		"a key":                      {one(head + "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n"), hls.ErrPlaylist},
		"a later key":                {one(head + "#EXTINF:4,\na.ts\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n"), hls.ErrPlaylist},
		"a segment of no length":     {one(head + "#EXTINF:0,\na.ts\n#EXT-X-ENDLIST\n"), hls.ErrPlaylist},
		"a segment of a year":        {one(head + "#EXTINF:31536000,\na.ts\n#EXT-X-ENDLIST\n"), hls.ErrPlaylist},
		"a length that is no number": {one(head + "#EXTINF:NaN,\na.ts\n#EXT-X-ENDLIST\n"), hls.ErrPlaylist},
		"a part before the file":     {one(head + "#EXTINF:4,\n#EXT-X-BYTERANGE:4@-9\na.ts\n#EXT-X-ENDLIST\n"), hls.ErrPlaylist},
		"sound alone":                {one("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"\na\n"), hls.ErrPlaylist},
		"key frames alone":           {one(head + "#EXT-X-I-FRAMES-ONLY\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n"), hls.ErrPlaylist},
		"an address before its time": {one("#EXTM3U\n#EXT-X-KEY:METHOD=NONE\na.ts\n"), hls.ErrPlaylist},
		"nothing":                    {one("#EXTM3U\n"), hls.ErrPlaylist},
		"a web page":                 {one("<html>"), hls.ErrPlaylist},
	} {
		s := newStation(t, documents(c.of))
		if pieces, err := s.play(hls.Limits{}); !errors.Is(err, c.err) || len(pieces) > 1 {
			t.Errorf("%s: played %q, %v, want %v", name, shown(pieces), err, c.err)
		}
		if s.waited > 0 {
			t.Errorf("%s was tried %d times again", name, s.waited)
		}
	}
}

func TestWhatIsTooLargeOrLeadsAwayIsRefused(t *testing.T) {
	list := head + "#EXTINF:4,\na.ts\n#EXT-X-ENDLIST\n"
	for name, c := range map[string]struct {
		status int
		body   string
		err    error
	}{
		"a segment without end":                {http.StatusOK, strings.Repeat("A", 1<<20+1), &hashindex.LimitError{}},
		"a redirect to a private address":      {http.StatusFound, "http://192.168.0.1/", fetch.ErrRefused},
		"a redirect to a file":                 {http.StatusFound, "file:///etc/passwd", fetch.ErrRefused},
		"redirects in a circle, until it ends": {http.StatusFound, "/a.ts", nil},
	} {
		s := newStation(t, func(path string, _ time.Duration) (int, string) {
			if path == "/live.m3u8" {
				return http.StatusOK, list
			}
			return c.status, c.body
		})
		pieces, err := s.play(hls.Limits{})
		_, large := errors.AsType[*hashindex.LimitError](err)
		_, wantLarge := c.err.(*hashindex.LimitError)
		if len(pieces) > 0 || large != wantLarge || !wantLarge && !errors.Is(err, c.err) {
			t.Errorf("%s: played %q, %v, want %v", name, shown(pieces), err, c.err)
		}
	}
}

// Whatever a playlist holds, it is played or refused.
func FuzzPlaylist(f *testing.F) {
	f.Add(head + "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"i\",BYTERANGE=\"2@1\"\n#EXTINF:4,\n#EXT-X-BYTERANGE:3@2\na\n#EXT-X-GAP\n#EXTINF:4,\nb\n#EXT-X-ENDLIST\n")
	f.Add("#EXTM3U\n#EXT-X-KEY:METHOD=NONE\na.ts\n")
	f.Add("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x1\na\n#EXT-X-DATERANGE:ID=\"a\"\n#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n")
	fetcher := fetch.New(fetch.Config{Ports: []uint16{}})
	done := func(context.Context, time.Duration) error { return io.ErrClosedPipe }
	f.Fuzz(func(t *testing.T, text string) {
		stream, err := hls.Open(t.Context(), fetcher, fetch.Document{Bytes: []byte(text), URL: "http://127.0.0.1/"}, hls.Limits{Pieces: 100}, done)
		if err != nil {
			return
		}
		for range 200 {
			if _, err = stream.Next(t.Context()); err != nil {
				return
			}
		}
		t.Errorf("plays for ever: %q", text)
	})
}

package watch

import (
	"context"
	"slices"
	"sync"

	"touchstone/hashindex"
	"touchstone/hashindex/timeline"
)

// maxTogether is how many frames are searched for at once.
const maxTogether = 512

// maxVotes bounds what is kept of a frame that many references share.
const maxVotes = 16

// searches puts the frames of streams together that wait for a processor. On an idle machine nobody waits.
type searches struct {
	index *hashindex.Index
	slots chan struct{} // one for each search under way

	mu    sync.Mutex // guards queue
	queue []*request
}

// request is the frames of one stream that wait.
type request struct {
	query hashindex.Query
	scope string // requests of one scope can be searched for together
	votes [][]timeline.Vote
	err   error
	done  chan struct{}
}

// votes are those of each of the query's frames.
func (s *searches) votes(ctx context.Context, query hashindex.Query, scope string) ([][]timeline.Vote, error) {
	r := &request{query: query, scope: scope, done: make(chan struct{})}
	s.mu.Lock()
	s.queue = append(s.queue, r)
	s.mu.Unlock()
	for {
		select {
		case <-r.done:
			return r.votes, r.err
		case s.slots <- struct{}{}:
			s.run(context.WithoutCancel(ctx), s.take())
			<-s.slots
		}
	}
}

// take is the oldest request with those that can be searched for along with it.
func (s *searches) take() (batch []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := 0
	s.queue = slices.DeleteFunc(s.queue, func(r *request) bool {
		n := len(r.query.Picture.Frames)
		if len(batch) > 0 && (r.scope != batch[0].scope || frames+n > maxTogether) {
			return false
		}
		batch, frames = append(batch, r), frames+n
		return true
	})
	return batch
}

func (s *searches) run(ctx context.Context, batch []*request) {
	if len(batch) == 0 {
		return
	}
	query := batch[0].query
	query.Picture = hashindex.Picture{}
	for _, r := range batch {
		query.Picture.Frames = append(query.Picture.Frames, r.query.Picture.Frames...)
	}
	matches, err := s.index.MatchFrames(ctx, query)
	for _, r := range batch {
		if r.err = err; err == nil {
			r.votes = make([][]timeline.Vote, len(r.query.Picture.Frames))
			for i := range r.votes {
				r.votes[i] = timeline.VotesOf(matches[i][:min(len(matches[i]), maxVotes)])
			}
			matches = matches[len(r.votes):]
		}
		close(r.done)
	}
}

package watch

import (
	"context"
	"maps"
	"slices"

	"touchstone/hashindex/timeline"
)

// settle takes over what the follower has found so far.
func (s *stream) settle(ctx context.Context) error {
	if s.follower != nil {
		over, live, err := s.follower.Segments(ctx)
		if err != nil {
			return err
		}
		s.update(over, live)
		if len(live) == 0 && s.At-s.voted > 2*window {
			s.follower, s.runs = nil, nil
		}
	}
	s.abandon()
	return nil
}

// update compares what the follower says with what has been told. A run that it has given up may be one
// that it has found anew, so those come first.
func (s *stream) update(over, live []timeline.Segment) {
	said := map[int]bool{}
	for _, found := range append(over, live...) {
		said[found.Number] = true
	}
	for number, seg := range s.runs {
		if !said[number] {
			delete(s.runs, number)
			seg.orphan(s.At)
		}
	}
	for _, found := range over {
		if seg := s.segmentOf(found); seg != nil {
			seg.renew(found)
			s.close(seg)
		}
		delete(s.runs, found.Number)
	}
	for _, found := range live {
		if seg := s.segmentOf(found); seg != nil {
			seg.renew(found)
			if seg.To-seg.toldTo >= grownBy {
				s.event(seg, grown)
			}
		}
	}
}

// segmentOf is the segment that the run is, or goes on with, or begins; nil when it is not to be told of yet.
func (s *stream) segmentOf(found timeline.Segment) *segment {
	if seg, ok := s.runs[found.Number]; ok {
		return seg
	}
	for _, number := range slices.Sorted(maps.Keys(s.open)) {
		if seg := s.open[number]; seg.orphaned && seg.goesOn(found) {
			seg.adopt()
			s.runs[found.Number] = seg
			return seg
		}
	}
	if !s.Policy.holds(found) {
		return nil
	}
	s.Segments++
	seg := &segment{Segment: Segment{Number: s.Segments}}
	if s.open == nil {
		s.open = map[int]*segment{}
	}
	s.open[seg.Number], s.runs[found.Number] = seg, seg
	seg.renew(found)
	s.event(seg, opened)
	return seg
}

// abandon closes segments that nothing has gone on with for as long as a gap may be.
func (s *stream) abandon() {
	for _, number := range slices.Sorted(maps.Keys(s.open)) {
		seg := s.open[number]
		if seg.orphaned && seg.since == unset {
			seg.since = s.At
		}
		if seg.orphaned && s.At-seg.since > 4*gap {
			s.close(seg)
		}
	}
}

func (s *stream) close(seg *segment) {
	delete(s.open, seg.Number)
	s.event(seg, closed)
}

func (s *stream) event(seg *segment, is State) {
	s.Seq++
	seg.Seq, seg.State, seg.toldTo = s.Seq, is, seg.To
	s.watch.segments[is].Add(1)
	if s.dirty = true; !slices.Contains(s.tell, seg) {
		s.tell = append(s.tell, seg)
	}
}

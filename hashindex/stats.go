package hashindex

// Stats describe an index for people who run it.
type Stats struct {
	Seq         Seq
	Recipe      Recipe
	Ready       bool
	Collections []CollectionInfo
	Searchers   []SpaceStats
	Partial     PartialStats
}

// SpaceStats describe the searcher over one hash space.
type SpaceStats struct {
	Space   string // "pdq", "phash", ...
	Answers bool   // searches are answered by this one now
	SearcherStats
}

// Stats says what the index holds now.
func (ix *Index) Stats() (Stats, error) {
	collections, err := ix.Collections()
	stats := Stats{Seq: ix.Seq(), Recipe: ix.recipe, Ready: ix.Ready() == nil, Collections: collections}
	for _, s := range ix.spaces {
		answers := s.choose()
		for _, f := range *s.feeds.Load() {
			stats.Searchers = append(stats.Searchers, SpaceStats{s.name, f == answers, f.Stats()})
		}
	}
	if p := ix.partial; p != nil {
		stats.Searchers = append(stats.Searchers, SpaceStats{partialName, p.live.Load(), p.Stats()})
		stats.Partial = p.figures()
	}
	return stats, err
}

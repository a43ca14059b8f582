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
	Space string // "pdq", "phash", ...
	SearcherStats
}

// Stats says what the index holds now.
func (ix *Index) Stats() (Stats, error) {
	collections, err := ix.Collections()
	stats := Stats{Seq: ix.Seq(), Recipe: ix.recipe, Ready: ix.Ready() == nil, Collections: collections}
	for s, f := range ix.feeds {
		stats.Searchers = append(stats.Searchers, SpaceStats{s.name, f.Stats()})
	}
	if p := ix.partial; p != nil {
		stats.Searchers = append(stats.Searchers, SpaceStats{partialName, p.Stats()})
		stats.Partial = p.figures()
	}
	return stats, err
}

package hashindex

// Stats describe an index for people who run it.
type Stats struct {
	Seq         Seq
	Recipe      Recipe
	Ready       bool
	Collections []CollectionInfo
	Searchers   []SpaceStats
	Partial     PartialStats
	Whole       Histogram // searches of the tiers copy and near, a picture each
	Commits     CommitStats
}

// CommitStats describe the writing of changes.
type CommitStats struct {
	Durations Histogram // of transactions, from their start until they are on the disk
	Proposals uint64    // writers' wishes that the transactions carried, refused ones included
	Changes   uint64    // that were made durable
	Waiting   int       // writers' wishes that no transaction carries yet
}

// SpaceStats describe the searcher over one hash space.
type SpaceStats struct {
	Space   string // "pdq", "phash", ...
	Answers bool   // searches of the usual radius are answered by this one now
	Lookups int64  // that it has answered since the index was opened
	SearcherStats
}

// Stats says what the index holds now.
func (ix *Index) Stats() (Stats, error) {
	collections, err := ix.Collections()
	stats := Stats{Seq: ix.Seq(), Recipe: ix.recipe, Ready: ix.Ready() == nil, Collections: collections}
	for _, s := range ix.spaces {
		answers := s.choose(DefaultPolicy().radius(s.algorithm))
		for _, f := range *s.feeds.Load() {
			stats.Searchers = append(stats.Searchers, SpaceStats{s.name, f == answers, f.answered.Load(), f.Stats()})
		}
	}
	stats.Whole, stats.Commits = ix.whole.histogram(), ix.commits.figures()
	if p := ix.partial; p != nil {
		stats.Partial = p.figures()
		stats.Searchers = append(stats.Searchers, SpaceStats{partialName, p.live.Load(), int64(stats.Partial.Took.Count), p.Stats()})
	}
	return stats, err
}

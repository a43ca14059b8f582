// Package casework takes a match from a fact about two pictures to a decision of people: rights and
// licences say whether it infringes, hits are what a person decides, sightings let a new reference
// find what was asked about before it came.
//
// All of it lives in rows of the index's store, and every step of a right, a licence or a hit is
// committed in one transaction with the note of it in the history, which is hash-chained: who, when,
// from what to what. Counters of what is seen again, and sightings, are no steps: they are gathered and
// written once in a while, so that a busy match path costs no sync of the disk; a crash loses at most
// those of Config.Flush.
//
//	desk, err := casework.Open(casework.Config{Index: index, Variants: pdq.Derive, NewSearcher: newSearcher})
//	desk.See(casework.Sighting{Subject: subject, Hash: hash, At: now})
//	answer, err := index.Match(ctx, query)
//	rulings, err := desk.Record(ctx, actor, casework.Observation{Subject: subject, At: now, Matches: answer.Matches})
//
// # Invariants
//
// Desk.Check walks them; code and tests cite their numbers.
//
//   - C1 the state of a hit, a right or a notice is the one that its last note in the history says.
//   - C2 a subject and a reference have one hit at most, and of a video or stream one for each segment.
//   - C3 what lists a hit (by state, collection, seller, reference) agrees with the hit.
//   - C4 a seller's tally is the number of its hits that stand confirmed or rejected.
//   - C5 what a caller may not see is to it as if it were not there.
//   - C6 what lists a notice (by state, holder, deadline, hit) agrees with the notice.
//   - C7 a holder's record is what became of its notices.
package casework

// Package hashindex keeps fingerprints of reference pictures and says which reference a picture
// copies, how sure that is and why. It is the domain: types, contracts and the Index that joins
// them; it imports the standard library only. Fingerprints come from package fingerprint, truth is
// kept by a Store (store/bolt, or its in-memory twin store/memory), and searchers (search/multiindex,
// search/bktree, or the oracle search/linear; search/keypoint for parts) are derived from it.
//
// A query goes through three tiers: copy and near compare whole pictures by their hashes, partial finds
// what shares corners, lays it over the query (align) and compares the pixels.
//
//	store, err := bolt.Open("touchstone-data", bolt.Options{})
//	index, err := hashindex.Open(hashindex.Config{
//		Store:       store,
//		Recipe:      fingerprint.Recipe,
//		NewKept: func(in hashindex.Pages, name string, a hashindex.Algorithm) hashindex.KeptSearcher {
//			return bktree.New(in, name, a.Bits())
//		},
//		NewSearcher: func(a hashindex.Algorithm) hashindex.Searcher { return multiindex.New(a.Bits()) },
//
//		NewPartialSearcher: func() hashindex.PartialSearcher { return keypoint.New() },
//		NewAligner:         align.New,
//	})
//	err = index.WaitReady(ctx) // the tree in the store answers until the multi-index is loaded
//	answer, err := index.Match(ctx, hashindex.Query{Picture: picture, Radius: hashindex.PolicyRadius, Effort: hashindex.FullEffort})
//
// What is neither a collection nor a reference is kept in rows, by Transact, in the same commits; the history
// holds notes about them.
//
// # Invariants
//
// Check walks them; code and tests cite their numbers.
//
//   - I1 a change is durable before it is visible, and visible before it is acknowledged.
//   - I2 a searcher equals a replay of the changes up to its applied Seq.
//   - I3 every match is confirmed by the store: a stale searcher can propose, never lie.
//   - I4 one recipe per hash space: hashes of two recipes are never compared.
//   - I5 evidence can be verified without the index.
//   - I6 same state and same query, same answer in the same order (score, then Seq).
package hashindex

// Package storetest holds the tests that every store must pass: the contract of hashindex.Store,
// Snapshots, Pages and Blobs as claims, and a comparison with plain maps under random use.
package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"touchstone/hashindex"
)

// Store is what a data folder offers.
type Store interface {
	hashindex.Store
	hashindex.Snapshots
	hashindex.Pages
	hashindex.Blobs
}

// Opener opens the store in the folder, and makes it if there is none. It does not close it.
type Opener func(t testing.TB, folder string) Store

// Run tests the contract.
func Run(t *testing.T, open Opener) {
	tests := []struct {
		claim string
		test  func(*testing.T, Store)
	}{
		{"NewStoreIsEmpty", newStoreIsEmpty},
		{"AppendAssignsNumbers", appendAssignsNumbers},
		{"ReferenceComesBackAsItWasAdded", referenceComesBack},
		{"ChangedReferenceReplacesTheOldOne", changedReference},
		{"RemovedReferenceIsGone", removedReferenceIsGone},
		{"IDsAreNeverReused", idsAreNeverReused},
		{"ExternalIDIsUniqueInItsCollection", externalIDIsUnique},
		{"ReferenceKeepsItsKeys", referenceKeepsItsKeys},
		{"CollectionsAreListedByName", collectionsByName},
		{"CollectionCanBeRenamed", collectionCanBeRenamed},
		{"CollectionIsRemovedOnlyWhenEmpty", collectionRemoval},
		{"UnknownThingsAreNotFound", unknownThings},
		{"RefusedChangeLeavesNoTrace", refusedChange},
		{"ReferencesComeInOrderFromAfter", referencesInOrder},
		{"ReferencesCanBeRemovedWhileListed", removalWhileListing},
		{"CountsFollowEveryChange", countsFollow},
		{"HoldsFollowsRemovals", holdsFollowsRemovals},
		{"ChangesFormAChain", changesFormAChain},
		{"ViewNeverChanges", viewNeverChanges},
		{"ViewNeverWaitsForUpdate", viewNeverWaits},
		{"UpdatesRunOneAtATime", updatesRunOneAtATime},
		{"FailedUpdateLeavesNothing", failedUpdate},
		{"PanickingUpdateLeavesNothing", panickingUpdate},
		{"WriterSeesItsAdditions", writerSeesItsAdditions},
		{"WhatIsReturnedBelongsToTheCaller", returnedBelongsToCaller},
		{"ClosedStoreSaysSo", closedStoreSaysSo},
		{"SnapshotIsReplacedWhole", snapshotIsReplaced},
		{"RunsFollowEachOther", runsFollow},
		{"ViewedRunsNeverChange", viewedRunsNeverChange},
		{"BlobComesBackOrIsNotFound", blobComesBack},
		{"FeaturesLiveAsLongAsTheirReference", featuresFollowReference},
		{"FeaturesStandUnderTheirDigest", featuresUnderDigest},
		{"ListIsAppendedAsItsChangesAre", listIsAppended},
		{"RowsAreListedByKeyFromAnyKey", rowsInOrder},
		{"RowIsReplacedAndRemoved", rowIsReplaced},
		{"RowsAndNotesAreAtomicWithChanges", rowsAreAtomic},
		{"RowsCanBeChangedWhileListed", rowsChangedWhileListed},
		{"ViewedRowsNeverChange", viewedRowsNeverChange},
		{"RowsAreRefusedByTheirLimits", rowLimits},
		{"NotesAreRefusedByTheirLimits", noteLimits},
	}
	for _, each := range tests {
		t.Run(each.claim, func(t *testing.T) {
			s := open(t, t.TempDir())
			defer s.Close()
			each.test(t, s)
			if each.claim != "ClosedStoreSaysSo" {
				Clean(t, s)
			}
		})
	}
}

// Clean fails the test when Check finds anything.
func Clean(t testing.TB, s hashindex.Store) {
	t.Helper()
	err := s.Check(t.Context(), func(f hashindex.Finding) { t.Errorf("check: %s: %s", f.Invariant, f.What) })
	if err != nil {
		t.Errorf("check: %v", err)
	}
}

// Noon is when everything in these tests happens.
var Noon = time.Date(2026, 7, 1, 12, 0, 0, 123456000, time.UTC)

// Recipe is the recipe of the frames in these tests.
const Recipe = hashindex.Recipe("test/1")

// CollectionChange is a change about a collection of this name; ID matters to the later kinds.
func CollectionChange(kind hashindex.ChangeKind, id hashindex.CollectionID, name string) hashindex.Change {
	return hashindex.Change{
		Kind: kind, Time: Noon, Actor: "tester",
		Collection: hashindex.Collection{ID: id, Name: name, Purpose: hashindex.Brand, Policy: hashindex.DefaultPolicy()},
	}
}

// Addition adds a reference known by one hash.
func Addition(c hashindex.CollectionID, externalID string, bits uint64) hashindex.Change {
	frame := hashindex.StoredFrame{Recipe: Recipe, Quality: hashindex.QualityUnknown}
	frame.Hashes[hashindex.PDQ] = hashindex.Hash256([4]uint64{bits, ^bits, bits * 0x9E3779B97F4A7C15, 7})
	return hashindex.Change{
		Kind: hashindex.ReferenceAdded, Time: Noon,
		Reference: hashindex.Reference{
			Collection: c, ExternalID: externalID, Added: Noon,
			Frames: []hashindex.StoredFrame{frame},
		},
	}
}

// Featured is the addition with these texts for the features of its frames.
func Featured(c hashindex.Change, texts ...string) hashindex.Change {
	for _, text := range texts {
		c.Features = append(c.Features, []byte(text))
	}
	return c
}

// Later is the change of that kind to what the reference is now.
func Later(kind hashindex.ChangeKind, r hashindex.Reference) hashindex.Change {
	return hashindex.Change{Kind: kind, Time: Noon.Add(time.Hour), Reference: r}
}

// commit appends the changes in one Update and returns them as stored.
func commit(t testing.TB, s hashindex.Store, changes ...hashindex.Change) []hashindex.Change {
	t.Helper()
	stored, err := tryCommit(s, changes...)
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	return stored
}

func tryCommit(s hashindex.Store, changes ...hashindex.Change) (stored []hashindex.Change, err error) {
	err = s.Update(func(w hashindex.Writer) error {
		for _, c := range changes {
			done, err := w.Append(c)
			if err != nil {
				return err
			}
			stored = append(stored, done)
		}
		return nil
	})
	return stored, err
}

// newCollection makes a collection and returns its id.
func newCollection(t testing.TB, s hashindex.Store, name string) hashindex.CollectionID {
	t.Helper()
	return commit(t, s, CollectionChange(hashindex.CollectionCreated, 0, name))[0].Collection.ID
}

// add makes a reference and returns it as stored.
func add(t testing.TB, s hashindex.Store, c hashindex.Change) hashindex.Reference {
	t.Helper()
	return commit(t, s, c)[0].Reference
}

// view runs read, whose error fails the test.
func view(t testing.TB, s hashindex.Store, read func(hashindex.Reader) error) {
	t.Helper()
	if err := s.View(read); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func wantError(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func wantEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %.2000s\nwant %.2000s", what, g, w)
	}
}

package bolt_test

import (
	"testing"

	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

func TestBoltKeepsTheContract(t *testing.T) { storetest.Run(t, openStore) }

func TestBoltEqualsTheModel(t *testing.T) { storetest.RunModel(t, openStore, true) }

func openStore(t testing.TB, folder string) storetest.Store { return openBolt(t, folder) }

func openBolt(t testing.TB, folder string) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(folder, bolt.Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

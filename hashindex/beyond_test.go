package hashindex_test

import (
	"testing"

	"touchstone/hashindex"
)

func TestBeyondIsClosedOnceAChangeIsVisible(t *testing.T) {
	f := open(t)
	select {
	case <-f.Beyond(0):
		t.Fatal("closed before any change")
	default:
	}
	waits, later := f.Beyond(0), f.Beyond(1)
	_, seq, err := f.CreateCollection(t.Context(), "", hashindex.Collection{Name: "one", Purpose: hashindex.Brand})
	if err != nil {
		t.Fatal(err)
	}
	<-waits
	if got := f.Seq(); got != seq || seq != 1 {
		t.Errorf("woken at %d, want %d", got, seq)
	}
	<-later // woken too, to look and ask again
	select {
	case <-f.Beyond(seq):
		t.Errorf("closed beyond %d, which is the last", seq)
	default:
	}
	<-f.Beyond(seq - 1)
}

package fingerprint

import (
	"testing"
	"time"
)

func TestPictureTellsWhereItsTimeWent(t *testing.T) {
	encoded := encodePNG(t, scenery(900, 900, 1))
	begun := time.Now()
	took := mustPicture(t, encoded).Took
	all := time.Since(begun)
	if took.Decode <= 0 || took.Hash <= 0 || took.Decode+took.Hash > all {
		t.Errorf("got %+v of %v in all", took, all)
	}
}

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestVerifyFindsWhatIsNoPack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(name, []byte("no ZIP"), 0o644); err != nil {
		t.Fatal(err)
	}
	touchstone(t, exitDamage, "verify", name)
	touchstone(t, exitInput, "verify", name+".missing")
	touchstone(t, exitUsage, "verify")
}

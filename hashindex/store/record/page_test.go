package record_test

import (
	"os"
	"strings"
	"testing"
)

func readPage(t *testing.T, path string) string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// hexAfter joins the first column of the table below the heading, where each row shows some bytes.
func hexAfter(page, heading string) string {
	_, page, _ = strings.Cut(page, heading)
	var all strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "#") {
			break
		}
		if bytes, rest, found := strings.Cut(strings.TrimPrefix(line, "| `"), "`"); found && rest != "" && strings.HasPrefix(line, "| `") {
			all.WriteString(strings.ReplaceAll(bytes, " ", ""))
		}
	}
	return all.String()
}

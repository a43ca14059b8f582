package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"touchstone/fixtures"
)

// folderOf writes that many small pictures, no two alike.
func folderOf(t *testing.T, count int) string {
	t.Helper()
	folder := t.TempDir()
	for n := range count {
		name := filepath.Join(folder, fmt.Sprintf("%04d.png", n))
		if err := os.WriteFile(name, fixtures.EncodePNG(fixtures.Noise(n, 64, 64)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// touchstone runs a verb in this process and wants that exit code.
func touchstone(t *testing.T, want int, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); got != want {
		t.Fatalf("touchstone %q: exit code %d, want %d\n%s%s", args, got, want, &stdout, &stderr)
	}
	return stdout.String()
}

// heldIn are the references of the collection, id by external id.
func heldIn(t *testing.T, data string) map[string]string {
	t.Helper()
	held := map[string]string{}
	for line := range strings.Lines(touchstone(t, 0, "references", "list", "-c", "c", "--data", data, "--json")) {
		var r struct {
			ID         string `json:"id"`
			ExternalID string `json:"external_id"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if held[r.ExternalID] != "" {
			t.Errorf("%s is there twice", r.ExternalID)
		}
		held[r.ExternalID] = r.ID
	}
	return held
}

// resumed runs the import again and wants all of the pictures once, those of before untouched.
func resumed(t *testing.T, data, folder string, count int) {
	t.Helper()
	before := heldIn(t, data)
	if len(before) == count {
		t.Fatal("the import was not interrupted: it had finished")
	}
	var report importReport
	if err := json.Unmarshal([]byte(touchstone(t, 0, "import", "-c", "c", "--data", data, "--json", folder)), &report); err != nil {
		t.Fatal(err)
	}
	if report.Skipped != len(before) || report.Added != count-len(before) {
		t.Errorf("resumed: %+v, but %d of %d were there", report, len(before), count)
	}
	after := heldIn(t, data)
	if len(after) != count {
		t.Errorf("%d references, want %d", len(after), count)
	}
	for name, id := range before {
		if after[name] != id {
			t.Errorf("%s was reference %s and is %q", name, id, after[name])
		}
	}
	touchstone(t, 0, "check", "--data", data)
}

func TestInterruptedImportLosesAndDoublesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads hundreds of files")
	}
	const count = 800
	folder := folderOf(t, count)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			child := command("import", "-c", "c", "--purpose", "brand", "--data", data, "--json", folder)
			var stdout bytes.Buffer
			child.Stdout = &stdout
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			waitForPicture(t, data)
			child.Process.Signal(signal)
			child.Wait()
			if signal == syscall.SIGINT {
				var report importReport
				err := json.Unmarshal(stdout.Bytes(), &report)
				if held := len(heldIn(t, data)); err != nil || report.Added != held || !report.Interrupted || child.ProcessState.ExitCode() != exitInterrupted {
					t.Errorf("%s, %v: it said %s, and %d are there", child.ProcessState, err, &stdout, held)
				}
			}
			resumed(t, data, folder, count)
		})
	}
}

// waitForPicture returns once the first picture is kept: from then on batches are committed.
func waitForPicture(t *testing.T, data string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for found := 0; found == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no picture was kept")
		}
		pictures, _ := filepath.Glob(filepath.Join(data, "blobs", "*", "*"))
		found = len(pictures)
	}
}

// One request is refused for now, and the answer to another gets lost after it was carried out.
func TestImportGetsThroughABusyServer(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	h, err := openHouse(t.Context(), data, writing)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	var refused, lost atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || !strings.HasSuffix(r.URL.Path, "/references") {
			h.handler.ServeHTTP(w, r)
			return
		}
		if refused.CompareAndSwap(false, true) {
			busy(w)
			return
		}
		answer := httptest.NewRecorder()
		h.handler.ServeHTTP(answer, r)
		if answer.Code == http.StatusCreated && lost.CompareAndSwap(false, true) {
			busy(w)
			return
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}))
	defer server.Close()
	var report importReport
	out := touchstone(t, 0, "import", "-c", "c", "--purpose", "brand", "--server", server.URL, "--json", folderOf(t, 100))
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if !lost.Load() || report.Added+report.Skipped != 100 || report.Skipped == 0 || report.Refused != 0 {
		t.Errorf("got %+v", report)
	}
	if info, err := h.index.Collection("c"); err != nil || info.References != 100 {
		t.Errorf("%d references, %v", info.References, err)
	}
}

func busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprint(w, `{"code":"overloaded"}`)
}

func TestImportOfAnEndedContextIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	code := run(ctx, []string{"import", "-c", "c", "--purpose", "brand", "--data", t.TempDir(), t.TempDir()}, nil, &out, &out)
	if code != exitInterrupted || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("exit code %d: %s", code, &out)
	}
}

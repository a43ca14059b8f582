package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
	"touchstone/hashindex/store/bolt"
	"touchstone/hashindex/store/storetest"
)

func TestForeignFileIsNotOurs(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "hello", "long text": strings.Repeat("hello ", 20_000), "sqlite": "SQLite format 3\x00",
	} {
		wantOpenError(t, name, folderWith(t, []byte(content)), hashindex.ErrNotOurs)
	}
	wantOpenError(t, "somebody's bbolt file", folderOf(t, func(*bbolt.Tx) error { return nil }), hashindex.ErrNotOurs)
	wantOpenError(t, "bbolt file with a meta bucket", folderOf(t, func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		return b.Put([]byte("identity"), []byte("raft 1.0"))
	}), hashindex.ErrNotOurs)

	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "touchstone.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, "folder in its place", folder, hashindex.ErrNotOurs)
}

func TestNewerFormatIsRefused(t *testing.T) {
	folder := t.TempDir()
	openBolt(t, folder).Close()
	rewriteIdentity(t, folder, func(raw []byte) []byte { return bolt.IdentityOfFormat(bolt.Format + 1) })
	wantOpenError(t, "format 2", folder, hashindex.ErrNewer)
}

func TestDamagedIdentityIsDamaged(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"flipped format": func(raw []byte) []byte { raw[18] ^= 2; return raw },
		"flipped time":   func(raw []byte) []byte { raw[25] ^= 2; return raw },
		"cut":            func(raw []byte) []byte { return raw[:20] },
		"format 0":       func([]byte) []byte { return bolt.IdentityOfFormat(0) },
	} {
		folder := t.TempDir()
		openBolt(t, folder).Close()
		rewriteIdentity(t, folder, change)
		wantOpenError(t, name, folder, hashindex.ErrDamaged)
	}
}

func TestCutFileIsDamaged(t *testing.T) {
	whole := smallFile(t)
	for _, size := range []int{100, 4096, 8192, 12288} {
		wantOpenError(t, "cut", folderWith(t, whole[:size]), hashindex.ErrDamaged)
	}
}

func TestErrorNamesTheFile(t *testing.T) {
	folder := folderWith(t, []byte("hello"))
	_, err := bolt.Open(folder, bolt.Options{})
	if err == nil || !strings.Contains(err.Error(), filepath.Join(folder, "touchstone.db")) {
		t.Errorf("error %v does not name the file in %s", err, folder)
	}
}

func TestSecondWriterIsLockedOut(t *testing.T) {
	folder := t.TempDir()
	s := openBolt(t, folder)
	defer s.Close()
	for _, readOnly := range []bool{false, true} {
		start := time.Now()
		_, err := bolt.Open(folder, bolt.Options{ReadOnly: readOnly, LockTimeout: 50 * time.Millisecond})
		if !errors.Is(err, hashindex.ErrLocked) {
			t.Errorf("read-only %v: error %v, want ErrLocked", readOnly, err)
		}
		if waited := time.Since(start); waited > 5*time.Second {
			t.Errorf("waited %v", waited)
		}
	}
}

func TestReadersShareAFolder(t *testing.T) {
	folder := t.TempDir()
	s := openBolt(t, folder)
	c := createCollection(t, s)
	s.Close()

	readOnly := bolt.Options{ReadOnly: true}
	first, err := bolt.Open(folder, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := bolt.Open(folder, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	storetest.Clean(t, second)
	if n, err := count(second, c); n != 0 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
	for what, err := range map[string]error{
		"update":   second.Update(func(hashindex.Writer) error { t.Error("written"); return nil }),
		"snapshot": second.SaveSnapshot("x", 1, nil),
		"blobs":    second.PutBlobs(t.Context(), [][]byte{{1}}),
		"remove":   second.RemoveBlob(hashindex.Digest{}),
	} {
		if !errors.Is(err, hashindex.ErrReadOnly) {
			t.Errorf("%s: error %v, want ErrReadOnly", what, err)
		}
	}
}

func TestReadOnlyCreatesNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "none")
	_, err := bolt.Open(folder, bolt.Options{ReadOnly: true})
	if !errors.Is(err, hashindex.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestNewStoreLeavesNoTemporaryFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	openBolt(t, folder).Close()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: want touchstone.db alone", entries, err)
	}
}

func TestInfoTellsFormatAndTime(t *testing.T) {
	s, err := bolt.Open(t.TempDir(), bolt.Options{Now: func() time.Time { return storetest.Noon }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	createCollection(t, s)
	info, err := s.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Format != bolt.Format || !info.Created.Equal(storetest.Noon) || info.Head != 1 ||
		info.FileBytes == 0 || info.Pages == 0 || info.PageSize == 0 {
		t.Errorf("%+v", info)
	}
}

func count(s *bolt.Store, c hashindex.CollectionID) (n int, err error) {
	err = s.View(func(r hashindex.Reader) error {
		n, err = r.Count(c)
		return err
	})
	return n, err
}

func wantOpenError(t *testing.T, what, folder string, want error) {
	t.Helper()
	for _, readOnly := range []bool{false, true} {
		s, err := bolt.Open(folder, bolt.Options{ReadOnly: readOnly, MapBytes: 1 << 20})
		if err == nil {
			s.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", what, err, want)
		}
	}
}

func folderWith(t testing.TB, content []byte) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "touchstone.db"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// folderOf holds a bbolt file that is not ours.
func folderOf(t *testing.T, fill func(*bbolt.Tx) error) string {
	t.Helper()
	folder := t.TempDir()
	updateRaw(t, folder, fill)
	return folder
}

func rewriteIdentity(t *testing.T, folder string, change func([]byte) []byte) {
	t.Helper()
	updateRaw(t, folder, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("meta"))
		return b.Put([]byte("identity"), change(append([]byte(nil), b.Get([]byte("identity"))...)))
	})
}

func updateRaw(t *testing.T, folder string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(folder, "touchstone.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
}

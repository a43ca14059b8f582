package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// Options of Open. The zero value suits a server.
type Options struct {
	ReadOnly    bool             // several processes may share the folder; it must exist
	LockTimeout time.Duration    // how long to wait for another process; 1 s when zero
	Now         func() time.Time // the creation time of a new store; time.Now when nil

	// MapBytes is the address space reserved for the file, 64 GiB when zero; no memory. A file that
	// outgrows it still works, but an Update then waits for the Views under way, and new Views for it.
	MapBytes int
}

func (o Options) withDefaults() Options {
	if o.LockTimeout == 0 {
		o.LockTimeout = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MapBytes == 0 && runtime.GOOS != "windows" { // where the file would grow to it
		o.MapBytes = mapBytes
	}
	return o
}

// mapBytes is 64 GiB where addresses have 64 bits, and else what a quarter of them reach.
const mapBytes = int(min(uint64(64<<30), uint64(^uint(0)>>2)))

// Open opens the store in the folder and, unless read-only, creates what is missing and brings an
// older format up to date; read-only, an older one is read as it is. The errors
// name the file: ErrNotFound (read-only), ErrLocked, ErrNotOurs, ErrNewer, ErrDamaged, the disk's.
func Open(folder string, options Options) (*Store, error) {
	options = options.withDefaults()
	path := filepath.Join(folder, fileName)
	s, err := open(folder, path, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, translate(err))
	}
	return s, nil
}

func open(folder, path string, options Options) (*Store, error) {
	if !options.ReadOnly {
		if err := createIfMissing(folder, path, options); err != nil {
			return nil, err
		}
	}
	if err := recognise(path); err != nil {
		return nil, err
	}
	o, err := openFile(path, options)
	if err != nil {
		return nil, err
	}
	i, err := readIdentity(o.DB)
	if err != nil {
		return nil, errorsAfter(err, o.Close)
	}
	if o, err = slimmed(o, path, options); err != nil {
		return nil, err
	}
	if i.format < Format && !options.ReadOnly {
		if i, err = upgrade(o.DB, i); err != nil {
			return nil, errorsAfter(err, o.Close)
		}
	}
	s := &Store{file: path, options: options, identity: i, blobs: blobs{folder: filepath.Join(folder, "blobs"), readOnly: options.ReadOnly}}
	s.door.now = o
	return s, nil
}

// openFile opens the file. Whoever waited for its lock while somebody compacted it has the old one, without a name:
// it opens the new one.
func openFile(path string, options Options) (*opened, error) {
	const tries = 5
	for n := 1; ; n++ {
		o, err := openNamed(path, options)
		if errors.Is(err, syscall.ENOMEM) { // a limit on addresses: go with what the file needs
			options.MapBytes = 0
			o, err = openNamed(path, options)
		}
		if err != nil {
			return nil, err
		}
		same, err := hasName(o.file, path)
		if err == nil && same {
			return o, nil
		}
		if err = errorsAfter(err, o.Close); err != nil || n == tries {
			return nil, cmp.Or(err, error(hashindex.ErrLocked))
		}
	}
}

func hasName(file *os.File, path string) (bool, error) {
	held, err := file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(held, named), err
}

// openNamed opens what has the name at this moment with bbolt. The free list is written at every commit: it is short in a
// store that mostly grows, and without it each open would read every page to find the free ones.
func openNamed(path string, options Options) (*opened, error) {
	var file *os.File
	db, err := guarded(func() (*bbolt.DB, error) {
		return bbolt.Open(path, fileMode, &bbolt.Options{
			Timeout:         options.LockTimeout,
			ReadOnly:        options.ReadOnly,
			FreelistType:    bbolt.FreelistMapType,
			PreLoadFreelist: true, // while a fault is caught; Check would load it where none is
			InitialMmapSize: options.MapBytes,
			OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
				file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
				return file, err
			},
		})
	})
	if err != nil && file != nil { // twice does no harm where bbolt has cleaned up itself
		unlock(file)
		file.Close()
	}
	return &opened{DB: db, file: file}, err
}

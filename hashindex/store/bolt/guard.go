package bolt

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"touchstone/hashindex"
)

// guarded runs code that reads the mapped file. On a damaged page bbolt panics or follows a wild
// offset out of the file, which would end the process: both become ErrDamaged. Only our own code
// runs inside, never a caller's, whose panics are none of our business.
func guarded[T any](read func() (T, error)) (value T, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if wrong := recover(); wrong != nil {
			err = damaged("page: %v", wrong)
		}
	}()
	return read()
}

// faultsAreDamage runs a caller's code that reads pages where they are mapped. They were read before,
// so only a disk that fails meanwhile makes a fault; the caller's own panics are left alone.
func faultsAreDamage(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		wrong := recover()
		if fault, ok := wrong.(interface{ Addr() uintptr }); ok {
			err = damaged("page at %#x", fault.Addr())
		} else if wrong != nil {
			panic(wrong)
		}
	}()
	return read()
}

// translate says in the words of hashindex what bbolt and the file system say in theirs. Errors of
// the disk pass as they are.
func translate(err error) error {
	for theirs, ours := range translations {
		if errors.Is(err, theirs) {
			return fmt.Errorf("%w (%w)", ours, err)
		}
	}
	if _, known := errors.AsType[syscall.Errno](err); err == nil || known {
		return err
	}
	for _, errno := range dropped {
		if strings.Contains(err.Error(), errno.Error()) {
			return fmt.Errorf("%w (%w)", errno, err)
		}
	}
	return err
}

// dropped are the errors of which bbolt keeps only the text when a file cannot grow.
var dropped = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO}

var translations = map[error]error{
	berrors.ErrTimeout:         hashindex.ErrLocked,
	berrors.ErrDatabaseNotOpen: hashindex.ErrClosed,
	berrors.ErrInvalid:         hashindex.ErrDamaged,
	berrors.ErrChecksum:        hashindex.ErrDamaged,
	berrors.ErrVersionMismatch: hashindex.ErrDamaged,
	os.ErrNotExist:             hashindex.ErrNotFound,
}

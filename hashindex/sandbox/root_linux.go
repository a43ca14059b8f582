package sandbox

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// file is a file or folder that stays open through all that happens to the paths.
type file struct {
	path   string
	fd     int
	folder bool
}

func (f *file) open() (err error) {
	f.fd, err = unix.Open(f.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: f.path, Err: err}
	}
	var about unix.Stat_t
	err = unix.Fstat(f.fd, &about)
	f.folder = about.Mode&unix.S_IFMT == unix.S_IFDIR
	return err
}

// rootAt is where the new root is put together, out of sight of every other process.
const rootAt = "/tmp"

// ownPlace is where a program that is the running binary finds itself: libraries ask for it when they are
// loaded, by the link that /proc would have.
const ownPlace = "/program"

// makeRoot makes a root of nothing but these files, where they were, none of which can be written.
func makeRoot(reads []file, own bool) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	var binary file
	if own { // by its path: the link leads to where another namespace has it, which cannot be shown in this one
		binary.path, _ = os.Readlink(self)
		if err := binary.open(); err != nil {
			return err
		}
	}
	places := make([]string, len(reads)) // found before the new root hides some
	for i, f := range reads {
		places[i] = f.place()
	}
	if err := unix.Mount("tmpfs", rootAt, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=1m,mode=0755"); err != nil {
		return err
	}
	for i, f := range reads {
		if err := f.show(places[i]); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	if own {
		if err := link(rootAt+self, ownPlace); err != nil {
			return err
		}
		binary.path = ownPlace
		if err := binary.show(ownPlace); err != nil {
			return err
		}
	}
	if err := unix.Chdir(rootAt); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old root lies on top of the new one now
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	return unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV})
}

// place is where the file is once symbolic links are followed: /lib is /usr/lib on most systems.
func (f file) place() string {
	if place, err := filepath.EvalSymlinks(f.path); err == nil {
		return place
	}
	return f.path
}

// show puts the file into the new root at its place, and a link from its path if that is another.
func (f file) show(place string) error {
	if place != f.path {
		if err := link(rootAt+f.path, place); err != nil {
			return err
		}
	}
	at := rootAt + place
	if err := f.makePoint(at); err != nil {
		return err
	}
	return unix.Mount(fmt.Sprintf("/proc/self/fd/%d", f.fd), at, "", unix.MS_BIND|unix.MS_REC, "")
}

func link(at, to string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(to, at); !os.IsExist(err) {
		return err
	}
	return nil
}

// makePoint makes what the file is mounted over, unless a folder shown before holds it.
func (f file) makePoint(at string) error {
	if f.folder {
		return os.MkdirAll(at, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	point, err := os.OpenFile(at, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return point.Close()
}

// Libraries are the files that programs of the system need to start: shared libraries, and what finds
// them. They hold no secrets.
func Libraries() (paths []string) {
	for _, path := range []string{"/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"} {
		if _, err := os.Stat(path); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"touchstone/hashindex"
	"touchstone/hashindex/sandbox"
	"touchstone/hashindex/store/bolt"
)

// diagnosis is one line of the doctor's: what was looked at, how it is, and what helps.
type diagnosis struct {
	About  string `json:"about"`
	State  string `json:"state"` // good, fair (works, with a drawback) or bad
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"`
}

const (
	good = "good"
	fair = "fair"
	bad  = "bad"
)

func (d diagnosis) text() string {
	text := fmt.Sprintf("%-4s  %s: %s", d.State, d.About, d.What)
	if d.Remedy != "" {
		text += "\n      try: " + d.Remedy
	}
	return text
}

// errUnwell is the exit of a doctor that found something bad.
var errUnwell = errors.New("found to be bad")

func (a *app) doctorCommand() *cobra.Command {
	verb := a.verb("doctor", "Look for what will keep a data folder or this machine from working", cobra.NoArgs, a.doctor)
	verb.Long = `Look at the data folder from outside (permissions, room, locks, what a cut-off restore or compaction
left) and at the machine (clock, limits, ffmpeg, what the kernel grants for confining decoders), and
say for each thing that is not as it should be what helps. Damage within the store is check's business.`
	return verb
}

func (a *app) doctor(ctx context.Context, _ []string) error {
	if a.server != "" {
		return usageError{errors.New("doctor looks at a data folder and this machine, not at a server"), "touchstone doctor"}
	}
	wrong := 0
	for _, look := range []func(context.Context, string) []diagnosis{
		lookAtFolder, lookAtWriting, lookAtRoom, lookAtStore, lookAtLitter, lookAtLimits, lookAtFFmpeg, lookAtKernel,
	} {
		for _, d := range look(ctx, a.folder) {
			if d.State == bad {
				wrong++
			}
			if err := a.print(d, d.text()); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil || wrong == 0 {
		return err
	}
	return fmt.Errorf("%s %w", plural(wrong, "thing"), errUnwell)
}

// lookAtFolder looks at who may read pictures and evidence.
func lookAtFolder(_ context.Context, folder string) []diagnosis {
	d := diagnosis{About: "folder", State: good}
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.State, d.What, d.Remedy = fair, folder+" is not there", "name another with --data, or go on: serve and import make it"
		return []diagnosis{d}
	case err != nil:
		d.State, d.What, d.Remedy = bad, err.Error(), "run as the user that owns the folder"
		return []diagnosis{d}
	case !info.IsDir():
		d.State, d.What, d.Remedy = bad, folder+" is a file", "name a folder with --data"
		return []diagnosis{d}
	}
	open := 0
	err = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		one, err := entry.Info()
		if err == nil && one.Mode().Perm()&0o077 != 0 {
			open++
		}
		return err
	})
	switch {
	case err != nil:
		d.State, d.What, d.Remedy = bad, err.Error(), "run as the user that owns the folder"
	case open > 0:
		d.State, d.What, d.Remedy = bad, fmt.Sprintf("other users have rights to %s in it", plural(open, "file")), "chmod -R go= "+folder
	default:
		d.What = folder + ", its owner's alone"
	}
	return []diagnosis{d}
}

// lookAtWriting writes, flushes and removes a file.
func lookAtWriting(_ context.Context, folder string) []diagnosis {
	if _, err := os.Stat(folder); err != nil {
		return nil
	}
	err := writeAndFlush(folder)
	if err != nil {
		return []diagnosis{{"writing", bad, err.Error(), "a full, read-only or failing disk, or another user's folder: until then the store can only be read"}}
	}
	return []diagnosis{{About: "writing", State: good, What: "a file was written, flushed and removed"}}
}

func writeAndFlush(folder string) error {
	file, err := os.CreateTemp(folder, "doctor-*")
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, 4<<10))
	return errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
}

// lookAtStore looks for who else has the store open, for what it is, and for a clock that runs behind it.
func lookAtStore(ctx context.Context, folder string) []diagnosis {
	if _, err := os.Stat(folder); err != nil {
		return nil
	}
	store, err := bolt.Open(folder, bolt.Options{ReadOnly: true})
	switch {
	case errors.Is(err, hashindex.ErrNotFound):
		return []diagnosis{{About: "store", State: fair, What: "there is none in the folder", Remedy: "serve and import make one; restore makes one from a backup"}}
	case errors.Is(err, hashindex.ErrLocked):
		return []diagnosis{{About: "store", State: good, What: "another process has it open for writing; it was not looked at"}}
	case errors.Is(err, hashindex.ErrNewer):
		return []diagnosis{{"store", bad, err.Error(), "run the version that wrote it"}}
	case err != nil:
		return []diagnosis{{"store", bad, err.Error(), "restore a backup into an empty folder: touchstone restore FILE --data FOLDER"}}
	}
	defer store.Close()
	info, err := store.Info()
	if err != nil {
		return []diagnosis{{"store", bad, err.Error(), "touchstone check says what is damaged"}}
	}
	free := int64(info.FreePages) * int64(info.PageSize)
	d := diagnosis{About: "store", State: good, What: fmt.Sprintf("format %d, %s, of which %s free", info.Format, bytesText(info.FileBytes), bytesText(free))}
	if 2*free > info.FileBytes && free > 1<<20 {
		d.State, d.Remedy = fair, "touchstone compact, while no server has the folder open"
	}
	return []diagnosis{d, lookAtClock(ctx, store, info.Head)}
}

// lookAtClock compares the clock with the last change: the history is evidence, and says when.
func lookAtClock(_ context.Context, store *bolt.Store, head hashindex.Seq) diagnosis {
	now, last := time.Now(), time.Time{}
	err := store.View(func(r hashindex.Reader) error {
		for change, err := range r.Changes(max(head, 1) - 1) {
			last = change.Time
			return err
		}
		return nil
	})
	d := diagnosis{About: "clock", State: good, What: now.UTC().Format(time.RFC3339)}
	switch {
	case err != nil:
		d.State, d.What, d.Remedy = bad, err.Error(), "touchstone check says what is damaged"
	case now.Before(last):
		d.State, d.Remedy = bad, "set the clock: have it kept by NTP"
		d.What += ", before the last change, which is of " + last.Format(time.RFC3339)
	}
	return d
}

// lookAtLitter looks for what a process that was killed has left. It costs room, nothing else.
func lookAtLitter(_ context.Context, folder string) []diagnosis {
	folder = filepath.Clean(folder)
	var left []string
	for _, pattern := range []string{
		filepath.Join(folder, "touchstone.db.new-*"), filepath.Join(folder, "blobs", "new-*"), filepath.Join(folder, "doctor-*"), folder + ".restoring-*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return []diagnosis{{"left-overs", fair, err.Error(), "name the folder without the characters * ? [ ]"}}
		}
		left = append(left, found...)
	}
	if len(left) > 0 {
		return []diagnosis{{"left-overs", fair, strings.Join(left, ", "), "while no process has the folder open: rm -r " + strings.Join(left, " ")}}
	}
	return []diagnosis{{About: "left-overs", State: good, What: "none"}}
}

func lookAtFFmpeg(ctx context.Context, _ string) []diagnosis {
	d := diagnosis{About: "ffmpeg", State: fair, Remedy: "install ffmpeg, which decodes videos; pictures need nothing"}
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		d.What = "not found on PATH"
		return []diagnosis{d}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, path, "-version").Output()
	if err != nil {
		d.What = path + ": " + err.Error()
		return []diagnosis{d}
	}
	version, _, _ := strings.Cut(string(said), "\n")
	return []diagnosis{{About: "ffmpeg", State: good, What: path + ", " + strings.TrimSpace(version)}}
}

// lookAtKernel has a child built a cell like those that decode hostile pictures.
func lookAtKernel(ctx context.Context, _ string) []diagnosis {
	child, err := sandbox.Start(ctx, sandbox.Program{Args: []string{"version"}, Reads: sandbox.Libraries()})
	if err != nil {
		return []diagnosis{{"confinement", bad, err.Error(), "pictures of risky formats and videos cannot be decoded: allow this user more processes, and programs in this place"}}
	}
	child.Stdin.Close()
	io.Copy(io.Discard, child.Stdout) // Wait says what went wrong
	err = child.Wait()
	d := diagnosis{About: "confinement", State: good, What: child.Confinement.String()}
	switch {
	case err != nil:
		d.State, d.What, d.Remedy = bad, err.Error(), "pictures of risky formats and videos cannot be decoded in a confined child on this machine"
	case !child.Confinement.Offline() || !child.Confinement.Fileless():
		d.State, d.Remedy = fair, "a kernel from 5.13 on with Landlock, seccomp and user namespaces keeps decoders of hostile files from the network and the disk"
	}
	return []diagnosis{d}
}

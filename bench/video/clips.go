package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Every query shows an extract of one scene, altered, in the middle of 60 seconds of another.
const (
	before = 25.3 // seconds of the other scene that come first
	whole  = 60.0
)

// scene is a video of the data set. Files of one scene have one name.
type scene struct {
	name, file string
	seconds    float64
	size       size
}

// size is that of the pictures of a query: those of its extract keep their shape.
type size struct{ width, height int }

// sizeFor is about 640×360 pixels, in multiples of 32 so that every attack has whole ones.
func sizeFor(width, height int) size {
	const short = 352
	if width < height {
		return size{short, (short*height/width + 16) / 32 * 32}
	}
	return size{(short*width/height + 16) / 32 * 32, short}
}

func (s size) layout() string { return fmt.Sprintf("scale=%d:%d,setsar=1,fps=30", s.width, s.height) }

// clip is one query and what it shows.
type clip struct {
	file   string
	attack attack
	source scene
	host   scene   // the other one
	from   float64 // of the source
	length float64 // of the query; 0: nothing but the source, all of it
}

func (c clip) isWhole() bool { return c.length == 0 }

// clips are queries with extracts of that length, at most so many of one scene, each in so many others.
func clips(folder string, scenes []scene, length float64, most, hosts int) (list []clip) {
	for i, s := range scenes {
		for n, from := range starts(s, length, most) {
			for k := range min(hosts, len(scenes)-1) {
				host := scenes[(i+1+(n+k)%(len(scenes)-1))%len(scenes)]
				for _, a := range attacks {
					if from+length*a.pace() <= s.seconds+slop {
						list = append(list, clip{attack: a, source: s, host: host, from: from, length: length}.named(folder))
					}
				}
			}
		}
	}
	return list
}

// wholes are queries with nothing but one scene; where an attack takes two, the other is the next.
func wholes(folder string, scenes []scene) (list []clip) {
	for i, s := range scenes {
		for _, a := range attacks {
			list = append(list, clip{attack: a, source: s, host: scenes[(i+1)%len(scenes)]}.named(folder))
		}
	}
	return list
}

func (c clip) named(folder string) clip {
	name := fmt.Sprintf("%s-%.0f-%.1f-in-%s-%s.ts", c.source.name, c.length, c.from, c.host.name, c.attack.name)
	c.file = filepath.Join(folder, strings.NewReplacer(" ", "", "/", "", "%", "").Replace(name))
	return c
}

// slop is how much longer than its last sampled frame a scene is.
const slop = 0.3

// starts are where extracts of that length begin.
func starts(s scene, length float64, most int) (from []float64) {
	for at := 0.0; at+length <= s.seconds+slop && len(from) < most; at += length * 1.37 {
		from = append(from, at)
	}
	return from
}

// renderAll makes those that are not there yet, so many at once. What many share is made first, and once:
// the scene around the extract is encoded for all attacks, and joined to each without encoding it again.
func renderAll(list []clip, atOnce int) error {
	made := map[string]bool{}
	var parts, missing []func() error
	for _, c := range list {
		if there(c.file) {
			continue
		}
		missing = append(missing, c.render)
		for _, p := range c.around() {
			if file := c.part(p); !made[file] && !there(file) {
				made[file] = true
				parts = append(parts, func() error { return c.renderPart(p) })
			}
		}
	}
	if err := together(parts, atOnce); err != nil {
		return err
	}
	return together(missing, atOnce)
}

// together does all, so many at once, and answers the first error.
func together(all []func() error, atOnce int) (first error) {
	var each sync.WaitGroup
	var mu sync.Mutex // guards first
	slots := make(chan struct{}, atOnce)
	for _, do := range all {
		slots <- struct{}{}
		each.Go(func() {
			err := do()
			mu.Lock()
			first = cmp.Or(first, err)
			mu.Unlock()
			<-slots
		})
	}
	each.Wait()
	return first
}

func there(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// span is a time of the query, in seconds.
type span struct{ from, to float64 }

// around are the spans before and after the extract.
func (c clip) around() []span {
	if c.isWhole() {
		return nil
	}
	return []span{{0, before}, {before + c.length, whole}}
}

// part is the file of a part of the host.
func (c clip) part(p span) string {
	return filepath.Join(filepath.Dir(c.file), fmt.Sprintf("part-%s-%dx%d-%.1f-%.1f.ts", c.host.name, c.source.size.width, c.source.size.height, p.from, p.to))
}

func (c clip) renderPart(p span) error {
	return encode(c.part(p), append(c.other(p.to), "-vf", fmt.Sprintf("%s,trim=start=%f,setpts=PTS-STARTPTS,format=yuv420p", c.source.size.layout(), p.from)))
}

// other is the host as an input, played over and over until then.
func (c clip) other(until float64) []string {
	return []string{"-stream_loop", "-1", "-t", fmt.Sprint(until), "-i", c.host.file}
}

// render makes the query: the other scene, the extract, and the other scene again.
func (c clip) render() error {
	seconds, start := c.length, before
	if c.isWhole() {
		seconds, start = c.source.seconds, 0
	}
	args := []string{"-ss", fmt.Sprint(c.from), "-t", fmt.Sprint(seconds * c.attack.pace()), "-i", c.source.file}
	if c.attack.twofold() {
		args = append(args, c.other(start+seconds)...)
	}
	args = append(args, "-filter_complex", c.attack.graph(c.source.size, start), "-map", "[out]", "-t", fmt.Sprint(seconds))
	args = append(args, c.attack.encoding()...)
	if c.isWhole() {
		return encode(c.file, args)
	}
	extract, list := c.file+".extract", c.file+".list"
	defer os.Remove(extract)
	defer os.Remove(list)
	if err := encode(extract, args); err != nil {
		return err
	}
	p := c.around()
	text := fmt.Sprintf("file '%s'\nfile '%s'\nfile '%s'\n", filepath.Base(c.part(p[0])), filepath.Base(extract), filepath.Base(c.part(p[1])))
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		return err
	}
	return ffmpeg(c.file, "-f", "concat", "-safe", "0", "-i", list, "-c", "copy")
}

func encode(file string, args []string) error {
	return ffmpeg(file, append(args, "-c:v", "libx264", "-preset", "veryfast", "-threads", "1")...)
}

// ffmpeg makes the file, whole or not at all.
func ffmpeg(file string, args ...string) error {
	args = append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), "-an", "-f", "mpegts", file+".new")
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ffmpeg %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return os.Rename(file+".new", file)
}

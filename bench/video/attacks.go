package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Every query shows an extract of one scene, altered, in the middle of 60 seconds of another.
const (
	width, height = 640, 360
	before        = 25.3 // seconds of the other scene that come first
	whole         = 60.0
)

// attack alters an extract. The filter takes it, laid out as width×height, to the same size again; %h stands
// for a second input, of the other scene.
type attack struct {
	name   string
	filter string
	speed  float64
	rate   string // frames a second; empty: 30
	bits   string // a second; empty: by quality
}

var attacks = []attack{
	{name: "as it is", filter: "null"},
	{name: "1/8 bitrate", filter: "null", bits: "60k"},
	{name: "half size", filter: "scale=320:180,scale=640:360"},
	{name: "15 frames a second", filter: "fps=15", rate: "15"},
	{name: "letterbox", filter: "scale=640:270,pad=640:360:0:45"},
	{name: "logo", filter: "drawbox=x=480:y=20:w=140:h=60:color=red:t=fill,drawbox=x=500:y=35:w=100:h=30:color=white:t=fill"},
	{name: "mirrored", filter: "hflip"},
	{name: "grey", filter: "hue=s=0"},
	{name: "1.1 times as fast", filter: "setpts=PTS/1.1", speed: 1.1},
	{name: "crop 30 %", filter: "crop=iw*0.7:ih*0.7:iw*0.2:ih*0.1,scale=640:360"},
	{name: "picture in picture", filter: "scale=360:202[s];%h[s]overlay=240:120"},
	{name: "border", filter: "scale=540:304,pad=640:360:50:28:gray"},
}

// clip is one query and what it shows.
type clip struct {
	file   string
	attack attack
	source scene
	host   scene   // the other one
	from   float64 // of the source
	length float64 // of the query
}

func (c clip) speed() float64 {
	if c.attack.speed == 0 {
		return 1
	}
	return c.attack.speed
}

// make renders the query: the other scene, the extract, and the other scene again.
func (c clip) make() error {
	layout := fmt.Sprintf("scale=%d:%d,setsar=1,fps=30", width, height)
	tail := whole - before - c.length
	graph := []string{
		fmt.Sprintf("[0:v]trim=0:%f,setpts=PTS-STARTPTS,%s,split=3[h0][h1][h2]", whole, layout),
		fmt.Sprintf("[h0]trim=0:%f,setpts=PTS-STARTPTS[a]", before),
		fmt.Sprintf("[h1]trim=%f:%f,setpts=PTS-STARTPTS[c]", before+c.length, before+c.length+tail),
		fmt.Sprintf("[h2]trim=%f:%f,setpts=PTS-STARTPTS[over]", before, before+c.length),
		fmt.Sprintf("[1:v]trim=%f:%f,setpts=PTS-STARTPTS,%s[x]", c.from, c.from+c.length*c.speed(), layout),
	}
	altered := c.attack.filter
	if strings.Contains(altered, "%h") {
		altered = "[x]" + strings.Replace(altered, "%h", "[over]", 1)
	} else {
		graph[3] = "[h2]nullsink"
		altered = "[x]" + altered
	}
	graph = append(graph, altered+",setsar=1[y]", fmt.Sprintf("[y]fps=30,trim=0:%f,setpts=PTS-STARTPTS,format=yuv420p[b]", c.length),
		"[a]format=yuv420p[a2];[c]format=yuv420p[c2]", "[a2][b][c2]concat=n=3:v=1[out]")
	args := []string{"-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i", c.host.file, "-i", c.source.file,
		"-filter_complex", strings.Join(graph, ";"), "-map", "[out]", "-c:v", "libx264", "-preset", "veryfast"}
	if c.attack.bits != "" {
		args = append(args, "-b:v", c.attack.bits)
	}
	if c.attack.rate != "" {
		args = append(args, "-r", c.attack.rate)
	}
	out, err := exec.Command("ffmpeg", append(args, c.file)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %v: %s", c.file, err, out)
	}
	return nil
}

// scene is a video of the data set. Files of one scene have one name.
type scene struct {
	name, file string
	seconds    float64
}

// clips are the queries whose name holds that; those that are not there yet are rendered.
func clips(folder string, scenes []scene, length float64, most int, only string) (list []clip, _ error) {
	for i, s := range scenes {
		for n, from := range starts(s, length, most) {
			host := scenes[(i+1+n)%len(scenes)]
			for k := 2; host.name == s.name || host.seconds < 9; k++ {
				host = scenes[(i+k+n)%len(scenes)]
			}
			for _, a := range attacks {
				if from+length*max(1, a.speed) > s.seconds+0.05 {
					continue
				}
				name := fmt.Sprintf("%s-%.0f-%.1f-%s.mp4", s.name, length, from, strings.NewReplacer(" ", "", "/", "", "%", "").Replace(a.name))
				if !strings.Contains(name, only) {
					continue
				}
				c := clip{filepath.Join(folder, name), a, s, host, from, length}
				if _, err := os.Stat(c.file); err != nil {
					if err := c.make(); err != nil {
						return nil, err
					}
				}
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// starts are where extracts of that length begin, at most so many of one scene.
func starts(s scene, length float64, most int) (from []float64) {
	for at := 0.0; at+length*1.1 <= s.seconds && len(from) < most; at += length * 1.37 {
		from = append(from, at)
	}
	return from
}

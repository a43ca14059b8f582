package main

import (
	"cmp"
	"fmt"
	"strings"
)

// attack alters a video. The filter takes it to the same size again, {w}×{h}; {other} stands for a second
// video of that size and length.
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
	{name: "half size", filter: "scale={w}/2:{h}/2,scale={w}:{h}"},
	{name: "15 frames a second", filter: "fps=15", rate: "15"},
	{name: "letterbox", filter: "scale={w}:{h}*3/4,pad={w}:{h}:0:{h}/8"},
	{name: "logo", filter: "drawbox=x=iw*3/4:y=ih/18:w=iw*7/32:h=ih/6:color=red:t=fill,drawbox=x=iw*25/32:y=ih*7/72:w=iw*5/32:h=ih/12:color=white:t=fill"},
	{name: "mirrored", filter: "hflip"},
	{name: "grey", filter: "hue=s=0"},
	{name: "1.1 times as fast", filter: "setpts=PTS/1.1", speed: 1.1},
	{name: "crop 30 %", filter: "crop=iw*0.7:ih*0.7:iw*0.2:ih*0.1,scale={w}:{h}"},
	{name: "picture in picture", filter: "scale={w}*9/16:{h}*9/16[s];{other}[s]overlay={w}*3/8:{h}/3"},
	{name: "border", filter: "scale={w}*27/32:{h}*27/32,pad={w}:{h}:{w}*5/64:{h}*5/64:gray"},
}

// pace is how fast the video plays then.
func (a attack) pace() float64 { return cmp.Or(a.speed, 1) }

// twofold reports whether a second video is seen as well.
func (a attack) twofold() bool { return strings.Contains(a.filter, "{other}") }

// graph takes the first input, and the second from there on if the attack is twofold, to [out].
func (a attack) graph(s size, from float64) string {
	altered := strings.NewReplacer("{w}", fmt.Sprint(s.width), "{h}", fmt.Sprint(s.height), "{other}", "[other]").Replace(a.filter)
	graph := "[0:v]" + s.layout() + "," + altered + ",fps=" + cmp.Or(a.rate, "30") + ",setsar=1,format=yuv420p[out]"
	if a.twofold() {
		graph = "[1:v]" + s.layout() + fmt.Sprintf(",trim=start=%f,setpts=PTS-STARTPTS[other];", from) + graph
	}
	return graph
}

// encoding are the arguments that follow the graph.
func (a attack) encoding() []string {
	if a.bits != "" {
		return []string{"-b:v", a.bits}
	}
	return nil
}

package main

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"runtime"
	"sync"

	"touchstone/api/client"
	"touchstone/fixtures"
)

// demoScene is what the demo registers and asks.
type demoScene struct {
	collections []demoCollection
	queries     []demoQuery
}

type demoCollection struct {
	name, purpose string
	images        []client.Image
}

// demoQuery is a listing's picture with what the server ought to say to it.
type demoQuery struct {
	picture, done string
	content       []byte
	status        string
	reference     string
	part          bool // found by a part
	suppressed    bool // by a benign reference
	note          string
}

// demoKinds are the references that the demo registers.
var demoKinds = []struct {
	kind, collection, purpose string
	count                     int
	make                      func(int) *image.NRGBA
}{
	{"product", "acme-official", "brand", 12, fixtures.Product},
	{"logo", "acme-logos", "brand", 4, fixtures.Logo},
	{"photo", "photographers", "work", 8, fixtures.Photo},
	{"chart", "size-charts", "benign", 2, fixtures.SizeChart},
}

func newDemoScene() demoScene {
	pictures := demoPictures()
	var scene demoScene
	for _, k := range demoKinds {
		collection := demoCollection{name: k.collection, purpose: k.purpose}
		for n := 1; n <= k.count; n++ {
			name := fmt.Sprintf("%s-%d", k.kind, n)
			collection.images = append(collection.images, client.Image{Name: name + ".png", ExternalID: name, Content: pictures[name].encoded})
		}
		scene.collections = append(scene.collections, collection)
	}
	scene.queries = demoQueries(pictures)
	return scene
}

// demoPicture is a generated reference.
type demoPicture struct {
	image   *image.NRGBA
	encoded []byte
}

// demoPictures makes them all, by name, on every core.
func demoPictures() map[string]demoPicture {
	var (
		made    = map[string]demoPicture{}
		mu      sync.Mutex // guards made
		makers  sync.WaitGroup
		working = make(chan struct{}, runtime.GOMAXPROCS(0))
	)
	for _, k := range demoKinds {
		for n := 1; n <= k.count; n++ {
			working <- struct{}{}
			makers.Go(func() {
				picture := k.make(n)
				encoded := fixtures.EncodePNG(picture)
				mu.Lock()
				defer mu.Unlock()
				made[fmt.Sprintf("%s-%d", k.kind, n)] = demoPicture{picture, encoded}
				<-working
			})
		}
	}
	makers.Wait()
	return made
}

func demoQueries(pictures map[string]demoPicture) []demoQuery {
	found := func(name, done, attack string) demoQuery {
		return demoQuery{picture: name, done: done, content: altered(pictures[name].image, attack), status: "match", reference: name}
	}
	part := func(name, done, attack string) demoQuery {
		q := found(name, done, attack)
		q.part = true
		return q
	}
	stranger := func(name string, img image.Image) demoQuery {
		return demoQuery{picture: name, done: "never registered", content: fixtures.EncodeJPEG(img, 85), status: "no_match"}
	}
	return []demoQuery{
		{picture: "product-1", done: "nothing: the very file", content: pictures["product-1"].encoded, status: "match", reference: "product-1"},
		found("product-2", "JPEG of quality 10", "jpeg10"),
		found("product-3", "shrunk to a thumbnail", "thumbnail"),
		found("product-4", "turned grey", "grey"),
		found("product-5", "mirrored", "mirror"),
		found("product-6", "turned by 90°", "rotate90"),
		found("product-7", "turned by 180°", "rotate180"),
		found("product-8", "re-encoded as WebP", "webp"),
		found("photo-1", "blurred", "blur"),
		found("photo-2", "noise added", "noise"),
		found("logo-1", "put on white, JPEG of quality 10", "jpeg10"),
		stranger("a stranger", fixtures.Product(5000)),
		stranger("another stranger", fixtures.Photo(5000)),
		{picture: "chart-1", done: "a size chart that honest shops use too", content: altered(pictures["chart-1"].image, "jpeg10"),
			status: "no_match", suppressed: true, note: "suppressed: benign"},
		{picture: "plain grey", done: "one colour", content: fixtures.EncodePNG(fixtures.Flat(color.Gray{Y: 200}, 600, 600)),
			status: "undecidable", note: "too flat to tell"},
		part("product-9", "cropped by 30 %", "crop30"),
		part("product-10", "inside a phone screenshot", "screenshot"),
		part("product-11", "in a collage of four", "collage4"),
		part("product-12", "small, in another picture", "pip50"),
		part("photo-3", "under a sticker, framed", "sticker_border"),
		part("photo-4", "mirrored, cropped, JPEG of quality 30", "mirror_crop10_jpeg30"),
		part("photo-5", "turned by 5°", "rotate5"),
	}
}

// altered is the picture after the attack of that name, always the same.
func altered(img image.Image, attack string) []byte {
	for _, a := range fixtures.Attacks() {
		if a.Name == attack {
			content, _ := a.Apply(rand.New(rand.NewPCG(1, 1)), img)
			return content
		}
	}
	panic("fixtures has no attack " + attack)
}

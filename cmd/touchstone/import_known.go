package main

import (
	"context"
	"errors"
	"hash/maphash"
	"strconv"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// known is what a collection holds, as far as an import must know to add nothing twice. It keeps stamps
// in place of texts: a million rows are then 60 MB without a pointer, not 300 MB that the garbage
// collector walks again and again.
type known struct {
	named   map[name]shown
	unnamed map[stamps]int // how many references without an external id have these hashes
}

// name stands for an external id: 128 bits, so that no two are ever taken for one.
type name [2]stamp

// stamp stands for a text. Two of one name that are compared are equal by chance once in 2^64.
type stamp uint64

// stamps are the stamps of a row's hashes; 0 for one that it has not.
type stamps [4]stamp

// shown is what a reference shows.
type shown struct {
	content stamp // of the digest of its picture; 0 for bare hashes
	hashes  stamps
}

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func stampOf(text string) stamp {
	if text == "" {
		return 0
	}
	return stamp(maphash.String(seeds[0], text) | 1)
}

func nameOfID(externalID string) name {
	return name{stamp(maphash.String(seeds[0], externalID)), stamp(maphash.String(seeds[1], externalID))}
}

func stampsOf(h wire.Hashes) stamps {
	return stamps{stampOf(h.PDQ), stampOf(h.PHash), stampOf(h.DHash), stampOf(h.AHash)}
}

// stampsOfVideo are those of its first frame, and of how many there are: many films begin alike.
func stampsOfVideo(first wire.Hashes, frames int) stamps {
	all := stampsOf(first)
	all[0] ^= stampOf(strconv.Itoa(frames)) | 1
	return all
}

var errTaken = errors.New("there already with other content: remove that reference first, or name this one differently")

func learn(ctx context.Context, c *client.Client, collection string) (known, error) {
	k := known{named: map[name]shown{}, unnamed: map[stamps]int{}}
	for reference, err := range c.AllReferences(ctx, collection) {
		if err != nil {
			return k, err
		}
		hashes := stampsOf(reference.Hashes)
		if reference.Frames > 1 {
			hashes = stampsOfVideo(reference.Hashes, reference.Frames)
		}
		if reference.ExternalID == "" {
			k.unnamed[hashes]++
		} else {
			k.named[nameOfID(reference.ExternalID)] = shown{stampOf(reference.Content), hashes}
		}
	}
	return k, nil
}

// picture reports whether a picture of that name and content is there; errTaken when another is.
func (k known) picture(name, content string) (bool, error) {
	h, ok := k.named[nameOfID(name)]
	if ok && h.content != stampOf(content) {
		return false, errTaken
	}
	return ok, nil
}

// row reports whether the row of a list is there, and from now on counts it as such. Rows without
// an external id are told apart by their hashes alone, so a repeated one is there once it was
// added as often.
func (k known) row(r wire.HashReference) (bool, error) {
	hashes := stampsOf(r.Hashes)
	if n := len(r.Frames); n > 1 {
		hashes = stampsOfVideo(r.Frames[0].Hashes, n)
	} else if n == 1 {
		hashes = stampsOf(r.Frames[0].Hashes)
	}
	if r.ExternalID == "" {
		k.unnamed[hashes]--
		return k.unnamed[hashes] >= 0, nil
	}
	id := nameOfID(r.ExternalID)
	h, ok := k.named[id]
	if ok && !h.hashes.include(hashes) {
		return false, errTaken
	}
	if !ok {
		k.named[id] = shown{hashes: hashes}
	}
	return ok, nil
}

// include reports whether the reference has every hash that the row has.
func (has stamps) include(row stamps) bool {
	for i, stamp := range row {
		if stamp != 0 && has[i] != stamp {
			return false
		}
	}
	return true
}

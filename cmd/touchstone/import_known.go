package main

import (
	"context"
	"errors"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// known is what a collection holds, as far as an import must know to add nothing twice.
type known struct {
	named   map[string]held
	unnamed map[wire.Hashes]int // how many references without an external id have these hashes
}

// held is what a reference shows.
type held struct {
	content string // digest of its picture; empty for bare hashes
	hashes  wire.Hashes
}

var errTaken = errors.New("there already with other content: remove that reference first, or name this one differently")

func learn(ctx context.Context, c *client.Client, collection string) (known, error) {
	k := known{named: map[string]held{}, unnamed: map[wire.Hashes]int{}}
	for reference, err := range c.AllReferences(ctx, collection) {
		if err != nil {
			return k, err
		}
		if reference.ExternalID == "" {
			k.unnamed[reference.Hashes]++
		} else {
			k.named[reference.ExternalID] = held{reference.Content, reference.Hashes}
		}
	}
	return k, nil
}

// picture reports whether a picture of that name and content is there; errTaken when another is.
func (k known) picture(name, content string) (bool, error) {
	h, ok := k.named[name]
	if ok && h.content != content {
		return false, errTaken
	}
	return ok, nil
}

// row reports whether the row of a list is there, and from now on counts it as such. Rows without
// an external id are told apart by their hashes alone, so a repeated one is there once it was
// added as often.
func (k known) row(r wire.HashReference) (bool, error) {
	if r.ExternalID == "" {
		k.unnamed[r.Hashes]--
		return k.unnamed[r.Hashes] >= 0, nil
	}
	h, ok := k.named[r.ExternalID]
	if ok && !agree(h.hashes, r.Hashes) {
		return false, errTaken
	}
	if !ok {
		k.named[r.ExternalID] = held{hashes: r.Hashes}
	}
	return ok, nil
}

// agree reports whether the reference has every hash that the row has.
func agree(has, row wire.Hashes) bool {
	for _, pair := range [][2]string{{has.PDQ, row.PDQ}, {has.PHash, row.PHash}, {has.DHash, row.DHash}, {has.AHash, row.AHash}} {
		if pair[1] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return true
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"touchstone/api/client"
	"touchstone/api/wire"
	"touchstone/fixtures/codes"
	"touchstone/hashindex"
)

// known are hashes that references have: those that were filled in, or a sample of the server's own.
func (d *driver) known(ctx context.Context) ([]hashindex.Hash, error) {
	if d.fill > 0 {
		made := codes.Clustered(d.seed, d.bits(), d.fill)
		return made, d.fillIn(ctx, made)
	}
	collections, err := d.client.Collections(ctx)
	if err != nil {
		return nil, err
	}
	var found []hashindex.Hash
	for _, c := range collections {
		if found, err = d.sample(ctx, c.Name, found); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the server holds no %s hashes to ask about: add some, or let --fill do it", d.algorithm)
	}
	return found, nil
}

// sample adds the hashes of the collection's first references.
func (d *driver) sample(ctx context.Context, collection string, found []hashindex.Hash) ([]hashindex.Hash, error) {
	const most = 10_000
	n := 0
	for reference, err := range d.client.AllReferences(ctx, collection) {
		if err != nil {
			return found, err
		}
		text := map[string]string{"pdq": reference.Hashes.PDQ, "phash": reference.Hashes.PHash, "dhash": reference.Hashes.DHash, "ahash": reference.Hashes.AHash}[d.algorithm]
		if h, err := hashindex.ParseHash(text); err == nil {
			found = append(found, h)
		}
		if n++; n == most {
			break
		}
	}
	return found, nil
}

// fillIn adds the hashes, unless an earlier run did.
func (d *driver) fillIn(ctx context.Context, made []hashindex.Hash) error {
	name := loadFilled + "-" + d.algorithm + "-" + strconv.Itoa(len(made))
	_, err := d.client.CreateCollection(ctx, wire.NewCollection{Name: name, Purpose: string(hashindex.Work)})
	if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Code == "collection_exists" {
		return d.checkFilled(ctx, name, len(made))
	}
	if err != nil {
		return err
	}
	progress := d.bar(int64(len(made)), "references")
	defer progress.done()
	for first := 0; first < len(made); first += hashindex.MaxHashes {
		var list []wire.HashReference
		for i, h := range made[first:min(first+hashindex.MaxHashes, len(made))] {
			list = append(list, d.reference(fmt.Sprintf("bench-%d", first+i), h))
		}
		if _, err := d.client.AddHashes(ctx, name, list); err != nil {
			return err
		}
		progress.add(len(list))
	}
	return nil
}

func (d *driver) checkFilled(ctx context.Context, name string, want int) error {
	c, err := d.client.Collection(ctx, name)
	if err == nil && c.References != want {
		err = fmt.Errorf("collection %s holds %d references, an earlier run was cut short: touchstone collections remove %s --with-references, and again", name, c.References, name)
	}
	return err
}

package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"os"

	"touchstone/api/client"
)

// access says what a verb needs of the data folder.
type access int

const (
	noStore   access = iota // nothing: it works on pictures alone
	reading                 // what the store holds; other readers may share the folder
	asking                  // reading, and searching for bare hashes
	searching               // reading, and searching in every tier
	changing                // writing to a store that is there
	writing                 // writing; the store is made if it is missing
)

// connect gives the verb a client of the server asked for or, without one, of the same handler in
// this process. What was opened is closed after it.
func (a *app) connect(ctx context.Context, need access, use func(*client.Client) error) error {
	if a.server != "" {
		return use(client.New(a.server, nil).WithKey(cmp.Or(a.key, os.Getenv("TOUCHSTONE_KEY"))))
	}
	h, err := openHouse(ctx, a.folder, need)
	if err != nil {
		return err
	}
	transport := &inProcess{handler: h.handler}
	err = use(client.New("http://in-process", &http.Client{Transport: transport}))
	transport.wait()
	return errors.Join(err, h.close())
}

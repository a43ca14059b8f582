package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"touchstone/api/client"
	"touchstone/api/wire"
)

// hashedFile is what hash prints of one file.
type hashedFile struct {
	File   string `json:"file"`
	Recipe string `json:"recipe"`
	wire.HashedImage
}

func (a *app) hashCommand() *cobra.Command {
	return a.verb("hash FILE...", "Print the hashes of pictures (- is standard input)", cobra.MinimumNArgs(1), a.hash)
}

func (a *app) hash(ctx context.Context, files []string) error {
	t := a.table("FILE", "SIZE", "QUALITY", "PDQ", "PHASH", "DHASH", "AHASH")
	defer t.Flush()
	return a.connect(ctx, noStore, func(c *client.Client) error {
		send := func(ctx context.Context, pictures []picture) ([]hashedFile, error) {
			answer, err := c.Hash(ctx, images(pictures))
			hashed := make([]hashedFile, len(answer.Results))
			for i, h := range answer.Results {
				hashed[i] = hashedFile{Recipe: answer.Recipe, HashedImage: h}
			}
			return hashed, err
		}
		return askEach(ctx, a, c, files, send, func(file string, h hashedFile) error {
			h.File = file
			size := fmt.Sprintf("%d×%d", h.Width, h.Height)
			return t.row(h, file, size, h.Quality, h.Hashes.PDQ, h.Hashes.PHash, h.Hashes.DHash, h.Hashes.AHash)
		})
	})
}

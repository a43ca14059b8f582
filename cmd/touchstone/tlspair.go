package main

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tlsPair is a certificate and its key. They are read anew when their files change, so that a server need not be started again for one that is
// renewed. Whoever connects has the files looked at, but not more often than lookAgain; a pair that cannot be read, such
// as one of which one file is new, leaves the old one in place until the next look.
type tlsPair struct {
	chain, key string // files
	now        func() time.Time

	mu     sync.Mutex // guards what follows
	log    *slog.Logger
	pair   *tls.Certificate
	as     [2]fileVersion // the files when the pair was read, or could not be
	looked time.Time
}

const lookAgain = 10 * time.Second

// fileVersion tells a file from one that was there before.
type fileVersion struct {
	size     int64
	modified time.Time
}

func readPair(chain, key string, now func() time.Time) (*tlsPair, error) {
	c := &tlsPair{chain: chain, key: key, now: now, log: slog.New(slog.DiscardHandler)}
	as, err := c.versions()
	if err == nil {
		err = c.read(as)
	}
	c.looked = now()
	return c, err
}

// logTo has what goes wrong later said there.
func (c *tlsPair) logTo(log *slog.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = log
}

// get is tls.Config.GetCertificate.
func (c *tlsPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A clock that went back looks at once.
	if since := c.now().Sub(c.looked); since >= 0 && since < lookAgain {
		return c.pair, nil
	}
	c.looked = c.now()
	as, err := c.versions()
	if err == nil && as != c.as {
		if err = c.read(as); err == nil {
			c.log.Info("the certificate was read anew", "file", c.chain)
		}
	}
	if err != nil {
		c.log.Error("the certificate cannot be read anew; the one before goes on", "file", c.chain, "error", err)
	}
	return c.pair, nil
}

func (c *tlsPair) versions() (as [2]fileVersion, err error) {
	for i, path := range []string{c.chain, c.key} {
		info, statErr := os.Stat(path)
		if statErr != nil {
			return as, errors.Join(err, statErr)
		}
		as[i] = fileVersion{info.Size(), info.ModTime()}
	}
	return as, nil
}

// read reads the pair of these versions. One that cannot be read is not tried again until a file changes.
func (c *tlsPair) read(as [2]fileVersion) error {
	c.as = as
	pair, err := tls.LoadX509KeyPair(c.chain, c.key)
	if err != nil {
		return err
	}
	c.pair = &pair
	return nil
}

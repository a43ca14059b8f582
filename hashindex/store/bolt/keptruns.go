package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
)

// keptRun says what a run of pages is about and where they are.
type keptRun struct {
	after, upTo hashindex.Seq
	id          uint64 // of its bucket in pages
	pages       uint32
}

func (k keptRun) value() []byte {
	raw := binary.BigEndian.AppendUint64(nil, uint64(k.upTo))
	raw = binary.BigEndian.AppendUint64(raw, k.id)
	return binary.BigEndian.AppendUint32(raw, k.pages)
}

// runPrefix begins the keys of the runs of that name; the Seq after which each starts ends them.
func runPrefix(name string) []byte { return append([]byte(name), 0) }

func runStart(name string, after hashindex.Seq) []byte {
	return binary.BigEndian.AppendUint64(runPrefix(name), uint64(after))
}

func parseRun(key, sealed []byte) (keptRun, error) {
	raw, err := checked(runs, key, sealed)
	if err == nil && (len(raw) != 20 || len(key) < 9) {
		err = damaged("run %x: %d bytes", key, len(raw))
	}
	if err != nil {
		return keptRun{}, err
	}
	return keptRun{
		after: hashindex.Seq(binary.BigEndian.Uint64(key[len(key)-8:])),
		upTo:  hashindex.Seq(binary.BigEndian.Uint64(raw)),
		id:    binary.BigEndian.Uint64(raw[8:]),
		pages: binary.BigEndian.Uint32(raw[16:]),
	}, nil
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// SaveRun implements hashindex.Pages. Pages are written in short transactions, so that no Update waits
// long, and the last one turns the name to them. A crash before that leaves litter, which the next save
// sweeps up.
func (s *Store) SaveRun(name string, after, upTo hashindex.Seq, all iter.Seq[[]byte]) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	k := keptRun{after: after, upTo: upTo}
	err := s.write(func(tx *bbolt.Tx) (err error) {
		if _, err := coveredBy(tx, name, k); err != nil {
			return err
		}
		b := tx.Bucket([]byte(pages.String()))
		if k.id, err = b.NextSequence(); err == nil {
			_, err = b.CreateBucket(number(k.id))
		}
		return err
	})
	if err == nil {
		k.pages, err = s.writePages(k.id, all)
	}
	if err != nil {
		return err
	}
	return s.write(func(tx *bbolt.Tx) error {
		covered, err := coveredBy(tx, name, k)
		if err != nil {
			return err
		}
		b := tx.Bucket([]byte(runs.String()))
		for _, key := range covered {
			if err := b.Delete(key); err != nil {
				return err
			}
		}
		key := runStart(name, after)
		if err := b.Put(key, appendChecksum(key, k.value())); err != nil {
			return err
		}
		return s.sweepPages(tx)
	})
}

// writePages takes pages while no transaction is open: whoever makes them may be reading the store.
func (s *Store) writePages(id uint64, all iter.Seq[[]byte]) (n uint32, err error) {
	var sealed [][]byte
	size := 0
	flush := func() error {
		first := n - uint32(len(sealed))
		err := s.write(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(pages.String())).Bucket(number(id))
			b.FillPercent = 1
			for i, page := range sealed {
				if err := b.Put(number(uint64(first)+uint64(i)), page); err != nil {
					return err
				}
			}
			return nil
		})
		sealed, size = nil, 0
		return err
	}
	for page := range all {
		if len(page)%8 != 0 {
			return n, fmt.Errorf("a page of %d bytes: %w", len(page), hashindex.ErrInvalid)
		}
		sealed = append(sealed, sealPage(uint64(n), page))
		n++
		if size += len(page); size >= saveRun {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	return n, flush()
}

// pageSeal ends a page: four zero bytes, so that the next page's address divides by 8 too, and the
// checksum.
const pageSeal = 4 + checksumSize

func sealPage(n uint64, page []byte) []byte {
	sealed := make([]byte, 0, len(page)+pageSeal)
	sealed = append(append(sealed, page...), 0, 0, 0, 0)
	return appendChecksum(number(n), sealed)
}

// coveredBy are the keys of the runs that the new one replaces; ErrInvalid when it does not follow the
// others.
func coveredBy(tx *bbolt.Tx, name string, k keptRun) (covered [][]byte, err error) {
	if strings.IndexByte(name, 0) >= 0 || k.upTo < k.after {
		return nil, fmt.Errorf("run of %q after change %d up to %d: %w", name, k.after, k.upTo, hashindex.ErrInvalid)
	}
	end := hashindex.Seq(0)
	prefix := runPrefix(name)
	cursor := tx.Bucket([]byte(runs.String())).Cursor()
	for key, sealed := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, sealed = cursor.Next() {
		if bytes.Compare(key, runStart(name, k.after)) >= 0 {
			covered = append(covered, slices.Clone(key))
			continue
		}
		before, err := parseRun(key, sealed)
		if err != nil {
			return nil, err
		}
		end = before.upTo
	}
	if end != k.after {
		return nil, fmt.Errorf("run of %q after change %d, but those before end at %d: %w", name, k.after, end, hashindex.ErrInvalid)
	}
	return covered, nil
}

// sweepPages deletes the pages that no run names.
func (s *Store) sweepPages(tx *bbolt.Tx) error {
	named := map[uint64]bool{}
	err := tx.Bucket([]byte(runs.String())).ForEach(func(key, sealed []byte) error {
		k, err := parseRun(key, sealed)
		if errors.Is(err, hashindex.ErrDamaged) {
			return nil // whose pages it had, nobody knows: they go
		}
		named[k.id] = true
		return err
	})
	if err != nil {
		return err
	}
	b := tx.Bucket([]byte(pages.String()))
	var litter []uint64
	err = b.ForEachBucket(func(id []byte) error {
		if n := binary.BigEndian.Uint64(id); !named[n] {
			litter = append(litter, n)
		}
		return nil
	})
	for _, id := range litter {
		err = errors.Join(err, b.DeleteBucket(number(id)))
		s.verified.Delete(id)
	}
	return err
}

// ViewRuns implements hashindex.Pages.
func (s *Store) ViewRuns(name string, read func([]hashindex.Run) error) error {
	_, tx, end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	found, err := guarded(func() ([]hashindex.Run, error) { return s.runsOf(tx, name) })
	if err != nil {
		return err
	}
	return faultsAreDamage(func() error { return read(found) })
}

func (s *Store) runsOf(tx *bbolt.Tx, name string) (found []hashindex.Run, _ error) {
	b := tx.Bucket([]byte(runs.String()))
	if b == nil {
		return nil, nil // of a file before format 2, opened read-only
	}
	end := hashindex.Seq(0)
	prefix := runPrefix(name)
	cursor := b.Cursor()
	for key, sealed := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, sealed = cursor.Next() {
		k, err := parseRun(key, sealed)
		if err == nil && k.after != end {
			err = damaged("run of %q after change %d: the one before ends at %d", name, k.after, end)
		}
		if err != nil {
			return nil, err
		}
		end = k.upTo
		p := &pageRun{id: k.id, pages: int(k.pages), tx: tx, verified: s.verifiedOf(k.id, k.pages)}
		found = append(found, hashindex.Run{ID: k.id, After: k.after, UpTo: k.upTo, Pages: int(k.pages), Page: p.page})
	}
	return found, nil
}

// pageRun reads the pages of one run in one transaction.
type pageRun struct {
	id       uint64
	pages    int
	tx       *bbolt.Tx
	bucket   *bbolt.Bucket // once asked for
	verified verified

	last, asked int // the page read last, and the first that was not asked for before
}

// readAhead is how much is asked for at a time of a run whose pages are read in their order.
const readAhead = 4 << 20

func (p *pageRun) page(n int) ([]byte, error) {
	return guarded(func() ([]byte, error) { return p.find(n) })
}

func (p *pageRun) find(n int) ([]byte, error) {
	if p.bucket == nil {
		if p.bucket = p.tx.Bucket([]byte(pages.String())).Bucket(number(p.id)); p.bucket == nil {
			return nil, damaged("pages %d are missing", p.id)
		}
	}
	if n < 0 || n >= p.pages {
		return nil, damaged("page %d of %d", n, p.pages)
	}
	var room [8]byte
	key := binary.BigEndian.AppendUint64(room[:0], uint64(n))
	sealed := p.bucket.Get(key)
	if len(sealed) < pageSeal {
		return nil, damaged("page %d of run %d: %d bytes", n, p.id, len(sealed))
	}
	if !p.verified.has(n) {
		p.bringIn(n, sealed)
		if _, err := checked(pages, key, sealed); err != nil {
			return nil, err
		}
		p.verified.add(n)
	}
	return sealed[: len(sealed)-pageSeal : len(sealed)-pageSeal], nil
}

// bringIn has the page, which no one has read since the store was opened, brought in from the disk, and
// more of what follows if the one before was the last: then they are being read in their order.
func (p *pageRun) bringIn(n int, page []byte) {
	behind := 0
	if n == p.last+1 && n >= p.asked {
		behind = readAhead
		p.asked = n + readAhead/len(page)
	}
	willNeed(page, behind) // of its own each: pages that follow may lie anywhere in a file that was written over
	p.last = n
	populate(page)
}

// verified has a bit for each page whose checksum was right once: a page is checked when it is first
// read, which costs little beside bringing it in, and not again.
type verified []atomic.Uint64

func (v verified) has(n int) bool { return v[n/64].Load()>>(n%64)&1 != 0 }
func (v verified) add(n int)      { v[n/64].Or(1 << (n % 64)) }

func (s *Store) verifiedOf(id uint64, pages uint32) verified {
	if known, ok := s.verified.Load(id); ok {
		return known.(verified)
	}
	known, _ := s.verified.LoadOrStore(id, make(verified, pages/64+1))
	return known.(verified)
}

package bolt

import (
	"encoding/binary"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// rowSeal is what a row's checksum takes for its key: neither a row nor a whole table is believed in
// another's place.
func rowSeal(table, key string) []byte {
	return append(append([]byte(table), 0), key...)
}

// tally is the sequence of a table's bucket: how many rows it has, and all their checksums in one. The history
// does not hold rows, so nothing else would tell that one is missing or an old one back.
type tally uint64

func (t tally) rows() uint32 { return uint32(t >> 32) }

// with is the tally with a row more that has the checksum, without one with a row less.
func (t tally) with(sealed []byte) tally    { return (t + 1<<32) ^ tally(sumOf(sealed)) }
func (t tally) without(sealed []byte) tally { return (t - 1<<32) ^ tally(sumOf(sealed)) }

func sumOf(sealed []byte) uint32 {
	return binary.BigEndian.Uint32(sealed[len(sealed)-checksumSize:])
}

// table is the bucket with the table's rows, nil when there are none. A store before format 3 has none at all.
func (r *reader) table(name string) *bbolt.Bucket {
	if r.open[rows] == nil || name == "" {
		return nil
	}
	return r.open[rows].Bucket([]byte(name))
}

// Row implements hashindex.Reader.
func (r *reader) Row(table, key string) ([]byte, error) {
	return guarded(func() ([]byte, error) {
		b := r.table(table)
		if b == nil {
			return nil, notFound("row", key)
		}
		sealed := b.Get([]byte(key))
		if sealed == nil {
			return nil, notFound("row", key)
		}
		value, err := checked(rows, rowSeal(table, key), sealed)
		return slices.Clone(value), err
	})
}

// What is read of a table at a time: little at first, for callers that want the first rows only.
const (
	rowsAtFirst    = 8
	rowsAtOnce     = 256
	rowBytesAtOnce = 1 << 20
)

// Rows implements hashindex.Reader. Like References it runs page by page: no cursor is open while the caller
// works, who may be changing the very table.
func (r *reader) Rows(table, from string) iter.Seq2[hashindex.Row, error] {
	return func(yield func(hashindex.Row, error) bool) {
		next := from
		for most := rowsAtFirst; ; most = min(2*most, rowsAtOnce) {
			page, err := guarded(func() ([]hashindex.Row, error) { return r.rowsFrom(table, next, most) })
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
				next = row.Key + "\x00" // no key lies between
			}
			if err != nil {
				yield(hashindex.Row{}, err)
			}
			if err != nil || len(page) == 0 {
				return
			}
		}
	}
}

// rowsFrom reads some rows, those before the first damaged one with its error.
func (r *reader) rowsFrom(table, from string, most int) (page []hashindex.Row, err error) {
	b := r.table(table)
	if b == nil {
		return nil, nil
	}
	size := 0
	cursor := b.Cursor()
	for key, sealed := cursor.Seek([]byte(from)); key != nil; key, sealed = cursor.Next() {
		value, err := checked(rows, rowSeal(table, string(key)), sealed)
		if err != nil {
			return page, err
		}
		page = append(page, hashindex.Row{Key: string(key), Value: slices.Clone(value)})
		if size += len(value); len(page) == most || size > rowBytesAtOnce {
			break
		}
	}
	return page, nil
}

// PutRow implements hashindex.Writer.
func (w *writer) PutRow(table, key string, value []byte) error {
	if err := record.AdmitRow(table, key, value); err != nil {
		return err
	}
	return w.changeRows(func() error { return w.putRow(table, key, value) })
}

// RemoveRow implements hashindex.Writer.
func (w *writer) RemoveRow(table, key string) error {
	return w.changeRows(func() error { return w.removeRow(table, key) })
}

// changeRows lets nothing be committed that is half done.
func (w *writer) changeRows(change func() error) error {
	if w.broken != nil {
		return w.broken
	}
	w.broken = errUnfinished // until it is done: a panic leaves it so
	_, w.broken = guarded(func() (any, error) { return nil, change() })
	return w.broken
}

func (w *writer) putRow(table, key string, value []byte) error {
	b, err := w.tableToFill(table)
	if err != nil {
		return err
	}
	sum := tally(b.Sequence())
	if old := b.Get([]byte(key)); old != nil {
		if sum, err = sum.less(table, key, old); err != nil {
			return err
		}
	}
	sealed := sealRow(table, key, value)
	if err := b.Put([]byte(key), sealed); err != nil {
		return err
	}
	return b.SetSequence(uint64(sum.with(sealed)))
}

// sealRow is a copy of the value with its checksum.
func sealRow(table, key string, value []byte) []byte {
	return appendChecksum(rowSeal(table, key), append(make([]byte, 0, len(value)+checksumSize), value...))
}

// less is the tally without a row that is as it was put.
func (t tally) less(table, key string, sealed []byte) (tally, error) {
	if _, err := checked(rows, rowSeal(table, key), sealed); err != nil {
		return t, err
	}
	return t.without(sealed), nil
}

// tableToFill makes the bucket where there is none. The sequence of all is how many tables there are.
func (w *writer) tableToFill(name string) (*bbolt.Bucket, error) {
	if b := w.table(name); b != nil {
		return b, nil
	}
	all := w.open[rows]
	b, err := all.CreateBucket([]byte(name))
	if err == nil {
		err = all.SetSequence(all.Sequence() + 1)
	}
	return b, err
}

// removeRow takes the table away with its last row.
func (w *writer) removeRow(table, key string) error {
	b := w.table(table)
	if b == nil {
		return nil
	}
	old := b.Get([]byte(key))
	if old == nil {
		return nil
	}
	sum, err := tally(b.Sequence()).less(table, key, old)
	if err != nil {
		return err
	}
	if sum.rows() > 0 {
		if err := b.Delete([]byte(key)); err != nil {
			return err
		}
		return b.SetSequence(uint64(sum))
	}
	all := w.open[rows]
	if err := all.DeleteBucket([]byte(table)); err != nil {
		return err
	}
	return all.SetSequence(all.Sequence() - 1)
}

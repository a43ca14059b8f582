package memory

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// place is where the key is among the rows, or where it would be.
func place(rows []hashindex.Row, key string) (int, bool) {
	return slices.BinarySearchFunc(rows, key, func(r hashindex.Row, key string) int { return strings.Compare(r.Key, key) })
}

// Row implements hashindex.Reader.
func (r *reader) Row(table, key string) ([]byte, error) {
	i, there := place(r.rows[table], key)
	if !there {
		return nil, notFound("row", key)
	}
	return slices.Clone(r.rows[table][i].Value), nil
}

// Rows implements hashindex.Reader. It looks for each key anew: the caller may be changing the table.
func (r *reader) Rows(table, from string) iter.Seq2[hashindex.Row, error] {
	return func(yield func(hashindex.Row, error) bool) {
		for next := from; ; {
			i, _ := place(r.rows[table], next)
			if i == len(r.rows[table]) {
				return
			}
			row := r.rows[table][i]
			if !yield(hashindex.Row{Key: row.Key, Value: slices.Clone(row.Value)}, nil) {
				return
			}
			next = row.Key + "\x00" // no key lies between
		}
	}
}

// PutRow implements hashindex.Writer.
func (w *writer) PutRow(table, key string, value []byte) error {
	if err := record.AdmitRow(table, key, value); err != nil {
		return err
	}
	w.makeOwn(table)
	row := hashindex.Row{Key: key, Value: append([]byte{}, value...)}
	i, there := place(w.rows[table], key)
	if there {
		w.rows[table][i] = row
	} else {
		w.rows[table] = slices.Insert(w.rows[table], i, row)
	}
	return nil
}

// RemoveRow implements hashindex.Writer.
func (w *writer) RemoveRow(table, key string) error {
	i, there := place(w.rows[table], key)
	if there {
		w.makeOwn(table)
		w.rows[table] = slices.Delete(w.rows[table], i, i+1)
	}
	return nil
}

// makeOwn copies the table, and with the first one the list of them.
func (w *writer) makeOwn(table string) {
	if w.own[table] {
		return
	}
	if len(w.own) == 0 {
		copied := maps.Clone(w.rows)
		if copied == nil {
			copied = map[string][]hashindex.Row{}
		}
		w.rows = copied
	}
	w.rows[table] = slices.Clone(w.rows[table])
	w.own[table] = true
}

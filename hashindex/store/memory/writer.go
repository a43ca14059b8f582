package memory

import (
	"touchstone/hashindex"
	"touchstone/hashindex/store/record"
)

// writer implements hashindex.Writer: a reader whose head moves with each change, and with rows of its own
// once it has written some.
type writer struct {
	*reader
	own map[string]bool // the tables that no other reader has
}

// Append implements hashindex.Writer.
func (w *writer) Append(c hashindex.Change) (hashindex.Change, error) {
	if err := w.append(&c); err != nil {
		return hashindex.Change{}, err
	}
	return c, nil
}

// AppendAll implements hashindex.Writer.
func (w *writer) AppendAll(changes []hashindex.Change) error {
	for i := range changes {
		if err := w.append(&changes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) append(c *hashindex.Change) error {
	if err := record.Admit(w, c); err != nil {
		return err
	}
	if c.Kind == hashindex.CollectionCreated {
		c.Collection.ID = w.state.created + 1
	}
	head, digest := w.Head()
	raw, err := record.Seal(nil, c, head+1, digest)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.carryOut(*c, raw)
	w.head = c.Seq
	return nil
}

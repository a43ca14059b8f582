package hashindex

import "context"

// View calls read with an unchanging picture of the store, which must not be used after. Views are not
// nested. Searches that begin after it has returned see at least what read saw.
func (ix *Index) View(ctx context.Context, read func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return ix.view(read)
}

// Transact carries out plan in the same commits as all other writes. When it returns nil, what plan wrote
// is durable, and searches see what it appended (I1); when it returns an error, nothing is. Plan may run
// more than once, so it must have no other effect. One that refuses should do so before it writes: undoing
// what it wrote costs those that share its commit another try.
//
// The Seq is that of the last change that plan appended, and without any of the last there is.
func (ix *Index) Transact(ctx context.Context, actor string, plan func(Writer) error) (Seq, error) {
	changes, err := ix.commit(ctx, actor, func(l *ledger) error { return plan(l) })
	if err != nil {
		return 0, err
	}
	if len(changes) == 0 {
		return ix.Seq(), nil
	}
	return changes[len(changes)-1].Seq, nil
}

// Also is what is to be written in the transaction of some changes, and only with them. It runs once they are
// appended, under the rules of a plan of Transact.
type Also func(w Writer, appended []Change) error

// commitChanges appends what plan says, then carries out the rest. It returns what plan said, as appended, and
// the last Seq.
func (ix *Index) commitChanges(ctx context.Context, actor string, plan func(Reader) ([]Change, error), rest []Also) ([]Change, Seq, error) {
	planned := 0
	changes, err := ix.commit(ctx, actor, func(l *ledger) error {
		changes, err := plan(l)
		if err != nil {
			return err
		}
		planned = len(changes)
		if err := l.AppendAll(changes); err != nil {
			return err
		}
		for _, also := range rest {
			if err := also(l, l.changes[:planned:planned]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if len(changes) == 0 {
		return nil, ix.Seq(), nil
	}
	return changes[:planned], changes[len(changes)-1].Seq, nil
}

// Along is an Also of a plan that makes something, and is told what.
type Along[T any] func(w Writer, made T) error

// WriteAlong carries out all of them: the last that a plan does.
func WriteAlong[T any](w Writer, made T, all []Along[T]) error {
	for _, along := range all {
		if err := along(w, made); err != nil {
			return err
		}
	}
	return nil
}

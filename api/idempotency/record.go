package idempotency

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"touchstone/hashindex"
)

// record is one request that had an effect.
type record struct {
	at    time.Time // when it began
	asked hashindex.Digest
	Answer
}

const (
	recordVersion = 1
	recordHead    = 1 + 8 + len(hashindex.Digest{}) + 2 + 2
)

// append writes the record: u8 version, u64 Unix microseconds, 32 bytes of digest, u16 status, u16 length of
// the location, the location, the body.
func (r record) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint64(append(to, recordVersion), uint64(r.at.UnixMicro()))
	to = append(to, r.asked[:]...)
	to = binary.BigEndian.AppendUint16(to, uint16(r.Status))
	to = binary.BigEndian.AppendUint16(to, uint16(len(r.Location)))
	return append(append(to, r.Location...), r.Body...)
}

func parseRecord(raw []byte) (r record, err error) {
	if len(raw) < recordHead {
		return r, fmt.Errorf("idempotency record of %d bytes: %w", len(raw), hashindex.ErrDamaged)
	}
	if raw[0] != recordVersion {
		return r, fmt.Errorf("idempotency record of version %d: %w", raw[0], hashindex.ErrNewer)
	}
	r.at = time.UnixMicro(int64(binary.BigEndian.Uint64(raw[1:]))).UTC()
	copy(r.asked[:], raw[9:])
	r.Status = int(binary.BigEndian.Uint16(raw[9+len(r.asked):]))
	location := int(binary.BigEndian.Uint16(raw[recordHead-2:]))
	rest := raw[recordHead:]
	if location > len(rest) {
		return r, fmt.Errorf("idempotency record with a location of %d bytes: %w", location, hashindex.ErrDamaged)
	}
	r.Location, r.Body = string(rest[:location]), rest[location:]
	return r, nil
}

const (
	table      = "idempotency"
	byName     = "r"
	byTime     = "t"
	totalsName = "n"
)

// timeKey is where the record is found by its age.
func timeKey(at time.Time, name string) string {
	return string(binary.BigEndian.AppendUint64([]byte(byTime), uint64(at.UnixMicro()))) + name
}

// totals are how many records there are and their bytes.
type totals struct{ records, bytes uint64 }

func readTotals(r hashindex.Reader) (t totals, err error) {
	raw, err := r.Row(table, totalsName)
	if errors.Is(err, hashindex.ErrNotFound) {
		return t, nil
	}
	if err == nil && len(raw) != 16 {
		err = fmt.Errorf("idempotency totals of %d bytes: %w", len(raw), hashindex.ErrDamaged)
	}
	if err != nil {
		return t, err
	}
	return totals{binary.BigEndian.Uint64(raw), binary.BigEndian.Uint64(raw[8:])}, nil
}

// Stats say how much is remembered.
type Stats struct{ Records, Bytes uint64 }

// Stats are those of now.
func (r *Records) Stats(ctx context.Context) (Stats, error) {
	var t totals
	err := r.index.View(ctx, func(reader hashindex.Reader) (err error) {
		t, err = readTotals(reader)
		return err
	})
	return Stats{t.records, t.bytes}, err
}

func (t totals) append(to []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(to, t.records), t.bytes)
}

// find is the record of that name, nil when there is none of an age that counts.
func (r *Records) find(reader hashindex.Reader, name string, now time.Time) (*record, error) {
	raw, err := reader.Row(table, byName+name)
	if errors.Is(err, hashindex.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := parseRecord(raw)
	if err != nil || now.Sub(found.at) > r.limits.Age {
		return nil, err
	}
	return &found, nil
}

// put writes the record in place of one that is over age or the attempt's own, and removes some of the oldest.
func (a *Attempt) put(w hashindex.Writer, r record) error {
	before, err := a.records.find(w, a.name, a.at)
	if err != nil {
		return err
	}
	if before != nil && (!before.at.Equal(a.at) || before.asked != r.asked) {
		return ErrBusy // of another process on the same store
	}
	t, err := readTotals(w)
	if err != nil {
		return err
	}
	if t, err = remove(w, t, a.name); err != nil {
		return err
	}
	raw := r.append(nil)
	t.records, t.bytes = t.records+1, t.bytes+uint64(len(raw))
	size := binary.BigEndian.AppendUint32(nil, uint32(len(raw)))
	if err := errors.Join(w.PutRow(table, byName+a.name, raw), w.PutRow(table, timeKey(r.at, a.name), size)); err != nil {
		return err
	}
	if t, err = a.records.forget(w, t, a.at); err != nil {
		return err
	}
	return w.PutRow(table, totalsName, t.append(nil))
}

// remove takes the record of that name away, if there is one.
func remove(w hashindex.Writer, t totals, name string) (totals, error) {
	raw, err := w.Row(table, byName+name)
	if errors.Is(err, hashindex.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	r, err := parseRecord(raw)
	if err != nil {
		return t, err
	}
	t.records, t.bytes = t.records-1, t.bytes-uint64(len(raw))
	return t, errors.Join(w.RemoveRow(table, byName+name), w.RemoveRow(table, timeKey(r.at, name)))
}

// forgottenAtOnce bounds what removing old records adds to one request: more than it adds itself, so that
// their number falls.
const forgottenAtOnce = 16

// forget removes some of the oldest records, while they are over age or there are too many.
func (r *Records) forget(w hashindex.Writer, t totals, now time.Time) (totals, error) {
	n := 0
	for row, err := range w.Rows(table, byTime) {
		if err != nil {
			return t, err
		}
		if len(row.Key) < len(byTime)+8 {
			return t, fmt.Errorf("idempotency time %x: %w", row.Key, hashindex.ErrDamaged)
		}
		at := time.UnixMicro(int64(binary.BigEndian.Uint64([]byte(row.Key[len(byTime):])))).UTC()
		tooMany := t.records > uint64(r.limits.Records) || t.bytes > uint64(r.limits.Bytes)
		if n == forgottenAtOnce || !tooMany && now.Sub(at) <= r.limits.Age {
			break
		}
		n++
		if t, err = remove(w, t, row.Key[len(byTime)+8:]); err != nil {
			return t, err
		}
	}
	return t, nil
}

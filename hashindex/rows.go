package hashindex

import (
	"encoding/json"
	"errors"
	"fmt"
)

// LoadRow is the value of a row that holds JSON; ErrNotFound where there is none.
func LoadRow[T any](r Reader, table, key string) (value T, err error) {
	raw, err := r.Row(table, key)
	if err != nil {
		return value, err
	}
	return DecodeRow[T](table, Row{Key: key, Value: raw})
}

// DecodeRow is the value of a row of the table; ErrDamaged for what is not the JSON of one.
func DecodeRow[T any](table string, row Row) (value T, err error) {
	if err := json.Unmarshal(row.Value, &value); err != nil {
		return value, fmt.Errorf("row %q of %s: %v: %w", row.Key, table, err, ErrDamaged)
	}
	return value, nil
}

// SaveRow puts the value as JSON.
func SaveRow(w Writer, table, key string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return w.PutRow(table, key, raw)
}

// NextNumber is one that the row has never given before, from 1.
func NextNumber(w Writer, table, key string) (uint64, error) {
	n, err := LoadRow[uint64](w, table, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	return n + 1, SaveRow(w, table, key, n+1)
}

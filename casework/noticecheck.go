package casework

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"touchstone/hashindex"
)

// notices reports what lists notices, or counts them, otherwise than they are.
func (c *checker) notices() error {
	listed, records := map[entry]string{}, map[string]Record{}
	for row, err := range c.r.Rows(noticeRows, "") {
		if err = errors.Join(err, c.ctx.Err()); err != nil {
			return err
		}
		n, err := hashindex.DecodeRow[Notice](noticeRows, row)
		if err != nil {
			c.report("store", "%v", err)
			continue
		}
		c.state(NoticeTopic, n.ID.String(), string(n.State))
		for _, e := range n.entries() {
			listed[e] = noticeLetters[n.State]
		}
		record := records[n.Holder]
		for _, step := range n.Trail {
			if step.From != step.To {
				*record.count(step.To)++
			}
		}
		records[n.Holder] = record
	}
	for _, table := range []string{noticeStates, noticeHolders, noticeDue, noticeHits} {
		for row, err := range c.r.Rows(table, "") {
			if err = errors.Join(err, c.ctx.Err()); err != nil {
				return err
			}
			e := entry{table, row.Key}
			if letter, ok := listed[e]; !ok || letter != string(row.Value) {
				c.report("C6", "row %q of %s says %q of a notice that is %q", row.Key, table, row.Value, letter)
			}
			delete(listed, e)
		}
	}
	for e := range listed {
		c.report("C6", "row %q of %s is missing", e.key, e.table)
	}
	for row, err := range c.r.Rows(recordRows, "") {
		if err != nil {
			return err
		}
		kept, err := hashindex.DecodeRow[Record](recordRows, row)
		if err != nil || kept != records[row.Key] {
			c.report("C7", "record of %q is %+v, the notices make %+v (%v)", row.Key, kept, records[row.Key], err)
		}
		delete(records, row.Key)
	}
	for _, holder := range slices.Sorted(maps.Keys(records)) {
		c.report("C7", "record of %q is missing", holder)
	}
	for _, key := range slices.Sorted(maps.Keys(c.noted)) {
		if strings.HasPrefix(key, NoticeTopic+" ") {
			c.report("C1", "the history tells of %s, which is not there", key)
		}
	}
	return nil
}

package bolt

// rows compares each table with its tally, and the number of tables with that of the file.
func (c *checker) rows() error {
	all := c.r.open[rows]
	if all == nil {
		return nil
	}
	tables := uint64(0)
	err := all.ForEach(func(name, notBucket []byte) error {
		tables++
		if notBucket != nil {
			return damaged("table %q is none", name)
		}
		return c.table(string(name))
	})
	if err == nil && c.ctx.Err() == nil && tables != all.Sequence() {
		c.found("store", "%d tables of rows, there should be %d", tables, all.Sequence())
	}
	return err
}

func (c *checker) table(name string) error {
	b := c.r.table(name)
	var sum tally
	cursor := b.Cursor()
	for key, sealed := cursor.First(); key != nil; key, sealed = cursor.Next() {
		if c.ctx.Err() != nil {
			return nil
		}
		if _, err := checked(rows, rowSeal(name, string(key)), sealed); err != nil {
			c.found("store", "%v", err)
			return nil
		}
		sum = sum.with(sealed)
	}
	if want := tally(b.Sequence()); sum != want {
		c.found("store", "table %q: %d rows that are not the %d it should have", name, sum.rows(), want.rows())
	}
	return nil
}

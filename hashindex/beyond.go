package hashindex

// Beyond is closed once a change after that one is visible, or a write has failed. Whoever waits for changes looks at Seq then,
// and asks again.
func (ix *Index) Beyond(after Seq) <-chan struct{} {
	// The channel comes before the look at applied: a change between the two closes it.
	moved := *ix.moved.Load()
	if ix.Seq() > after {
		return alreadyClosed
	}
	return moved
}

var alreadyClosed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// move wakes those who wait for a commit. The caller holds lead, or nobody else knows the index yet.
func (ix *Index) move() {
	next := make(chan struct{})
	if before := ix.moved.Swap(&next); before != nil {
		close(*before)
	}
}

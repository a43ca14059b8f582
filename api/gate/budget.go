package gate

import (
	"fmt"
	"sync"
)

// Full is a budget of which nothing is left.
type Full struct {
	Max  int64
	Mine bool // the client holds its share; otherwise all of them together hold everything
}

func (e *Full) Error() string {
	if e.Mine {
		return fmt.Sprintf("the client's requests hold their share of %d already", e.Max)
	}
	return fmt.Sprintf("requests hold %d already", e.Max)
}

// Budget is what requests may hold together, such as bytes, and no client more than its share: whoever
// uploads a lot, slowly, fills that and leaves the rest to others.
type Budget struct {
	max, share int64

	mu   sync.Mutex // guards what follows
	held int64
	by   map[string]int64
}

// NewBudget is a budget of so much, with a share for each client.
func NewBudget(max, share int64) *Budget {
	return &Budget{max: max, share: share, by: map[string]int64{}}
}

// Held is how much is held now.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Claim is what one request holds. It is safe for concurrent use.
type Claim struct {
	budget *Budget
	client string
	held   int64 // guarded by budget.mu
}

// Claim is an empty claim of the client.
func (b *Budget) Claim(client string) *Claim { return &Claim{budget: b, client: client} }

// Hold adds so much, or nothing and answers a *Full.
func (c *Claim) Hold(n int64) error {
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.held+n > b.max:
		return &Full{b.max, false}
	case b.by[c.client]+n > b.share:
		return &Full{b.share, true}
	}
	c.add(n)
	return nil
}

// Release gives back so much of it.
func (c *Claim) Release(n int64) {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	c.add(-min(n, c.held))
}

// Close gives back all that is left.
func (c *Claim) Close() {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	c.add(-c.held)
}

func (c *Claim) add(n int64) {
	b := c.budget
	c.held += n
	b.held += n
	if b.by[c.client] += n; b.by[c.client] == 0 {
		delete(b.by, c.client) // clients come and go
	}
}

package api

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// connections keeps their number within a limit, so that the process has descriptors left for its
// files. Beyond it, the one that has been idle for longest gives way to the new one: whoever opens
// thousands and asks nothing keeps nobody out.
type connections struct {
	max int

	mu   sync.Mutex // guards what follows
	open int
	idle *list.List // of net.Conn, that of longest standing first
	at   map[net.Conn]*list.Element
}

func newConnections(max int) *connections {
	return &connections{max: max, idle: list.New(), at: map[net.Conn]*list.Element{}}
}

// watch is http.Server.ConnState. A new connection is idle until its first byte; package http's own
// timeouts end what sends half a header.
func (c *connections) watch(conn net.Conn, state http.ConnState) {
	var surplus net.Conn
	c.mu.Lock()
	switch state {
	case http.StateNew:
		c.open++
		if c.open > c.max {
			surplus = c.longestIdle(conn)
		}
		c.at[conn] = c.idle.PushBack(conn)
	case http.StateIdle:
		c.at[conn] = c.idle.PushBack(conn)
	case http.StateActive:
		c.busy(conn)
	case http.StateClosed, http.StateHijacked:
		c.open--
		c.busy(conn)
	}
	c.mu.Unlock()
	if surplus != nil {
		surplus.Close() // package http then says that it is closed
	}
}

// partingKey is where a connection's context holds what makes it give way first of all: it is closed
// anyway once its client has read the answer.
type partingKey struct{}

func (c *connections) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, partingKey{}, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.at[conn] == nil {
			c.at[conn] = c.idle.PushFront(conn)
		}
	})
}

// longestIdle is the connection that gives way: the new one itself where all others are at work.
func (c *connections) longestIdle(new net.Conn) net.Conn {
	first := c.idle.Front()
	if first == nil {
		return new
	}
	conn := first.Value.(net.Conn)
	c.busy(conn)
	return conn
}

func (c *connections) busy(conn net.Conn) {
	if element, idle := c.at[conn]; idle {
		c.idle.Remove(element)
		delete(c.at, conn)
	}
}

package idempotency

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"touchstone/hashindex"
)

// Sum adds up what a request asks for. The parts of a form are added one by one: a client that sends it again may
// set another boundary between them.
type Sum struct{ of hash.Hash }

// NewSum begins with what stands before the body, such as the method, the path and the content type.
func NewSum(texts ...string) *Sum {
	s := &Sum{sha256.New()}
	for _, text := range texts {
		s.add([]byte(text))
	}
	return s
}

// add keeps apart what is added one after the other.
func (s *Sum) add(content []byte) {
	s.of.Write(binary.BigEndian.AppendUint64(nil, uint64(len(content))))
	s.of.Write(content)
}

// Write adds bytes of a body that has no parts.
func (s *Sum) Write(content []byte) (int, error) { return s.of.Write(content) }

// Part is the content of a named part, which is added once it has been read to its end. A nil Sum adds nothing.
func (s *Sum) Part(name string, content io.Reader) io.Reader {
	if s == nil {
		return content
	}
	return &part{content, sha256.New(), s, name}
}

type part struct {
	io.Reader
	of   hash.Hash
	sum  *Sum
	name string
}

func (p *part) Read(into []byte) (int, error) {
	n, err := p.Reader.Read(into)
	p.of.Write(into[:n])
	if err == io.EOF && p.sum != nil {
		p.sum.add([]byte(p.name))
		p.sum.add(p.of.Sum(nil))
		p.sum = nil // once
	}
	return n, err
}

// Digest is what was added so far.
func (s *Sum) Digest() hashindex.Digest { return hashindex.Digest(s.of.Sum(nil)) }

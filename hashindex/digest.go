package hashindex

import (
	"crypto/sha256"
	"encoding/hex"
)

// Digest is a SHA-256. The zero Digest stands for "none".
type Digest [sha256.Size]byte

// DigestOf is the digest of these bytes.
func DigestOf(content []byte) Digest { return sha256.Sum256(content) }

// ParseDigest reads the 64 hex digits that String writes.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	if len(text) != 2*len(d) {
		return Digest{}, invalid("digest", "%d characters, want 64 hex digits", len(text))
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, invalid("digest", "%q is not hexadecimal", text)
	}
	return d, nil
}

// IsZero reports whether there is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler: hex, or nothing for the zero Digest.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d = Digest{}
	if len(text) > 0 {
		*d, err = ParseDigest(string(text))
	}
	return err
}

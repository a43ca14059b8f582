package hashindex

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
)

// Algorithm names the perceptual hash function that made a Hash. Its values index Hashes and are
// written to disk: append, never renumber.
type Algorithm uint8

const (
	PDQ   Algorithm = iota // 256 bits, see fingerprint/pdq
	PHash                  // 64 bits, goimagehash PerceptionHash
	DHash                  // 64 bits, goimagehash DifferenceHash
	AHash                  // 64 bits, goimagehash AverageHash

	AlgorithmCount = 4
)

var algorithmNames = [AlgorithmCount]string{"pdq", "phash", "dhash", "ahash"}

// Algorithms lists every algorithm in the order of its value.
func Algorithms() []Algorithm { return []Algorithm{PDQ, PHash, DHash, AHash} }

// String is the algorithm's name in JSON, in CSV headers and on the command line.
func (a Algorithm) String() string {
	if a >= AlgorithmCount {
		return fmt.Sprintf("algorithm(%d)", uint8(a))
	}
	return algorithmNames[a]
}

// Bits is the width of the algorithm's hashes: 64 or 256.
func (a Algorithm) Bits() int {
	if a == PDQ {
		return 256
	}
	return 64
}

// MaxRadius is the largest distance that a search of the algorithm's hashes may ask for:
// a quarter of the bits, half way to what two unrelated hashes average.
func (a Algorithm) MaxRadius() int { return a.Bits() / 4 }

// ParseAlgorithm reads a name as String writes it; ErrInvalid for any other.
func ParseAlgorithm(name string) (Algorithm, error) {
	for _, a := range Algorithms() {
		if a.String() == name {
			return a, nil
		}
	}
	return 0, invalid("algorithm", "%q is not one of pdq, phash, dhash, ahash", name)
}

// Hash is a perceptual hash of 64 or 256 bits. Words[0] holds the least significant bits; a hash
// of 64 bits leaves the other words zero. The zero Hash, of width 0, stands for "none".
// Hashes are values: compare them with ==.
type Hash struct {
	Words [4]uint64
	width uint16
}

// Hash64 is the hash of 64 bits with this value.
func Hash64(bits uint64) Hash { return Hash{Words: [4]uint64{bits}, width: 64} }

// Hash256 is the hash of 256 bits with these words, least significant first.
func Hash256(words [4]uint64) Hash { return Hash{Words: words, width: 256} }

// ParseHash reads 16 or 64 hex digits, most significant first. ErrInvalid names what is wrong.
func ParseHash(text string) (Hash, error) {
	if len(text) != 16 && len(text) != 64 {
		return Hash{}, invalid("hash", "%d characters, want 16 hex digits (64 bits) or 64 (256 bits)", len(text))
	}
	h := Hash{width: uint16(len(text) * 4)}
	wrong := byte(0)
	for i := range len(text) {
		digit := hexDigits[text[i]]
		wrong |= digit
		word := &h.Words[(len(text)-1-i)/16]
		*word = *word<<4 | uint64(digit&0xf)
	}
	if wrong > 0xf {
		return Hash{}, invalid("hash", "%.64q is not hexadecimal", text)
	}
	return h, nil
}

// hexDigits are the values of hex digits; 0xff for any other byte.
var hexDigits = func() (values [256]byte) {
	for c := range values {
		values[c] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		values[c] = byte(i)
	}
	for i, c := range []byte("ABCDEF") {
		values[c] = byte(10 + i)
	}
	return values
}()

// ParseHashFor reads a hash of the algorithm's width.
func ParseHashFor(a Algorithm, text string) (Hash, error) {
	h, err := ParseHash(text)
	if err != nil {
		return Hash{}, err
	}
	if h.Bits() != a.Bits() {
		return Hash{}, invalid("hash", "%d bits, but a %s hash has %d", h.Bits(), a, a.Bits())
	}
	return h, nil
}

// HashFromBytes reads 8 or 32 bytes, most significant first, the inverse of AppendBytes.
func HashFromBytes(raw []byte) (Hash, error) {
	switch len(raw) {
	case 8:
		return Hash64(binary.BigEndian.Uint64(raw)), nil
	case 32:
		var words [4]uint64
		for i := range words {
			words[i] = binary.BigEndian.Uint64(raw[24-8*i:])
		}
		return Hash256(words), nil
	}
	return Hash{}, invalid("hash", "%d bytes, want 8 or 32", len(raw))
}

// Bits is 64 or 256, and 0 for the zero Hash.
func (h Hash) Bits() int { return int(h.width) }

// IsZero reports whether there is no hash; a hash of 64 zero bits is not the zero Hash.
func (h Hash) IsZero() bool { return h.width == 0 }

// AppendBytes appends the hash's 8 or 32 bytes, most significant first.
func (h Hash) AppendBytes(dst []byte) []byte {
	for i := h.Bits()/64 - 1; i >= 0; i-- {
		dst = binary.BigEndian.AppendUint64(dst, h.Words[i])
	}
	return dst
}

// String writes 16 or 64 lower-case hex digits, most significant first: for PDQ the text that
// exchanged hash lists use.
func (h Hash) String() string {
	var raw [32]byte
	return hex.EncodeToString(h.AppendBytes(raw[:0]))
}

// MarshalText implements encoding.TextMarshaler: hex, or nothing for the zero Hash.
func (h Hash) MarshalText() ([]byte, error) {
	if h.IsZero() {
		return nil, nil
	}
	return []byte(h.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) (err error) {
	*h = Hash{}
	if len(text) > 0 {
		*h, err = ParseHash(string(text))
	}
	return err
}

// Distance is the Hamming distance of two hashes of one width, in bits.
// Comparing hashes of different widths is a broken promise of ours: it panics.
func (h Hash) Distance(other Hash) int {
	if h.width != other.width {
		panic(fmt.Sprintf("hashindex: distance of a %d-bit and a %d-bit hash", h.width, other.width))
	}
	if h.width == 64 {
		return bits.OnesCount64(h.Words[0] ^ other.Words[0])
	}
	return bits.OnesCount64(h.Words[0]^other.Words[0]) + bits.OnesCount64(h.Words[1]^other.Words[1]) +
		bits.OnesCount64(h.Words[2]^other.Words[2]) + bits.OnesCount64(h.Words[3]^other.Words[3])
}

// Hashes holds at most one hash of each algorithm; absent ones are the zero Hash.
type Hashes [AlgorithmCount]Hash

// IsZero reports whether no algorithm has a hash.
func (hs Hashes) IsZero() bool { return hs == Hashes{} }

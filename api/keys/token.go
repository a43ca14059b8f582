package keys

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"io"
	"strings"

	"touchstone/hashindex"
)

const (
	tokenPrefix = "tsk_" // by which scanners find a key that leaked
	idBytes     = 10
	secretBytes = 32
)

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newToken makes an id and the token that names and proves it: tsk_ID_SECRET.
func newToken(random io.Reader) (id, token string, digest hashindex.Digest, err error) {
	var raw [idBytes + secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", "", digest, err
	}
	id = idText.EncodeToString(raw[:idBytes])
	secret := hex.EncodeToString(raw[idBytes:])
	return id, tokenPrefix + id + "_" + secret, digestOf(secret), nil
}

func splitToken(token string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "_")
}

// digestOf needs no salt and no slow hash: the secret has 256 random bits.
func digestOf(secret string) hashindex.Digest { return sha256.Sum256([]byte(secret)) }

// proves compares in a time that tells nothing of where the two differ.
func proves(secret string, want hashindex.Digest) bool {
	got := digestOf(secret)
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

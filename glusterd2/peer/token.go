package peer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"gd2/pkg/api"
)

// Limits of join tokens.
const (
	DefaultTokenTTL = time.Hour
	MaxTokenTTL     = 30 * 24 * time.Hour
	// maxTokenLength bounds the text of a token in bytes.
	maxTokenLength = 4096
	// maxTokenAddresses bounds how many peers a token has the new one try.
	maxTokenAddresses = 16
)

// Token lets one peer join the pool once. Its text is shown to the operator and never stored.
type Token struct {
	ID string `json:"i"`
	// Secret is 32 random bytes in hex.
	Secret string `json:"s"`
	// Authority is the SHA-256, in hex, of the certificate of the pool's authority: the joining peer talks to nobody else.
	Authority string `json:"a"`
	// Addresses are host:port of the peer RPC of members of the pool.
	Addresses []string `json:"p"`
}

// StoredToken is what the pool keeps of a token: enough to recognise it, not to make it.
type StoredToken struct {
	Hash      string    `json:"hash"`
	ExpiresAt time.Time `json:"expires-at"`
}

// NewToken makes a token with a new id and secret.
func NewToken(authority string, addresses []string) (Token, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return Token{}, err
	}
	return Token{ID: uuid.NewString(), Secret: hex.EncodeToString(secret), Authority: authority, Addresses: addresses}, nil
}

// Stored returns the record of the token, good until expires.
func (t Token) Stored(expires time.Time) StoredToken {
	return StoredToken{Hash: hashSecret(t.Secret), ExpiresAt: expires}
}

// Check compares a presented secret with the record, at the time now.
func (s StoredToken) Check(secret string, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(s.Hash), []byte(hashSecret(secret))) != 1 {
		return errToken()
	}
	if now.After(s.ExpiresAt) {
		return api.Errorf(api.Denied, "the join token has expired")
	}
	return nil
}

// ErrNoToken is what a caller learns whose token is unknown, used or wrong: the same for all three.
func ErrNoToken() *api.Error { return errToken() }

func errToken() *api.Error {
	return api.Errorf(api.Denied, "the join token is not valid: it is unknown, used or expired")
}

// String is the text that the operator carries to the new peer.
func (t Token) String() string {
	data, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// ParseToken reads the text of a token.
func ParseToken(text string) (Token, error) {
	var t Token
	bad := api.FieldErrorf("token", "this is not a join token: copy the whole line that 'glustercli peer token' printed")
	if len(text) > maxTokenLength {
		return t, bad
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || json.Unmarshal(data, &t) != nil || t.ID == "" || t.Secret == "" || t.Authority == "" {
		return Token{}, bad
	}
	if len(t.Addresses) == 0 || len(t.Addresses) > maxTokenAddresses {
		return Token{}, bad
	}
	for _, a := range t.Addresses {
		if !isHostPort(a) {
			return Token{}, bad
		}
	}
	return t, nil
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

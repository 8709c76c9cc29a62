package heketi

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// access says who may call a route.
type access int

const (
	// open is for everybody.
	open access = iota
	// forUser is for both users, forAdmin for the administrator alone.
	forUser
	forAdmin
)

// Users, as they stand in the issuer of a token.
const (
	userAdmin = "admin"
	userUser  = "user"
)

const (
	// iatLeeway is how far in the future a token may have been issued, as in Heketi.
	iatLeeway = 120 * time.Second
	// expLeeway is how long after its end a token is good: the Python client's live for a second.
	expLeeway = 5 * time.Second
)

// claims are those of the tokens of Heketi's clients. QSH binds the token to a method and a path.
type claims struct {
	QSH string `json:"qsh"`
	jwt.RegisteredClaims
}

// Texts of refusals, which people search for.
const (
	textNoToken   = "Required authorization token not found"
	textScheme    = "Authorization header format must be Bearer {token}"
	textSignature = "Invalid JWT token: signature is invalid (client and server secrets may not match)"
	textQSH       = "Invalid qsh claim in token"
	textAdmin     = "Administrator access required"
)

// authenticate returns the user who sends a request, if that may use a route with the access.
func (s *service) authenticate(req *http.Request, needed access) (string, error) {
	header := req.Header.Get("Authorization")
	if header == "" {
		return "", faultf(http.StatusUnauthorized, textNoToken)
	}
	scheme, token, _ := strings.Cut(header, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "bearer") || token == "" || strings.Contains(token, " ") {
		return "", faultf(http.StatusBadRequest, textScheme)
	}
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, s.key, jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(),
		jwt.WithLeeway(expLeeway), jwt.WithTimeFunc(s.now))
	if err != nil {
		return "", faultf(http.StatusUnauthorized, "%s", refusal(err))
	}
	switch {
	case c.IssuedAt == nil:
		return "", faultf(http.StatusUnauthorized, "Invalid JWT token: iat claim is missing")
	case c.IssuedAt.After(s.now().Add(iatLeeway)):
		return "", faultf(http.StatusUnauthorized, "Invalid JWT token: Token used before issued (client and server clocks may differ)")
	case subtle.ConstantTimeCompare([]byte(c.QSH), []byte(qsh(req.Method, req.URL.Path))) != 1:
		return "", faultf(http.StatusUnauthorized, textQSH)
	case needed == forAdmin && c.Issuer != userAdmin:
		return "", faultf(http.StatusUnauthorized, textAdmin)
	}
	return c.Issuer, nil
}

// qsh is the claim for a method and a path: the hex SHA-256 of METHOD&path.
func qsh(method, path string) string {
	sum := sha256.Sum256([]byte(method + "&" + path))
	return hex.EncodeToString(sum[:])
}

var errUnknownUser = errors.New("Unknown user") //nolint:staticcheck // the text is Heketi's

// key returns the key with which the issuer of a token signs.
func (s *service) key(t *jwt.Token) (any, error) {
	c, _ := t.Claims.(*claims)
	switch c.Issuer {
	case userAdmin:
		return []byte(s.Heketi.AdminKey.Reveal()), nil
	case userUser:
		return []byte(s.Heketi.UserKey.Reveal()), nil
	}
	return nil, errUnknownUser
}

// refusal puts an error of the token library in Heketi's words.
func refusal(err error) string {
	switch {
	case errors.Is(err, errUnknownUser):
		return "Invalid JWT token: Unknown user"
	case errors.Is(err, jwt.ErrTokenExpired):
		return "Invalid JWT token: Token is expired (client and server clocks may differ)"
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return "Invalid JWT token: Token is not valid yet (client and server clocks may differ)"
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return "Invalid JWT token: exp claim is missing"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return textSignature
	}
	return "Invalid JWT token: it is not one that Heketi's clients make"
}

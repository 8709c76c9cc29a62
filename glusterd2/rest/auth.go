package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gd2/pkg/api"
)

// Issuer is the issuer of the tokens of glusterd2's clients, the only one it knew.
const Issuer = "glustercli"

// A token may be used as long as maxTokenLife from now; glusterd2's clients make theirs for two minutes. leeway is how
// far the clocks of client and peer may be apart.
const (
	maxTokenLife = time.Hour
	leeway       = 30 * time.Second
)

// claims are those of glusterd2's tokens. QSH binds the token to one method and path.
type claims struct {
	QSH string `json:"qsh"`
	jwt.RegisteredClaims
}

// QSH returns the claim "qsh" of a token for a request: the hex SHA-256 of METHOD&path. The query is not covered, as in
// glusterd2.
func QSH(method, path string) string {
	sum := sha256.Sum256([]byte(method + "&" + path))
	return hex.EncodeToString(sum[:])
}

// authorize decides whether the request may use the route.
func (a *API) authorize(row *Route, req *http.Request) *api.Error {
	origin := originOf(req.Context())
	switch {
	case row.Access == Open, origin.Root():
		return nil
	case row.Access == LocalRoot:
		return api.Errorf(api.Forbidden, "%s %s is only for root on this peer, over the daemon's unix socket", row.Method, row.Path)
	case a.cfg.NoAuth && !row.Guarded:
		return nil
	}
	return a.verify(req)
}

// actorOf names who sends a request that was let in, for the records: the user of the unix socket, or the issuer of the token,
// which was verified before.
func actorOf(req *http.Request) api.Actor {
	if o := originOf(req.Context()); o.Unix {
		return api.Actor{User: fmt.Sprintf("uid %d", o.UID), From: fmt.Sprintf("unix socket, pid %d", o.PID)}
	}
	a := api.Actor{User: "anybody", From: req.RemoteAddr}
	_, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(strings.TrimSpace(token), &c); err == nil {
		a.User = clip(c.Issuer)
	}
	return a
}

// verify checks the token of a request. Its errors say what is wrong, but nothing that helps to make a token.
func (a *API) verify(req *http.Request) *api.Error {
	header := req.Header.Get("Authorization")
	if header == "" {
		return api.Errorf(api.Denied, "this needs a token: send the header Authorization: Bearer TOKEN, or ask as root over the daemon's unix socket")
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return api.Errorf(api.Denied, "the header Authorization must be: Bearer TOKEN")
	}
	secret := a.cfg.Secret()
	if len(secret) == 0 {
		return api.Errorf(api.Unavailable, "this peer does not have the secret for tokens yet; ask as root over the daemon's unix socket")
	}
	var c claims
	_, err := jwt.ParseWithClaims(strings.TrimSpace(token), &c, func(*jwt.Token) (any, error) { return secret, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(a.cfg.Now))
	if err != nil {
		return api.Errorf(api.Denied, "the token is refused: %s", refusal(err))
	}
	return a.verifyClaims(c, req)
}

func (a *API) verifyClaims(c claims, req *http.Request) *api.Error {
	switch {
	case !slices.Contains(a.cfg.Issuers, c.Issuer):
		return api.Errorf(api.Denied, "the token is refused: its issuer (iss) %q is not known; it should be %q", clip(c.Issuer), Issuer)
	case c.ExpiresAt.After(a.cfg.Now().Add(maxTokenLife + leeway)):
		return api.Errorf(api.Denied, "the token is refused: it expires (exp) more than %s from now", maxTokenLife)
	case c.QSH == "":
		return api.Errorf(api.Denied, "the token is refused: it lacks the claim qsh, the hex SHA-256 of METHOD&path")
	case subtle.ConstantTimeCompare([]byte(c.QSH), []byte(QSH(req.Method, req.URL.Path))) != 1:
		return api.Errorf(api.Denied, "the token is refused: its claim qsh is for another request than %s %s", req.Method, clip(req.URL.Path))
	}
	return nil
}

// refusal puts an error of the token library in words.
func refusal(err error) string {
	for _, known := range []struct {
		err  error
		text string
	}{
		{jwt.ErrTokenExpired, "it has expired (exp); compare the clocks if it is fresh"},
		{jwt.ErrTokenUsedBeforeIssued, "it was issued in the future (iat); compare the clocks"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet (nbf); compare the clocks"},
		{jwt.ErrTokenRequiredClaimMissing, "it lacks the claim exp"},
		{jwt.ErrTokenSignatureInvalid, "its signature is not made with HS256 and this pool's secret"},
		{jwt.ErrTokenMalformed, "it is not a JSON web token"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return "its claims are not valid"
}

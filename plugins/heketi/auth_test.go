package heketi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gd2/glusterd2/config"
	"gd2/glusterd2/plugin"
)

// Tokens are good as long as Heketi would take them, and for one method and path.
func TestAuthenticate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := &service{Daemon: plugin.Daemon{Heketi: config.Heketi{AdminKey: "admin's", UserKey: "user's"}}, now: func() time.Time { return now }}
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	with := func(key string, more jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"iss": "admin", "iat": at(0), "exp": at(time.Second), "qsh": qsh("GET", "/clusters"), " key": key}
		for k, v := range more {
			c[k] = v
			if v == nil {
				delete(c, k)
			}
		}
		return c
	}
	for name, tt := range map[string]struct {
		claims jwt.MapClaims
		access access
		says   string
	}{
		"of the Python client":   {with("admin's", nil), forAdmin, ""},
		"of the user":            {with("user's", jwt.MapClaims{"iss": "user"}), forUser, ""},
		"the user is no admin":   {with("user's", jwt.MapClaims{"iss": "user"}), forAdmin, textAdmin},
		"another's key":          {with("user's", nil), forUser, textSignature},
		"an empty key":           {with("", jwt.MapClaims{"iss": "user"}), forUser, textSignature},
		"nobody":                 {with("admin's", jwt.MapClaims{"iss": nil}), forUser, "Unknown user"},
		"somebody":               {with("admin's", jwt.MapClaims{"iss": "root"}), forUser, "Unknown user"},
		"issued soon":            {with("admin's", jwt.MapClaims{"iat": at(119 * time.Second), "exp": at(time.Hour)}), forUser, ""},
		"issued later":           {with("admin's", jwt.MapClaims{"iat": at(121 * time.Second), "exp": at(time.Hour)}), forUser, "Token used before issued"},
		"issued never":           {with("admin's", jwt.MapClaims{"iat": nil}), forUser, "iat claim is missing"},
		"just over":              {with("admin's", jwt.MapClaims{"exp": at(-4 * time.Second)}), forUser, ""},
		"over":                   {with("admin's", jwt.MapClaims{"exp": at(-6 * time.Second)}), forUser, "Token is expired"},
		"without an end":         {with("admin's", jwt.MapClaims{"exp": nil}), forUser, "exp claim is missing"},
		"not yet":                {with("admin's", jwt.MapClaims{"nbf": at(time.Minute)}), forUser, "not valid yet"},
		"for another method":     {with("admin's", jwt.MapClaims{"qsh": qsh("POST", "/clusters")}), forUser, textQSH},
		"for another path":       {with("admin's", jwt.MapClaims{"qsh": qsh("GET", "/volumes")}), forUser, textQSH},
		"for no path":            {with("admin's", jwt.MapClaims{"qsh": nil}), forUser, textQSH},
		"with the query as path": {with("admin's", jwt.MapClaims{"qsh": qsh("GET", "/clusters?a=b")}), forUser, textQSH},
	} {
		key := []byte(tt.claims[" key"].(string))
		delete(tt.claims, " key")
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, tt.claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(http.MethodGet, "/clusters?a=b", http.NoBody)
		req.Header.Set("Authorization", "bearer "+token)
		user, err := s.authenticate(req, tt.access)
		var f *fault
		if tt.says == "" && (err != nil || user != tt.claims["iss"]) || tt.says != "" && (!errors.As(err, &f) || f.status != http.StatusUnauthorized || !strings.Contains(f.text, tt.says)) {
			t.Errorf("%s: %q, %v; want %q", name, user, err, tt.says)
		}
	}
}

// What is no token of theirs is refused, with the status that they know.
func TestAuthenticateHeader(t *testing.T) {
	s := &service{Daemon: plugin.Daemon{Heketi: config.Heketi{AdminKey: "admin's", UserKey: "user's"}}, now: time.Now}
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": "admin", "exp": time.Now().Add(time.Hour).Unix()}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	for header, status := range map[string]int{
		"": 401, "Basic abc": 400, "bearer": 400, "bearer ": 400, "bearer a b": 400, "bearer abc": 401, "Bearer a.b.c": 401, "bearer " + unsigned: 401,
	} {
		req := httptest.NewRequest(http.MethodGet, "/clusters", http.NoBody)
		req.Header.Set("Authorization", header)
		var f *fault
		if user, err := s.authenticate(req, forUser); !errors.As(err, &f) || f.status != status {
			t.Errorf("%q: %q, %v; want %d", header, user, err, status)
		}
	}
}

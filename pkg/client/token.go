package client

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gd2/pkg/api"
)

// tokenLife is how long a token is good for, as in glusterd2's own command line.
const tokenLife = 120 * time.Second

// sign makes the token of one request: HS256 with the claims iss, exp and qsh that glusterd2 asks for. qsh binds the token
// to the method and the path: the hex SHA-256 of "METHOD&/path".
func sign(user, secret, method, path string, now time.Time) (string, error) {
	qsh := sha256.Sum256([]byte(method + "&" + path))
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": user,
		"exp": now.Add(tokenLife).Unix(),
		"qsh": hex.EncodeToString(qsh[:]),
	})
	s, err := token.SignedString([]byte(secret))
	if err != nil {
		return "", api.Errorf(api.Internal, "the request cannot be signed: %v", err)
	}
	return s, nil
}

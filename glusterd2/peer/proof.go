package peer

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"

	"gd2/pkg/api"
)

// Roles in the proof of the pool secret. Each side signs its own, so that neither can send the other's proof back.
const (
	RoleInviter = "inviter"
	RoleInvited = "invited"
)

// Stretching of the pool secret makes guessing expensive for whoever recorded a proof. The salt only separates this use
// of the secret from others: both sides must come to the same key.
const (
	proofIterations = 200_000
	proofSalt       = "gd2 pool-secret 1"
	proofLabel      = "EXPORTER-gd2-pool-secret"
)

// Prover proves the knowledge of the pool secret over a TLS connection, without showing it.
type Prover struct {
	key  []byte
	open bool
}

// NewProver stretches the secret, which takes some 50 ms.
func NewProver(secret string) (*Prover, error) {
	key, err := pbkdf2.Key(sha256.New, secret, []byte(proofSalt), proofIterations, sha256.Size)
	if err != nil {
		return nil, err
	}
	return &Prover{key: key}, nil
}

// openKey takes the place of a secret where no proof is asked for. Everybody knows it.
const openKey = "gd2 join open 1"

// OpenProver proves nothing: two peers that both have it believe each other. It shows only that both were configured so.
func OpenProver() *Prover { return &Prover{key: []byte(openKey), open: true} }

// Open reports whether the proofs of this prover prove nothing.
func (p *Prover) Open() bool { return p.open }

// Prove returns the proof of a role on a connection. It is bound to the connection's keys (RFC 5705 exporter), so that
// a proof that passed through somebody in the middle fits neither of the two connections there.
func (p *Prover) Prove(role string, conn tls.ConnectionState) (string, error) {
	binding, err := conn.ExportKeyingMaterial(proofLabel, nil, sha256.Size)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(role))
	mac.Write(binding)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

// Verify checks the proof of a role on a connection.
func (p *Prover) Verify(role, proof string, conn tls.ConnectionState) error {
	want, err := p.Prove(role, conn)
	if err != nil {
		return err
	}
	switch {
	case hmac.Equal([]byte(want), []byte(proof)):
		return nil
	case p.open:
		return api.Errorf(api.Denied, "this peer is configured with join = open and the other is not: both must have that, or the same pool-secret")
	default:
		return api.Errorf(api.Denied, "the pool secrets of the two peers differ: pool-secret must be the same in both configurations")
	}
}

package pki

import (
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Seal encrypts a secret so that only the owner of the private key to a public one (PKIX, DER) can open it. What it is for
// must be said again to open it. It is HPKE (RFC 9180) with P-256, HKDF-SHA256 and AES-256-GCM.
func Seal(publicKey []byte, purpose string, secret []byte) ([]byte, error) {
	key, err := x509.ParsePKIXPublicKey(publicKey)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	ec, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("a public key of type %T cannot be sealed for", key)
	}
	point, err := ec.ECDH()
	if err != nil {
		return nil, err
	}
	to, err := hpke.NewDHKEMPublicKey(point)
	if err != nil {
		return nil, err
	}
	return hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(purpose), secret)
}

// Unseal opens what was sealed for this peer's key, and for the same purpose.
func (d *Dir) Unseal(purpose string, sealed []byte) ([]byte, error) {
	key, err := d.key()
	if err != nil {
		return nil, err
	}
	scalar, err := key.ECDH()
	if err != nil {
		return nil, err
	}
	mine, err := hpke.NewDHKEMPrivateKey(scalar)
	if err != nil {
		return nil, err
	}
	return hpke.Open(mine, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(purpose), sealed)
}

// PublicKey returns the public half of this peer's key (PKIX, DER).
func (d *Dir) PublicKey() ([]byte, error) {
	key, err := d.key()
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(key.Public())
}

func (d *Dir) key() (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(d.KeyFile())
	if err != nil {
		return nil, err
	}
	signer, err := parseKey(data)
	if err != nil {
		return nil, err
	}
	key, ok := signer.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("this peer's key is not one that can open what was sealed")
	}
	return key, nil
}

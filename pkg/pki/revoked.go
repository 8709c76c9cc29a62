package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"iter"
	"math/big"
	"time"
)

// RevocationList makes a certificate revocation list (RFC 5280) in DER of serial numbers in hex. It is for a reader that
// trusts the file it reads from: it is signed by a key that nobody keeps, since the authority's is not on every peer.
func RevocationList(serials iter.Seq[string]) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	list := &x509.RevocationList{Number: big.NewInt(now.UnixNano()), ThisUpdate: now.Add(-Backdate), NextUpdate: now.Add(AuthorityLifetime)}
	for s := range serials {
		number, ok := new(big.Int).SetString(s, 16)
		if !ok || number.Sign() <= 0 {
			return nil, fmt.Errorf("%.60q is not the serial number of a certificate", s)
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: number, RevocationTime: now})
	}
	issuer := &x509.Certificate{KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	return x509.CreateRevocationList(rand.Reader, list, issuer, key)
}

// Package pki makes the certificates of a pool: its authority, and one certificate for each peer.
package pki

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// ServerName is a DNS name that every peer certificate carries. Whoever dials a peer verifies this name and the
// pool's authority, so that a peer may change its address without a new certificate.
const ServerName = "gd2-peer"

// Lifetimes of certificates. The clock of a joining peer may be behind by Backdate.
const (
	AuthorityLifetime = 20 * 365 * 24 * time.Hour
	PeerLifetime      = 365 * 24 * time.Hour
	Backdate          = 24 * time.Hour
)

// Authority signs the certificates of a pool's peers.
type Authority struct {
	Cert *x509.Certificate
	Key  crypto.Signer
	// Lifetime is how long the certificates that it signs are good; 0 means PeerLifetime.
	Lifetime time.Duration
}

// NewAuthority makes the authority of the pool with the given id, with a new P-256 key.
func NewAuthority(poolID string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"gd2 pool"}, CommonName: poolID},
		NotBefore: time.Now().Add(-Backdate), NotAfter: time.Now().Add(AuthorityLifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{Cert: cert, Key: key}, nil
}

// ParseAuthority reads an authority from the PEM of its certificate and its key.
func ParseAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	cert, err := ParseCertificate(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(keyPEM)
	if err != nil {
		return nil, err
	}
	return &Authority{Cert: cert, Key: key}, nil
}

// Due reports whether a certificate is to be renewed: less than a third of its life is left.
func Due(cert *x509.Certificate, now time.Time) bool {
	life := cert.NotAfter.Sub(cert.NotBefore.Add(Backdate))
	return cert.NotAfter.Sub(now) < life/3
}

// CertPEM returns the authority's certificate.
func (a *Authority) CertPEM() []byte { return certPEM(a.Cert.Raw) }

// KeyPEM returns the authority's private key in PKCS #8.
func (a *Authority) KeyPEM() ([]byte, error) { return keyPEM(a.Key) }

// Sign checks a certificate request made by NewRequest and signs a certificate for the peer, good for Lifetime, for TLS
// both as client and as server. The subject is what the authority says, never what the request asks for.
// hosts are names and IP addresses by which REST clients reach the peer.
func (a *Authority) Sign(requestPEM []byte, peerID string, hosts []string) (certPEMBytes []byte, serial string, err error) {
	block, _ := pem.Decode(requestPEM)
	if block == nil || block.Type != typeRequest {
		return nil, "", errors.New("not a PEM certificate request")
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("certificate request: %w", err)
	}
	if err := req.CheckSignature(); err != nil {
		return nil, "", fmt.Errorf("certificate request: %w", err)
	}
	number, err := newSerial()
	if err != nil {
		return nil, "", err
	}
	tmpl := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{Organization: a.Cert.Subject.Organization, CommonName: peerID},
		NotBefore: time.Now().Add(-Backdate), NotAfter: time.Now().Add(cmp.Or(a.Lifetime, PeerLifetime)),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{ServerName, peerID, "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else if h != "" {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.Cert, req.PublicKey, a.Key)
	if err != nil {
		return nil, "", err
	}
	return certPEM(der), number.Text(16), nil
}

// Covers reports whether a certificate names a host or an IP address as Sign would have it.
func Covers(cert *x509.Certificate, host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return slices.ContainsFunc(cert.IPAddresses, ip.Equal)
	}
	return slices.Contains(cert.DNSNames, host)
}

// NewKey makes a private key for a peer and returns it in PKCS #8 PEM.
func NewKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return keyPEM(key)
}

// NewRequest makes a certificate request, signed by the key, for the peer.
func NewRequest(keyPEMBytes []byte, peerID string) ([]byte, error) {
	key, err := parseKey(keyPEMBytes)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: peerID}}, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeRequest, Bytes: der}), nil
}

// ParseCertificate reads the first certificate of a PEM text.
func ParseCertificate(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != typeCertificate {
		return nil, errors.New("not a PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

// PublicKeyOf returns the key (PKIX, DER) of the first certificate of a PEM text.
func PublicKeyOf(certPEM []byte) ([]byte, error) {
	cert, err := ParseCertificate(certPEM)
	if err != nil {
		return nil, err
	}
	return cert.RawSubjectPublicKeyInfo, nil
}

// Fingerprint returns the SHA-256 of a certificate in hex; a join token carries that of the pool's authority.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

const (
	typeCertificate = "CERTIFICATE"
	typeRequest     = "CERTIFICATE REQUEST"
	typeKey         = "PRIVATE KEY"
)

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: der})
}

func keyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: der}), nil
}

func parseKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != typeKey {
		return nil, errors.New("not a PEM private key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a private key of type %T cannot sign", key)
	}
	return signer, nil
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}

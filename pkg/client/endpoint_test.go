package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gd2/pkg/api"
)

// certificate makes a self-signed certificate for a name and returns it with the path of its PEM file.
func certificate(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

func TestTLS(t *testing.T) {
	cert, ca := certificate(t, poolServerName)
	_, otherCA := certificate(t, poolServerName)
	stranger, strangerCA := certificate(t, "stranger")
	for _, c := range []struct {
		name   string
		server tls.Certificate
		cfg    Config
		ok     bool
	}{
		{"the pool's authority", cert, Config{CACert: ca}, true},
		{"another authority", cert, Config{CACert: otherCA}, false},
		{"the system's authorities", cert, Config{}, false},
		{"insecure", cert, Config{Insecure: true}, true},
		{"a certificate for another name", stranger, Config{CACert: strangerCA}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				writeAnswer(t, w, http.StatusOK, api.VersionResp{})
			}))
			s.TLS = &tls.Config{Certificates: []tls.Certificate{c.server}, MinVersion: tls.VersionTLS13}
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			t.Cleanup(s.Close)
			c.cfg.Endpoints = []string{s.URL}
			_, err := open(t, c.cfg).Version(t.Context())
			if (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestBadCA(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for _, file := range []string{path, filepath.Dir(path)} {
		if _, err := New(Config{Endpoints: []string{"https://a"}, CACert: file}); !api.IsKind(err, api.Invalid) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := os.WriteFile(path, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Endpoints: []string{"https://a"}, CACert: path}); !api.IsKind(err, api.Invalid) {
		t.Errorf("%v", err)
	}
}

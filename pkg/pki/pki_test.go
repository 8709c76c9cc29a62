package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func signed(t *testing.T, d *Dir, ca *Authority, pool string) (restore func() error) {
	t.Helper()
	csr, err := d.Request("peer-1")
	if err != nil {
		t.Fatal(err)
	}
	cert, serial, err := ca.Sign(csr, "peer-1", []string{"node1", "192.0.2.7"})
	if err != nil || serial == "" {
		t.Fatalf("sign: %q %v", serial, err)
	}
	restore, err = d.Install(pool, ca.CertPEM(), cert)
	if err != nil {
		t.Fatal(err)
	}
	return restore
}

func TestSignedPeerIsTrustedByItsPoolOnly(t *testing.T) {
	ca, err := NewAuthority("pool-a")
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenDir(filepath.Join(t.TempDir(), "tls"))
	if err != nil {
		t.Fatal(err)
	}
	signed(t, d, ca, "pool-a")
	pair, err := d.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	roots, err := d.Pool()
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(t, pair, roots); err != nil {
		t.Fatalf("own pool: %v", err)
	}
	other, err := NewAuthority("pool-b")
	if err != nil {
		t.Fatal(err)
	}
	foreign := x509.NewCertPool()
	foreign.AddCert(other.Cert)
	if err := handshake(t, pair, foreign); err == nil {
		t.Fatal("a foreign pool trusts the certificate")
	}
}

func handshake(t *testing.T, pair *tls.Certificate, roots *x509.CertPool) error {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{*pair}, ClientCAs: roots,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13})
	done := make(chan error, 1)
	go func() {
		err := server.Handshake()
		b.Close()
		done <- err
	}()
	err := tls.Client(a, &tls.Config{Certificates: []tls.Certificate{*pair}, RootCAs: roots, ServerName: ServerName,
		MinVersion: tls.VersionTLS13}).Handshake()
	a.Close()
	if serr := <-done; err == nil {
		err = serr
	}
	return err
}

func TestInstallSwapsAndRestores(t *testing.T) {
	d, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := NewAuthority("pool-a")
	b, _ := NewAuthority("pool-b")
	signed(t, d, a, "pool-a")
	restore := signed(t, d, b, "pool-b")
	if ca, _ := d.Authority(); Fingerprint(ca) != Fingerprint(b.Cert) {
		t.Fatal("the second pool is not in force")
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	if ca, _ := d.Authority(); Fingerprint(ca) != Fingerprint(a.Cert) {
		t.Fatal("the first pool is not back")
	}
	if st, _ := os.Stat(d.KeyFile()); st.Mode().Perm() != 0o600 {
		t.Fatalf("key mode %v", st.Mode())
	}
	if _, err := d.Install("../x", nil, nil); err == nil {
		t.Fatal("a pool id with a path in it was taken")
	}
}

func TestAuthoritySurvivesPEM(t *testing.T) {
	a, _ := NewAuthority("p")
	key, err := a.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseAuthority(a.CertPEM(), key)
	if err != nil || Fingerprint(b.Cert) != Fingerprint(a.Cert) {
		t.Fatalf("%v", err)
	}
	if _, _, err := b.Sign([]byte("nonsense"), "p", nil); err == nil {
		t.Fatal("nonsense was signed")
	}
}

// A certificate is due when less than a third of its life is left, however long that is.
func TestDue(t *testing.T) {
	for _, life := range []time.Duration{time.Hour, PeerLifetime} {
		a, err := NewAuthority("pool")
		if err != nil {
			t.Fatal(err)
		}
		a.Lifetime = life
		dir, err := OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		request, err := dir.Request("peer")
		if err != nil {
			t.Fatal(err)
		}
		signed, _, err := a.Sign(request, "peer", nil)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := ParseCertificate(signed)
		if err != nil {
			t.Fatal(err)
		}
		for part, want := range map[float64]bool{0: false, 0.6: false, 0.7: true, 1.1: true} {
			if at := time.Now().Add(time.Duration(part * float64(life))); Due(cert, at) != want {
				t.Errorf("after %v of %v: due is %v", part, life, !want)
			}
		}
	}
}

func TestCovers(t *testing.T) {
	a, err := NewAuthority("pool")
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	req, err := NewRequest(key, "p")
	if err != nil {
		t.Fatal(err)
	}
	data, _, err := a.Sign(req, "p", []string{"node_1", "192.0.2.1", "2001:db8::1"})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ParseCertificate(data)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"node_1": true, "192.0.2.1": true, "2001:db8:0::1": true, "localhost": true, "node_2": false, "192.0.2.2": false, "": false} {
		if Covers(cert, host) != want {
			t.Errorf("Covers(%q) = %v", host, !want)
		}
	}
}

// Package storetest makes real stores for tests: embedded etcd with TLS on loopback addresses, ready when returned and
// closed when the test ends.
package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/pki"
	"gd2/store"
)

// patience bounds each wait of this package; machines that run tests are often busy.
const patience = 60 * time.Second

// New returns the ready store of a pool of one peer, whose id is "peer-1".
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, NewConfig(t, NewAuthority(t), "peer-1"))
}

// NewAuthority makes a CA for the certificates of a pool.
func NewAuthority(t testing.TB) *pki.Authority {
	t.Helper()
	ca, err := pki.NewAuthority("storetest")
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// NewConfig makes the configuration of a peer: a fresh directory, a certificate of the CA, and free ports on a loopback
// address of its own.
func NewConfig(t testing.TB, ca *pki.Authority, peerID string) store.Config {
	t.Helper()
	dir := t.TempDir()
	peerURL, clientURL := freeURLs(t)
	return store.Config{
		PeerID: peerID, Dir: filepath.Join(dir, "store"),
		ListenPeerURLs: []string{peerURL}, ListenClientURLs: []string{clientURL},
		TLS: WriteTLS(t, dir, ca, peerID),
		Log: quietLog().WithField("peer", peerID),
	}
}

// WriteTLS makes a key and a certificate of the CA for the peer and writes them into dir, over those that are there.
// hosts are names and addresses for the certificate beside the one that peers verify.
func WriteTLS(t testing.TB, dir string, ca *pki.Authority, peerID string, hosts ...string) store.TLS {
	t.Helper()
	files := store.TLS{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "peer.pem"), Key: filepath.Join(dir, "peer.key")}
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	req, err := pki.NewRequest(key, peerID)
	if err != nil {
		t.Fatal(err)
	}
	cert, _, err := ca.Sign(req, peerID, hosts)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{files.CA: ca.CertPEM(), files.Cert: cert, files.Key: key} {
		if err := pki.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// Open opens a store, waits until it is ready and closes it at the end of the test.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open the store of %s: %v", cfg.PeerID, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store of %s: %v", cfg.PeerID, err)
		}
	})
	WaitReady(t, s)
	return s
}

// WaitReady waits until the store is ready.
func WaitReady(t testing.TB, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-s.Ready():
	case <-ctx.Done():
		t.Fatalf("the store is not ready after %v: %s", patience, s.Waiting())
	}
}

// freeURLs returns a peer and a client URL with free ports. Each call takes a random address of 127.0.0.0/8, so that
// tests that run at the same time do not take each other's ports between the choice and the use.
func freeURLs(t testing.TB) (peerURL, clientURL string) {
	t.Helper()
	ip := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), 1+rand.IntN(254), 1+rand.IntN(254))
	var urls []string
	for range 2 {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		urls = append(urls, "https://"+l.Addr().String())
	}
	return urls[0], urls[1]
}

// quietLog shows only what should not happen.
func quietLog() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(os.Stderr)
	log.SetLevel(logrus.ErrorLevel)
	return logrus.NewEntry(log)
}

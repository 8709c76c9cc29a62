package store_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/store"
	"gd2/store/storetest"
)

var revoked = store.NewKind[string](store.PrefixRevoked, 1)

// logText collects a log that several goroutines write.
type logText struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// A revoked certificate is refused at both ports, also right after a restart, and connections made with it end.
func TestRevoked(t *testing.T) {
	ca := storetest.NewAuthority(t)
	cfg := storetest.NewConfig(t, ca, "peer-1")
	out := &logText{}
	log := logrus.New()
	log.SetOutput(out)
	cfg.Log = logrus.NewEntry(log)
	p := &storetest.Peer{Config: cfg, Store: storetest.Open(t, cfg)}
	files := storetest.NewConfig(t, ca, "peer-2").TLS
	bad := loadTLS(t, files)
	client, peer := strings.TrimPrefix(cfg.ListenClientURLs[0], "https://"), strings.TrimPrefix(cfg.ListenPeerURLs[0], "https://")
	for _, addr := range []string{client, peer} {
		if err := handshake(addr, bad); err != nil {
			t.Errorf("before it is revoked: %v", err)
		}
	}
	open := dialHTTP2(t, client, bad)
	leaf, err := x509.ParseCertificate(bad.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	commit(t, p.Store, revoked.Create(leaf.SerialNumber.Text(16), "peer-2"))
	if _, err := open.Read(make([]byte, 1<<10)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("a connection of a revoked peer goes on: %v", err)
	}
	refusedAtBoth := func(when string) {
		t.Helper()
		for range 3 {
			if err := handshake(client, bad); err == nil {
				t.Errorf("%s: admitted at the client port", when)
			}
			if err := handshake(peer, bad); err == nil {
				t.Errorf("%s: admitted at the peer port", when)
			}
		}
		if err := handshake(client, loadTLS(t, cfg.TLS)); err != nil {
			t.Errorf("%s: a good certificate is refused: %v", when, err)
		}
	}
	refusedAtBoth("revoked")
	for _, line := range []string{"a connection to the store was refused", "rejected connection on peer endpoint"} {
		if n := strings.Count(out.String(), line); n != 1 {
			t.Errorf("the log says %d times %q, want once:\n%s", n, line, out)
		}
	}
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	p.Restart(t)
	if err := handshake(peer, bad); err == nil {
		t.Error("admitted at the peer port right after a restart")
	}
	storetest.WaitReady(t, p.Store)
	refusedAtBoth("after a restart")
	info, err := os.Stat(filepath.Join(cfg.Dir, "revoked.crl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the list: %v, %v", info, err)
	}
	// A damaged list is no reason not to start.
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Dir, "revoked.crl"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Restart(t)
	storetest.WaitReady(t, p.Store)
	waitFor(t, "the list is made anew", func() bool { return handshake(peer, bad) != nil })
}

// dialHTTP2 opens a connection and reads the beginning of HTTP/2.
func dialHTTP2(t *testing.T, addr string, cfg *tls.Config) *tls.Conn {
	t.Helper()
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"h2"}
	c, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for { // until the server has said all of its greeting
		if _, err := c.Read(make([]byte, 1<<10)); err != nil {
			break
		}
	}
	// A timed-out read breaks a TLS connection for later reads: look at what is below.
	if err := c.NetConn().SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

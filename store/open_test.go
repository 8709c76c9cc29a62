package store_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

func TestOpenRefuses(t *testing.T) {
	ca := storetest.NewAuthority(t)
	good := storetest.NewConfig(t, ca, "peer-1")
	for _, c := range []struct {
		name string
		edit func(*store.Config)
		text string // in the error
	}{
		{"no port", func(c *store.Config) { c.ListenPeerURLs = []string{"https://127.0.0.1"} }, `"https://127.0.0.1"`},
		{"plaintext", func(c *store.Config) { c.ListenClientURLs = []string{"http://127.0.0.1:2379"} }, "https://host:port"},
		{"no client URL", func(c *store.Config) { c.ListenClientURLs, c.AdvertiseClientURLs = nil, nil }, "etcdcurls"},
		{"a path", func(c *store.Config) { c.AdvertiseClientURLs = []string{"https://127.0.0.1:1/x"} }, "path"},
		{"an external etcd without an endpoint", func(c *store.Config) { c.NoEmbed = true }, "etcdendpoints"},
		{"a port that is not ours", func(c *store.Config) { c.ListenPeerURLs = []string{"https://192.0.2.1:1234"} }, "192.0.2.1"},
		{"no certificate", func(c *store.Config) { c.TLS.Cert = "/nonexistent" }, "/nonexistent"},
	} {
		cfg := good
		cfg.Dir = filepath.Join(t.TempDir(), "store")
		c.edit(&cfg)
		s, err := store.Open(t.Context(), cfg)
		if err == nil {
			t.Errorf("%s: opened", c.name)
			_ = s.Close()
		} else if !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: the error %q does not name %s", c.name, err, c.text)
		}
	}
}

func TestOpenDamaged(t *testing.T) {
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for text, kind := range map[string]api.Kind{
		`{"version": 99, "role": "client"}`: api.NotSupported,
		`{"version": 1, "role": "member"}`:  api.Internal,
		`{"version": `:                      api.Internal,
	} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, "store.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), cfg); !api.IsKind(err, kind) {
			t.Errorf("with %s as its state the store ended with %v, want kind %s", text, err, kind)
		}
	}
}

func TestOpenTwice(t *testing.T) {
	p := storetest.NewPeer(t, storetest.NewAuthority(t), "peer-1")
	if _, err := store.Open(t.Context(), p.Config); !api.IsKind(err, api.State) {
		t.Errorf("a second open of the same directory ended with %v, want kind state", err)
	}
	rev := commit(t, p.Store, volumes.Create("gv0", volume{"gv0", 7}))
	for range 2 {
		if err := p.Store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Store.Sync(t.Context()); !api.IsKind(err, api.Unavailable) {
		t.Errorf("a read of a closed store ended with %v", err)
	}
	start := time.Now()
	p.Restart(t)
	storetest.WaitReady(t, p.Store)
	t.Logf("a restart took %v", time.Since(start))
	if rec := get(t, p.Store, "gv0"); rec.Value.Size != 7 || rec.Revision != rev {
		t.Errorf("after the restart the volume is %+v", rec)
	}
}

func TestExternalEtcd(t *testing.T) {
	ca := storetest.NewAuthority(t)
	server := storetest.NewPeer(t, ca, "server")
	// The external server's certificate must name its address, unlike a peer's.
	storetest.WriteTLS(t, filepath.Dir(server.Config.TLS.CA), ca, "server", host(server.Config.ListenClientURLs[0]))
	s := storetest.Open(t, store.Config{
		PeerID: "peer-1", NoEmbed: true, Endpoints: server.Config.ListenClientURLs, TLS: server.Config.TLS, Log: server.Config.Log,
	})
	commit(t, s, volumes.Create("gv0", volume{}))
	wantVolume(t, server.Store, "gv0")
	if err := s.StopMember(t.Context()); !api.IsKind(err, api.NotSupported) {
		t.Errorf("a change of the members of an external etcd ended with %v", err)
	}
}

func host(url string) string {
	addr := strings.TrimPrefix(url, "https://")
	return addr[:strings.LastIndex(addr, ":")]
}

// TestWhoIsRefused dials a store's two ports with everything but a certificate of its pool.
func TestWhoIsRefused(t *testing.T) {
	ca := storetest.NewAuthority(t)
	p := storetest.NewPeer(t, ca, "peer-1")
	own := loadTLS(t, p.Config.TLS)
	foreign := loadTLS(t, storetest.NewConfig(t, storetest.NewAuthority(t), "peer-2").TLS)
	for _, c := range []struct {
		name string
		tls  *tls.Config
		ok   bool
	}{
		{"a peer", own, true},
		{"no certificate", &tls.Config{RootCAs: own.RootCAs, ServerName: store.TLSServerName}, false},
		{"a certificate of another pool", &tls.Config{RootCAs: own.RootCAs, ServerName: store.TLSServerName, Certificates: foreign.Certificates}, false},
		{"another pool, trusting anybody", &tls.Config{InsecureSkipVerify: true, Certificates: foreign.Certificates}, false},
		{"TLS 1.2", &tls.Config{RootCAs: own.RootCAs, ServerName: store.TLSServerName, Certificates: own.Certificates, MaxVersion: tls.VersionTLS12}, false},
		{"one who takes it for another pool", &tls.Config{RootCAs: foreign.RootCAs, ServerName: store.TLSServerName, Certificates: own.Certificates}, false},
		{"one who expects another name", &tls.Config{RootCAs: own.RootCAs, ServerName: "elsewhere", Certificates: own.Certificates}, false},
	} {
		for port, url := range map[string]string{"peer": p.Config.ListenPeerURLs[0], "client": p.Config.ListenClientURLs[0]} {
			if err := handshake(strings.TrimPrefix(url, "https://"), c.tls); (err == nil) != c.ok {
				t.Errorf("%s at the %s port: %v, want admitted: %v", c.name, port, err, c.ok)
			}
		}
	}
	if err := plaintext(t, p.Config.ListenClientURLs[0]); err == nil {
		t.Error("a client without TLS was answered")
	}
}

func loadTLS(t *testing.T, files store.TLS) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(files.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{RootCAs: roots, ServerName: store.TLSServerName, Certificates: []tls.Certificate{cert}}
}

// handshake reports whether a server admits a client. In TLS 1.3 a refused client learns of it at its first read.
func handshake(addr string, cfg *tls.Config) error {
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"h2"}
	c, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	// Begin HTTP/2: the server answers with its settings, or with its refusal.
	if _, err := c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 9))
	return err
}

func plaintext(t *testing.T, url string) error {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{strings.Replace(url, "https:", "http:", 1)}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = client.Get(ctx, store.Root)
	return err
}

// TestLog checks that etcd's log comes out of ours, under our levels.
func TestLog(t *testing.T) {
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	var out strings.Builder
	log := logrus.New()
	log.SetOutput(&out) // logrus writes under its own mutex
	log.SetLevel(logrus.DebugLevel)
	log.SetFormatter(&logrus.JSONFormatter{})
	cfg.Log = log.WithField("peer", "peer-1")
	s := storetest.Open(t, cfg)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if !strings.Contains(text, "now serving peer/client/metrics") || !strings.Contains(text, `"part":"etcd"`) {
		t.Error("etcd's own log is missing")
	}
	for _, line := range strings.Split(text, "\n") {
		if line != "" && !strings.Contains(line, `"level":"debug"`) {
			t.Errorf("a quiet start and stop said: %s", line)
		}
	}
}

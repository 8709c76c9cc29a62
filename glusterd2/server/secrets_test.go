package server_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
)

// What nobody may find in a log, an argument, an answer or a file that others may read.
type secrets map[string][]byte

// in reports which of the secrets a text holds.
func (s secrets) in(t *testing.T, where string, text []byte) {
	t.Helper()
	for name, secret := range s {
		for line := range bytes.Lines(text) {
			if holds(line, secret) {
				t.Errorf("%s holds %s: %.300s", where, name, line)
			}
		}
	}
}

// holds looks for a secret as it is, and as records and JSON would have it.
func holds(text, secret []byte) bool {
	return bytes.Contains(text, secret) || bytes.Contains(text, []byte(strings.TrimRight(base64.StdEncoding.EncodeToString(secret), "=")))
}

// body is the middle of a PEM text: what makes the key.
func body(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return []byte(lines[len(lines)/2])
}

// tokenSecret is what makes a join token.
func tokenSecret(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	var token struct {
		Secret string `json:"s"`
	}
	if err == nil {
		err = json.Unmarshal(data, &token)
	}
	if err != nil || token.Secret == "" {
		t.Fatalf("token %q: %v", text, err)
	}
	return []byte(token.Secret)
}

// Secrets stay where they belong, whatever the daemons do and however much they log.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	ds := newDaemons(t, 3, nil)
	each(ds, func(d *daemon) {
		d.ready()
		if _, err := d.client.SetLogLevel(t.Context(), "trace"); err != nil {
			t.Error(err)
		}
	})
	ctx := t.Context()
	known := secrets{"the pool secret": []byte(secret)}
	if err := ds[0].probe(ds[1]); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a used token", "an unused token"} {
		made, err := ds[0].client.PeerToken(ctx, api.PeerTokenReq{})
		if err != nil {
			t.Fatal(err)
		}
		known[name] = tokenSecret(t, made.Token)
		if name == "a used token" {
			if _, err := ds[2].client.Join(ctx, api.PeerJoinReq{Token: made.Token}); err != nil {
				t.Fatal(err)
			}
			_, err := ds[2].client.Join(ctx, api.PeerJoinReq{Token: made.Token})
			refused(t, err, api.Exists, "")
		}
	}
	ds[0].sees(3, ds...)
	makeVolumes(t, 1, ds)
	auth, err := os.ReadFile(filepath.Join(ds[0].cfg.LocalStateDir, "auth"))
	if err != nil {
		t.Fatal(err)
	}
	known["the secret for REST tokens"] = auth
	for i, d := range ds {
		known["the key of peer "+ds[i].ip] = body(t, filepath.Join(d.cfg.LocalStateDir, "tls", "peer.key"))
	}
	backup, err := os.ReadFile(ds[0].backup())
	if err != nil {
		t.Fatal(err)
	}
	if !holds(backup, auth) {
		t.Error("the backup does not hold the secret for REST tokens: the test looks for the wrong thing")
	}
	if holds(backup, []byte("PRIVATE KEY")) {
		t.Error("the backup holds a private key")
	}
	if err := ds[0].client.VolumeDelete(ctx, "gv0"); err == nil {
		t.Error("a started volume was deleted")
	}
	for _, path := range []string{
		"/v1/status", "/v1/pool", "/v1/peers", "/v1/volumes", "/v1/transactions", "/v1/cluster/options", "/statedump", "/metrics",
		"/openapi.json", "/endpoints", "/version", "/readyz?verbose", "/v1/volumes/gv0/options", "/v1/volumes/gv0/status",
	} {
		for _, d := range ds {
			answer, err := d.client.Raw(ctx, "GET", path, nil)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			known.in(t, "the answer to "+path, answer)
		}
	}
	for _, d := range ds {
		d.stop()
		known.everywhere(t, d)
	}
}

// everywhere looks through what a daemon has left: its logs, and its files with their modes.
func (s secrets) everywhere(t *testing.T, d *daemon) {
	t.Helper()
	for dir, logs := range map[string]bool{d.cfg.LogDir: true, d.cfg.RunDir: false, d.cfg.LocalStateDir: false} {
		err := filepath.WalkDir(dir, func(path string, item fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := item.Info()
			if err != nil || item.IsDir() || !info.Mode().IsRegular() {
				return err
			}
			open := info.Mode().Perm()&0o077 != 0
			if strings.Contains(path, "/tls/") && open && !strings.HasSuffix(path, ".pem") {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			if !open && !logs {
				return nil
			}
			text, err := os.ReadFile(path)
			if err == nil && !behindClosedDoor(t, dir, path) {
				s.in(t, path, text)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	for path, mode := range map[string]fs.FileMode{"tls": 0o700, "store": 0o700, "tls/peer.key": 0o600, "auth": 0o600, "store/store.json": 0o600} {
		info, err := os.Stat(filepath.Join(d.cfg.LocalStateDir, path))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v, %v", path, info.Mode(), mode, err)
		}
	}
}

// behindClosedDoor says whether a directory above the file lets nobody but its owner in.
func behindClosedDoor(t *testing.T, top, path string) bool {
	t.Helper()
	for dir := filepath.Dir(path); dir != top && len(dir) > len(top); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 == 0 {
			return true
		}
	}
	return false
}

// Whoever knocks at the peer port without the pool's certificate, with an old TLS or with none is turned away and named.
func TestPeerPortRefuses(t *testing.T) {
	t.Parallel()
	d := newDaemons(t, 1, nil)[0]
	d.ready()
	other := newDaemons(t, 1, nil)[0]
	other.ready()
	foreign, err := tls.LoadX509KeyPair(filepath.Join(other.cfg.LocalStateDir, "tls", "current", "peer.pem"), filepath.Join(other.cfg.LocalStateDir, "tls", "peer.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{d.cfg.PeerAddress, d.ip + ":2379", d.ip + ":2380"} {
		for name, cfg := range map[string]*tls.Config{
			"TLS 1.2": {InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
			"a certificate of another pool": {InsecureSkipVerify: true, NextProtos: []string{"h2"},
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign, nil }},
		} {
			if text := knock(t, addr, cfg); text != "" {
				t.Errorf("%s with %s was answered %q", addr, name, text)
			}
		}
		if text := knock(t, addr, nil); text != "" {
			t.Errorf("%s in plaintext was answered %q", addr, text)
		}
	}
	log, err := os.ReadFile(filepath.Join(d.dir, "log", "glusterd2.log"))
	if err != nil || strings.Count(string(log), "refused") < 2 || !strings.Contains(string(log), "127.") {
		t.Errorf("the log does not tell who was refused (%v):\n%s", err, log)
	}
}

// knock begins HTTP/2 at an address, and returns what a server that answers would say first.
func knock(t *testing.T, addr string, cfg *tls.Config) string {
	t.Helper()
	raw, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if err := raw.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	conn := raw
	if cfg != nil {
		secure := tls.Client(raw, cfg)
		if secure.HandshakeContext(t.Context()) != nil {
			return ""
		}
		conn = secure
	}
	if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return ""
	}
	answer := make([]byte, 64)
	n, _ := conn.Read(answer)
	if cfg == nil && n > 0 && answer[0] == 21 { // a TLS alert tells nothing
		return ""
	}
	return string(answer[:n])
}

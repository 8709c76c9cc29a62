package sunrpc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/sunrpc"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/pkg/gfrpc/gfrpctest"
)

type originKey struct{}

// serveHTTP answers every request on the HTTP side with what is known of its connection, until the test ends.
func (b *lab) serveHTTP(t *testing.T) {
	t.Helper()
	srv := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			o, ok := sunrpc.ConnOrigin(nc)
			state, encrypted := sunrpc.ConnTLS(nc)
			return context.WithValue(ctx, originKey{}, fmt.Sprintf("%v %+v tls %v %v", ok, o, encrypted, state.HandshakeComplete))
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Context().Value(originKey{}).(string))
		}),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(b.mux.HTTP()) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("HTTP side ended with %v", err)
		}
	})
}

func testTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"gd2"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      pool, ServerName: "gd2", MinVersion: tls.VersionTLS13,
	}
}

func get(t *testing.T, url string, tr *http.Transport) (int, string) {
	t.Helper()
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	resp, err := client.Post(url, "text/plain", strings.NewReader(strings.Repeat("x", 30000)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestMuxTCP(t *testing.T) {
	cfg := testTLS(t)
	b := newLabOn(t, listenTCP(t), nil, sunrpc.MuxConfig{TLS: func() *tls.Config { return cfg }})
	b.serveHTTP(t)

	if code, body := get(t, "http://"+b.addr, &http.Transport{}); code != 200 || body != "true {Local:false Unix:false TLS:false UID:0} tls false false" {
		t.Errorf("HTTP: %d %s", code, body)
	}
	if code, body := get(t, "https://"+b.addr, &http.Transport{TLSClientConfig: cfg}); code != 200 || body != "true {Local:false Unix:false TLS:true UID:0} tls true true" {
		t.Errorf("HTTPS: %d %s", code, body)
	}
	call(t, b.dial(t), gfrpc.ProgramDump, gfrpc.ProcPing, new(gfrpc.Writer))
	c, err := gfrpc.Dialer{Net: &tls.Dialer{Config: cfg}}.Dial(t.Context(), "tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	call(t, c, gfrpc.ProgramDump, gfrpc.ProcPing, new(gfrpc.Writer))
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestMuxUnix(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "gd2.socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(net.Addr) bool { return false }
	b := newLabOn(t, l, nil, sunrpc.MuxConfig{AllowPlain: refuse})
	b.serveHTTP(t)
	b.specs.set("gv0", sunrpc.Spec{Text: "v"})

	uid := os.Getuid()
	want := fmt.Sprintf("true {Local:%v Unix:true TLS:false UID:%d} tls false false", uid == 0, uid)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	if code, body := get(t, "http://gd2", &http.Transport{DialContext: dial}); code != 200 || body != want {
		t.Errorf("HTTP: %d %s, want %s", code, body, want)
	}
	c, err := gfrpc.Dial(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if got := getSpec(t, c, "gv0"); got != map[bool]string{true: "trusted v", false: "v"}[uid == 0] {
		t.Errorf("user %d was served %q", uid, got)
	}
}

func TestMuxRefusesPlainHTTP(t *testing.T) {
	b := newLabOn(t, listenTCP(t), nil, sunrpc.MuxConfig{AllowPlain: func(net.Addr) bool { return false }})
	code, body := get(t, "http://"+b.addr+"/v1/volumes", &http.Transport{})
	e := api.ParseError(code, []byte(body))
	if code != 403 || e.Kind != api.Forbidden || !strings.Contains(e.Message, "use https://"+b.addr) || !json.Valid([]byte(body)) {
		t.Errorf("%d %s", code, body)
	}
	call(t, b.dial(t), gfrpc.ProgramDump, gfrpc.ProcPing, new(gfrpc.Writer))
}

func TestMuxCloses(t *testing.T) {
	cfg := testTLS(t)
	for name, test := range map[string]struct {
		cfg  sunrpc.MuxConfig
		send string
	}{
		"silent":         {sunrpc.MuxConfig{PeekTimeout: 10 * time.Millisecond}, ""},
		"unknown":        {sunrpc.MuxConfig{}, "\x01\x02\x03\x04"},
		"no TLS":         {sunrpc.MuxConfig{}, "\x16\x03\x01\x00\x05"},
		"TLS not now":    {sunrpc.MuxConfig{TLS: func() *tls.Config { return nil }}, "\x16\x03\x01\x00\x05"},
		"TLS that stops": {sunrpc.MuxConfig{PeekTimeout: 10 * time.Millisecond, TLS: func() *tls.Config { return cfg }}, "\x16\x03\x01\x00\x05"},
		"panic":          {sunrpc.MuxConfig{TLS: func() *tls.Config { panic("of the test") }}, "\x16\x03\x01\x00\x05"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newLabOn(t, listenTCP(t), nil, test.cfg)
			nc := b.raw(t)
			if _, err := io.WriteString(nc, test.send); err != nil {
				t.Fatal(err)
			}
			ended(t, nc)
		})
	}
}

// Silent connections are few, and do not keep out those that speak once they are gone.
func TestMuxPending(t *testing.T) {
	for name, cfg := range map[string]sunrpc.MuxConfig{
		"address": {MaxPendingPerAddr: 2}, "all": {MaxPending: 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newLabOn(t, listenTCP(t), nil, cfg)
			spoke := b.raw(t) // does not count once it has spoken
			exchange(t, spoke, gfrpctest.Call(t, "DUMP.PING"))
			one, two := b.raw(t), b.raw(t)
			ended(t, b.raw(t))
			exchange(t, one, gfrpctest.Call(t, "DUMP.PING"))
			three := b.raw(t)
			ended(t, b.raw(t))
			exchange(t, two, gfrpctest.Call(t, "DUMP.PING"))
			exchange(t, three, gfrpctest.Call(t, "DUMP.PING"))
		})
	}
}

// TLS inside TLS is nobody's protocol.
func TestMuxTLSInTLS(t *testing.T) {
	cfg := testTLS(t)
	b := newLabOn(t, listenTCP(t), nil, sunrpc.MuxConfig{TLS: func() *tls.Config { return cfg }})
	outer := tls.Client(b.raw(t), cfg)
	if _, err := outer.Write([]byte{0x16, 3, 1, 0, 5}); err != nil {
		t.Fatal(err)
	}
	ended(t, outer)
}

// With nobody on the HTTP side its connections end when the Mux does.
func TestMuxEndsWaitingHTTP(t *testing.T) {
	l := listenTCP(t)
	m := sunrpc.NewMux(l, sunrpc.MuxConfig{Log: quiet()})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- m.Serve(ctx) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	ended(t, nc)
	if err := nc.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.HTTP().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after the end: %v", err)
	}
	if err := m.HTTP().Close(); err != nil || m.HTTP().Addr().String() != l.Addr().String() {
		t.Errorf("Close: %v, Addr %v", err, m.HTTP().Addr())
	}
}

func TestMuxListenerFails(t *testing.T) {
	l := listenTCP(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sunrpc.NewMux(l, sunrpc.MuxConfig{Log: quiet()}).Serve(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

package peerrpc

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// Whoever is refused before the first call is logged with the address, but not without end.
func TestRefusedConnectionsAreLogged(t *testing.T) {
	a := newAuthority(t)
	cert := a.cert("server")
	log, hook := logtest.NewNullLogger()
	s := NewServer(ServerConfig{Log: logrus.NewEntry(log), TLS: func() (*tls.Config, error) {
		return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.roots()}, nil
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.Serve(l) }()
	for range 3 * openBurst {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn) // until the server closes it, in one way or the other
		_ = conn.Close()
	}
	s.Stop(t.Context())
	if err := <-ended; err != nil {
		t.Error(err)
	}
	entries := hook.AllEntries()
	if len(entries) < openBurst || len(entries) > 2*openBurst {
		t.Errorf("%d of %d refused connections are logged", len(entries), 3*openBurst)
	}
	for _, e := range entries {
		if e.Level != logrus.WarnLevel || e.Data["from"] != "127.0.0.1" || !strings.Contains(e.Message, "refused") {
			t.Errorf("logged: %s %v %s", e.Level, e.Data, e.Message)
		}
	}
}

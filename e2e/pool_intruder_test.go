package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"gd2/e2e/lab"
)

// Where a daemon answers other peers.
const (
	portPeers   = "24008"
	portClients = "2379" // of the store
	portMembers = "2380" // of the store
)

// certificate is the key and the certificate that a peer's daemon has now.
func (p pool) certificate(n int) tls.Certificate {
	p.t.Helper()
	dir := p.Peer(n).Path("/var/lib/glusterd2/tls")
	cert, err := tls.LoadX509KeyPair(dir+"/current/peer.pem", dir+"/peer.key")
	p.must(err)
	return cert
}

// presenting dials with a certificate, whatever the server asks for and whoever it is.
func presenting(cert *tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, NextProtos: []string{"h2"}, ServerName: "gd2-peer",
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if cert == nil {
				return new(tls.Certificate), nil
			}
			return cert, nil
		},
	}
}

// intruder is a host that talks to a port of a daemon as it pleases.
type intruder struct {
	host *lab.Peer
	addr string
}

// learns is what the intruder reads over TLS after it has said something. The server verifies certificates after the
// client believes that all is well (TLS 1.3), so only reading shows who is refused.
func (i intruder) learns(ctx context.Context, cfg *tls.Config, say string) (string, error) {
	conn, err := i.host.DialContext(ctx, "tcp", i.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return "", err
	}
	return converse(secure, say)
}

// learnsPlainly is learns without TLS.
func (i intruder) learnsPlainly(ctx context.Context, say string) (string, error) {
	conn, err := i.host.DialContext(ctx, "tcp", i.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return converse(conn, say)
}

// converse says something and reads the first that comes back.
func converse(conn net.Conn, say string) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, say); err != nil {
		return "", err
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if n > 0 || errors.Is(err, io.EOF) {
		err = nil
	}
	return string(answer[:n]), err
}

// call makes a call of the peers' protocol; the request and the answer are JSON as they stand.
func (i intruder) call(ctx context.Context, cfg *tls.Config, method, request string) (string, error) {
	conn, err := grpc.NewClient("passthrough:///"+i.addr, grpc.WithTransportCredentials(credentials.NewTLS(cfg)),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(verbatim{})),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return i.host.DialContext(ctx, "tcp", addr) }))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // whatever came of it
	var answer string
	err = conn.Invoke(ctx, "/gd2.Peer/"+method, request, &answer)
	return answer, err
}

// verbatim carries texts.
type verbatim struct{}

func (verbatim) Name() string                  { return "json" }
func (verbatim) Marshal(v any) ([]byte, error) { return []byte(v.(string)), nil }
func (verbatim) Unmarshal(data []byte, v any) error {
	*v.(*string) = string(data)
	return nil
}

// logSince is what a daemon has logged since mark, a position that the function returned before.
func (p pool) logSince(n int, mark int) (text string, end int) {
	p.t.Helper()
	all, err := os.ReadFile(p.Peer(n).DaemonLog())
	p.must(err)
	return string(all[mark:]), len(all)
}

package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"google.golang.org/grpc/credentials"

	"gd2/pkg/api"
)

// dialCredentials are gRPC credentials for dialling members of the store. gRPC's own would verify the address that is
// dialled, and would keep the certificates that they were made with.
type dialCredentials struct {
	credentials.TransportCredentials
	files TLS
	// name is verified instead of the address; empty: the address.
	name string
}

func newDialCredentials(files TLS, name string) dialCredentials {
	return dialCredentials{TransportCredentials: credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13}), files: files, name: name}
}

// ClientHandshake secures a connection with the certificates that are in the files now.
func (d dialCredentials) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	roots, own, err := d.files.load()
	if err != nil {
		return nil, nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{own}}
	if d.name != "" {
		authority = d.name
	}
	return credentials.NewTLS(cfg).ClientHandshake(ctx, authority, conn)
}

// Clone returns a copy.
func (d dialCredentials) Clone() credentials.TransportCredentials { return d }

// acceptCredentials are gRPC credentials for the server: it, too, uses the certificates that are in the files now, and
// logs whom it refuses.
type acceptCredentials struct {
	credentials.TransportCredentials
	files   TLS
	revoked *revocations
	refused *quiet
	log     *logrus.Entry
}

func newAcceptCredentials(cfg Config) acceptCredentials {
	return acceptCredentials{
		TransportCredentials: credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13}),
		files:                cfg.TLS, revoked: cfg.revoked, refused: new(quiet), log: cfg.Log,
	}
}

// ServerHandshake admits whoever has a certificate of the pool's CA that was not revoked.
func (a acceptCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if a.refused.deaf(hostOf(conn.RemoteAddr().String()), time.Now()) {
		return nil, nil, errTooOften
	}
	roots, own, err := a.files.load()
	if err != nil {
		a.log.WithError(err).Error("the store accepts no connection")
		return nil, nil, err
	}
	c, info, err := credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, ClientCAs: roots, Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert,
		VerifyConnection: a.revoked.check,
	}).ServerHandshake(conn)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			a.tell(conn.RemoteAddr(), err)
		}
		return nil, nil, err
	}
	if state, ok := info.(credentials.TLSInfo); ok {
		c = a.revoked.admit(c, state.State.PeerCertificates[0])
	}
	return c, info, nil
}

// errTooOften ends a connection without an answer.
var errTooOften = errors.New("refused too often")

// tell logs who was refused, and why.
func (a acceptCredentials) tell(from net.Addr, err error) {
	if missed, ok := a.refused.tell(hostOf(from.String()), time.Now()); ok {
		a.log.WithError(err).WithFields(logrus.Fields{"address": from.String(), "not-told": missed}).Warn("a connection to the store was refused")
	}
}

// hostOf returns the host of host:port.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// Clone returns a copy.
func (a acceptCredentials) Clone() credentials.TransportCredentials { return a }

// load reads the CA and this peer's certificate.
func (t TLS) load() (roots *x509.CertPool, own tls.Certificate, err error) {
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, own, api.Errorf(api.Internal, "the pool's CA certificate cannot be read: %v", err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, own, api.Errorf(api.Internal, "%s holds no CA certificate in PEM form", t.CA)
	}
	own, err = tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, own, api.Errorf(api.Internal, "this peer's certificate cannot be read: %v", err)
	}
	return roots, own, nil
}

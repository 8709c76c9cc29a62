package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"

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
	cfg, err := d.files.client()
	if err != nil {
		return nil, nil, err
	}
	if d.name != "" {
		authority = d.name
	}
	return credentials.NewTLS(cfg).ClientHandshake(ctx, authority, conn)
}

// Clone returns a copy.
func (d dialCredentials) Clone() credentials.TransportCredentials { return d }

// client reads the files into a configuration for one connection.
func (t TLS) client() (*tls.Config, error) {
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, api.Errorf(api.Internal, "the pool's CA certificate cannot be read: %v", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, api.Errorf(api.Internal, "%s holds no CA certificate in PEM form", t.CA)
	}
	cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, api.Errorf(api.Internal, "this peer's certificate cannot be read: %v", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{cert}}, nil
}

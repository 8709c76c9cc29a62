package peerrpc

import (
	"errors"
	"io"
	"net"

	"google.golang.org/grpc/credentials"
)

// handshake secures connections and logs whom it refuses: gRPC itself does not say.
type handshake struct {
	credentials.TransportCredentials
	server *Server
}

// ServerHandshake refuses whoever speaks no TLS 1.3 or shows a certificate of another authority. Each try counts
// against what the address may ask for without a certificate; beyond that it is not even logged.
func (h handshake) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := h.TransportCredentials.ServerHandshake(conn)
	if err == nil || errors.Is(err, io.EOF) { // the latter has only looked whether the port is open
		return c, info, err
	}
	if host := hostOf(conn.RemoteAddr()); h.server.allow(host) {
		h.server.cfg.Log.WithField("from", host).Warnf("connection refused: %v", err)
	}
	return c, info, err
}

// Clone returns a copy.
func (h handshake) Clone() credentials.TransportCredentials {
	return handshake{h.TransportCredentials.Clone(), h.server}
}

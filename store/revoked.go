package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/pkg/pki"
)

// revokedFile is a certificate revocation list, which etcd's raft port reads at each handshake. Between starts it also
// says whom to refuse until the records are loaded.
const revokedFile = "revoked.crl"

// revocations says which certificates of the pool's CA are no longer good, and knows the connections that were admitted
// with others. A nil one admits everybody.
type revocations struct {
	file string
	log  *logrus.Entry

	mu      sync.Mutex
	serials map[string]struct{} // in hex, as the records name them
	conns   map[*admitted]struct{}
}

// openRevocations reads the list that the last run has left, or makes an empty one.
func openRevocations(dir string, log *logrus.Entry) (*revocations, error) {
	r := &revocations{file: filepath.Join(dir, revokedFile), log: log, serials: map[string]struct{}{}, conns: map[*admitted]struct{}{}}
	data, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, r.write()
	}
	if err != nil {
		return nil, api.Errorf(api.Internal, "the list of revoked certificates cannot be read: %v", err)
	}
	list, err := x509.ParseRevocationList(data)
	if err != nil {
		log.WithError(err).Warn("the list of revoked certificates is damaged; it is made anew from the records")
		return r, r.write()
	}
	for _, e := range list.RevokedCertificateEntries {
		r.serials[e.SerialNumber.Text(16)] = struct{}{}
	}
	return r, nil
}

// write replaces the file by what is in memory.
func (r *revocations) write() error {
	list, err := pki.RevocationList(maps.Keys(r.serials))
	if err == nil {
		err = pki.WriteFile(r.file, list, 0o600)
	}
	if err != nil {
		return api.Errorf(api.Internal, "the list of revoked certificates cannot be written: %v", err)
	}
	return nil
}

// set takes over the serial numbers from the records and closes the connections of those that are revoked now.
func (r *revocations) set(serials map[string]struct{}) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if maps.Equal(serials, r.serials) {
		return nil
	}
	r.serials = serials
	for c := range r.conns {
		if _, revoked := serials[c.serial]; revoked {
			r.log.WithField("address", c.RemoteAddr().String()).WithField("peer-id", c.peerID).Info("closing the connection of a peer that was taken out of the pool")
			_ = c.Conn.Close() // whoever uses it ends it in order
		}
	}
	return r.write()
}

// check is for tls.Config.VerifyConnection.
func (r *revocations) check(cs tls.ConnectionState) error {
	if r == nil || len(cs.PeerCertificates) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	cert := cs.PeerCertificates[0]
	if _, revoked := r.serials[cert.SerialNumber.Text(16)]; revoked {
		return fmt.Errorf("the certificate of peer %.40q was revoked", cert.Subject.CommonName)
	}
	return nil
}

// admitted is a connection that may have to be closed when its certificate is revoked.
type admitted struct {
	net.Conn
	revocations    *revocations
	serial, peerID string
}

// admit remembers a connection for as long as it is open.
func (r *revocations) admit(c net.Conn, cert *x509.Certificate) net.Conn {
	if r == nil {
		return c
	}
	a := &admitted{Conn: c, revocations: r, serial: cert.SerialNumber.Text(16), peerID: cert.Subject.CommonName}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[a] = struct{}{}
	if _, revoked := r.serials[a.serial]; revoked { // while it was being admitted
		_ = c.Close()
	}
	return a
}

// Close closes the connection.
func (a *admitted) Close() error {
	a.revocations.mu.Lock()
	delete(a.revocations.conns, a)
	a.revocations.mu.Unlock()
	return a.Conn.Close()
}

// followRevoked keeps the revocations as the records have them.
func (s *Store) followRevoked() {
	changed, stop := s.Subscribe(PrefixRevoked)
	defer stop()
	select {
	case <-s.ready: // a copy from disk may be older than the list
	case <-s.ctx.Done():
		return
	}
	for {
		serials := map[string]struct{}{}
		for _, e := range s.scan(PrefixRevoked) {
			serial := strings.TrimPrefix(e.key, PrefixRevoked)
			if n, ok := new(big.Int).SetString(serial, 16); ok && n.Sign() > 0 { // others are no certificate's
				serials[n.Text(16)] = struct{}{}
			}
		}
		if err := s.cfg.revoked.set(serials); err != nil {
			s.log.Error(err)
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return
		}
	}
}

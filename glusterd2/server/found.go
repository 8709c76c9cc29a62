package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"gd2/glusterd2/peer"
	"gd2/pkg/pki"
	"gd2/store"
)

// caKeyFile is where the key of a new pool's authority waits, below the directory of certificates.
const caKeyFile = "ca.key"

// newPool makes the authority and the certificate of a pool of one. The authority's key waits in a file until the store
// has it.
func (s *Server) newPool() error {
	poolID := uuid.NewString()
	authority, err := pki.NewAuthority(poolID)
	if err != nil {
		return err
	}
	authority.Lifetime = s.cfg.CertificateLifetime
	key, err := authority.KeyPEM()
	if err != nil {
		return err
	}
	self := s.id.Peer()
	request, err := s.tls.Request(self.ID)
	if err != nil {
		return err
	}
	cert, _, err := authority.Sign(request, self.ID, []string{self.Host, self.Name})
	if err != nil {
		return err
	}
	if err := pki.WriteFile(s.caKeyPath(), key, 0o600); err != nil {
		return err
	}
	if _, err := s.tls.Install(poolID, authority.CertPEM(), cert); err != nil {
		return err
	}
	return s.id.SetPool(poolID, peer.Peer{})
}

func (s *Server) caKeyPath() string { return filepath.Join(s.cfg.LocalStateDir, "tls", caKeyFile) }

// fresh makes a new pool of this peer alone, when its operator resets it. It may be repeated.
func (s *Server) fresh(ctx context.Context) error {
	if err := s.newPool(); err != nil {
		return err
	}
	if err := s.store.Fresh(ctx); err != nil {
		return err
	}
	if err := s.foundOnce(ctx); err != nil {
		return err
	}
	s.lost.Store(false)
	return s.tls.Prune()
}

// found writes the first records of a pool that this peer has just made.
func (s *Server) found(ctx context.Context) error {
	select {
	case <-s.store.Ready():
	case <-ctx.Done():
		return nil
	}
	if s.id.Detached() != "" {
		close(s.serving)
		return nil // whoever resets the peer founds its new pool
	}
	for {
		err := s.foundOnce(ctx)
		if err == nil {
			close(s.serving)
			return nil
		}
		if ctx.Err() == nil {
			s.log.Entry("server").Warnf("the records of the new pool cannot be written yet: %v", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Server) foundOnce(ctx context.Context) error {
	if err := s.store.Sync(ctx); err != nil {
		return err
	}
	if pool, ok, err := peer.PoolRecord.Get(s.store, ""); err != nil || ok {
		return errors.Join(err, s.id.SetPool(pool.Value.ID, peer.Peer{}), removeIfThere(s.caKeyPath()))
	}
	key, err := os.ReadFile(s.caKeyPath())
	if errors.Is(err, fs.ErrNotExist) {
		s.lost.Store(true)
		s.log.Entry("server").Error(s.lostStore())
		return nil
	}
	if err != nil {
		return err
	}
	cert, err := s.tls.Certificate()
	if err != nil {
		return err
	}
	authority, err := s.tls.Authority()
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(s.tls.CAFile())
	if err != nil {
		return err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	self := s.id.Peer()
	self.Certificate, self.PublicKey = cert.Leaf.SerialNumber.Text(16), cert.Leaf.RawSubjectPublicKeyInfo
	sealed, err := peer.SealKey(authority.Subject.CommonName, self.PublicKey, key)
	if err != nil {
		return err
	}
	_, err = s.store.Commit(ctx, []store.Write{
		peer.PoolRecord.Create("", peer.Pool{ID: authority.Subject.CommonName, Authority: ca}),
		peer.AuthorityKeys.Create(self.ID, sealed),
		peer.Secrets.Create(peer.SecretREST, []byte(hex.EncodeToString(secret))),
		peer.Records.Create(self.ID, &self),
	})
	if err != nil {
		return err
	}
	s.log.Entry("server").Infof("a new pool %s of this peer alone", authority.Subject.CommonName)
	return removeIfThere(s.caKeyPath())
}

// lostStore says in words that the store in which this peer had its pool is gone: it has a certificate of a pool that it
// has not made just now, and no record of it. Such a peer must not found the pool a second time.
func (s *Server) lostStore() string {
	if !s.lost.Load() {
		return ""
	}
	return fmt.Sprintf("this peer belongs to pool %s, but its store is gone: stop glusterd2 and run 'glusterd2 recover --rejoin HOST', where HOST is a peer of the pool, or 'glusterd2 recover --from FILE' if there is none", s.id.PoolID())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

package server

import (
	"crypto/x509"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/pki"
	"gd2/store"
)

// stranger reports whether this host has no certificate of the pool for the peer that it is.
func (c *recoverer) stranger(poolID string) bool {
	cert, err := c.dir.Certificate()
	return err != nil || cert.Leaf.Issuer.CommonName != poolID || cert.Leaf.Subject.CommonName != c.id.Peer().ID
}

// certify sees to it that this peer has a certificate of the pool's authority: the one that it has, or a new one, if it can
// open the authority's key. If it has neither, nobody has: the pool gets a new authority. What is to be written for it is
// returned; the records of the pool and the peer are completed.
func (c *recoverer) certify(s *store.Store, pool *peer.Pool, self *peer.Peer) ([]store.Write, error) {
	authority, err := pki.ParseCertificate(pool.Authority)
	if err != nil {
		return nil, err
	}
	if serial, ok := c.goodCertificate(s, authority, self.ID); ok {
		if serial != self.Certificate {
			*self = self.Certified(serial)
		}
		self.PublicKey, err = c.dir.PublicKey()
		return nil, err
	}
	own, ok, err := peer.AuthorityKeys.Get(s, self.ID)
	if err != nil {
		return nil, err
	}
	if ok {
		if key, err := own.Value.Open(pool.ID, c.dir); err == nil {
			signer, err := pki.ParseAuthority(pool.Authority, key)
			if err != nil {
				return nil, err
			}
			return nil, c.sign(signer, pool, self)
		}
	}
	return c.newAuthority(s, pool, self)
}

// goodCertificate returns the serial number of the certificate that this peer has, if it is one of the authority and good.
func (c *recoverer) goodCertificate(s *store.Store, authority *x509.Certificate, peerID string) (string, bool) {
	cert, err := c.dir.Certificate()
	if err != nil || cert.Leaf.CheckSignatureFrom(authority) != nil || cert.Leaf.Subject.CommonName != peerID {
		return "", false
	}
	serial := cert.Leaf.SerialNumber.Text(16)
	_, revoked, err := peer.Revoked.Get(s, serial)
	return serial, err == nil && !revoked && time.Now().Before(cert.Leaf.NotAfter)
}

// sign gives this peer a certificate of the authority.
func (c *recoverer) sign(signer *pki.Authority, pool *peer.Pool, self *peer.Peer) error {
	request, err := c.dir.Request(self.ID)
	if err != nil {
		return err
	}
	cert, serial, err := signer.Sign(request, self.ID, []string{self.Host, self.Name})
	if err != nil {
		return err
	}
	if _, err := c.dir.Install(pool.ID, pool.Authority, cert); err != nil {
		return err
	}
	*self = self.Certified(serial)
	self.PublicKey, err = pki.PublicKeyOf(cert)
	return err
}

// newAuthority makes an authority in the place of the one whose key is lost.
func (c *recoverer) newAuthority(s *store.Store, pool *peer.Pool, self *peer.Peer) ([]store.Write, error) {
	authority, err := pki.NewAuthority(pool.ID)
	if err != nil {
		return nil, err
	}
	key, err := authority.KeyPEM()
	if err != nil {
		return nil, err
	}
	pool.Authority = authority.CertPEM()
	if err := c.sign(authority, pool, self); err != nil {
		return nil, err
	}
	sealed, err := peer.SealKey(pool.ID, self.PublicKey, key)
	if err != nil {
		return nil, err
	}
	holders, err := peer.AuthorityKeys.List(s)
	if err != nil {
		return nil, err
	}
	var writes []store.Write
	write := peer.AuthorityKeys.Create(self.ID, sealed)
	for _, h := range holders {
		if h.ID == self.ID {
			write = peer.AuthorityKeys.Update(self.ID, sealed, h.Revision)
		} else {
			writes = append(writes, peer.AuthorityKeys.Delete(h.ID, h.Revision))
		}
	}
	c.log.Entry("server").Warnf("pool %s has a new authority: peers with a certificate of the former are not let in any more", pool.ID)
	return append(writes, write), nil
}

package server_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/config"
	"gd2/pkg/api"
	"gd2/pkg/pki"
)

// holders waits until all members of the store hold the key of the authority, and returns their peers.
func (d *daemon) holders(voters int) (ids []string) {
	d.t.Helper()
	until(d.t, func(ctx context.Context) string {
		p, err := d.client.Pool(ctx)
		ids = nil
		for _, m := range p.Members {
			if m.HoldsKey && m.Role == "voter" {
				ids = append(ids, m.PeerID)
			}
		}
		if err != nil || len(ids) != voters {
			return fmt.Sprintf("%d voters hold the key: %+v, %v", len(ids), p, err)
		}
		return ""
	})
	return ids
}

// joinsAt lets a daemon join with a token of another.
func (d *daemon) joinsAt(by *daemon) {
	d.t.Helper()
	made, err := by.client.PeerToken(d.t.Context(), api.PeerTokenReq{})
	if err == nil {
		_, err = d.client.Join(d.t.Context(), api.PeerJoinReq{Token: made.Token})
	}
	if err != nil {
		d.t.Fatalf("join of %s at %s: %v", d.ip, by.ip, err)
	}
}

// Certificates renew themselves long before they end, also on peers that have to ask another one; a pool that outlives the first ones
// takes changes, starts again and lets peers in.
func TestCertificatesRenewThemselves(t *testing.T) {
	t.Parallel()
	const life = 24 * time.Second
	ds := newDaemons(t, 5, func(_ int, cfg *config.Config) { cfg.StoreVoters, cfg.CertificateLifetime = 3, life })
	each(ds, func(d *daemon) { d.ready() })
	for _, d := range ds[1:4] {
		if err := ds[0].probe(d); err != nil {
			t.Fatal(err)
		}
	}
	var first []*x509.Certificate
	for _, d := range ds[:4] {
		first = append(first, d.certificate())
	}
	for i, d := range ds[:4] {
		until(t, func(context.Context) string {
			now := d.certificate()
			if now.SerialNumber.Cmp(first[i].SerialNumber) == 0 || time.Now().Before(first[i].NotAfter) {
				return fmt.Sprintf("%s has the certificate %x until %v", d.ip, now.SerialNumber, now.NotAfter)
			}
			return ""
		})
	}
	ds[3].stop()
	ds[3].start()
	ds[3].ready()
	if err := ds[3].probe(ds[4]); err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		d.ready()
		if left := time.Until(d.certificate().NotAfter); left < 0 || left > life {
			t.Errorf("%s: its certificate ends in %v", d.ip, left)
		}
	}
}

// certificate is that which a daemon has now.
func (d *daemon) certificate() *x509.Certificate {
	d.t.Helper()
	dir, err := pki.OpenDir(filepath.Join(d.cfg.LocalStateDir, "tls"))
	if err != nil {
		d.t.Fatal(err)
	}
	cert, err := dir.Certificate()
	if err != nil {
		d.t.Fatal(err)
	}
	return cert.Leaf
}

// The key of the authority is with the voters. The others let peers in, and renew their own certificates, with the help of
// those; and voters that have come later can do all that when the founder is gone.
func TestAuthorityKey(t *testing.T) {
	t.Parallel()
	ds := newDaemons(t, 6, func(_ int, cfg *config.Config) { cfg.StoreVoters = 3 })
	each(ds, func(d *daemon) { d.ready() })
	for _, d := range ds[1:4] {
		if err := ds[0].probe(d); err != nil {
			t.Fatal(err)
		}
	}
	holders := ds[0].holders(3)
	i := slices.IndexFunc(ds[:4], func(d *daemon) bool { return !slices.Contains(holders, d.id()) })
	outside := ds[i]
	ds[4].joinsAt(outside)

	// A move needs a new certificate.
	octets := strings.Split(outside.ip, ".")
	octets[3] = fmt.Sprint(251)
	fresh := strings.Join(octets, ".")
	outside.stop()
	until(t, func(ctx context.Context) string {
		if _, err := ds[0].client.PeerEdit(ctx, outside.id(), api.PeerEditReq{Address: fresh}); err != nil {
			return err.Error()
		}
		return ""
	})
	outside.move(fresh)
	outside.start()
	outside.ready()
	until(t, func(context.Context) string {
		dir, err := pki.OpenDir(filepath.Join(outside.cfg.LocalStateDir, "tls"))
		if err != nil {
			return err.Error()
		}
		cert, err := dir.Certificate()
		if err != nil || !pki.Covers(cert.Leaf, fresh) {
			return fmt.Sprintf("the certificate is not for the new address: %v", err)
		}
		return ""
	})

	ds[0].stop()
	other := ds[1]
	if other == outside {
		other = ds[2]
	}
	ds[5].joinsAt(other)
}

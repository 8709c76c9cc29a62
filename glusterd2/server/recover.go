package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gd2/glusterd2/config"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/logging"
	"gd2/pkg/pki"
	"gd2/store"
)

// Recovery is what an operator asks of a peer whose pool has lost its store. The daemon does not run meanwhile.
type Recovery struct {
	// One of these three: a backup to bring the pool back from; what this peer itself has; or another peer, host or
	// host:port, on which the pool was brought back already.
	From         string
	ForceNewPool bool
	Rejoin       string
	// As is the id or the name of the peer that this host was in the backup, for a host that has lost its identity.
	As string
	// DryRun ends after Confirm.
	DryRun bool
	// Confirm is shown what will be done and what will be lost. Its error ends the recovery before anything is changed.
	Confirm func(plan string) error
}

// recoverWait bounds the wait for the recovered store.
const recoverWait = 2 * time.Minute

// Recover brings the pool back on this peer, or this peer back into its pool, according to what is asked.
func Recover(ctx context.Context, cfg config.Config, version string, log *logging.Log, r Recovery) error {
	id, err := readIdentity(&cfg)
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.LocalStateDir); err != nil && r.DryRun {
		return api.Errorf(api.NotFound, "there is nothing of a peer here: %v", err)
	}
	dir, err := pki.OpenDir(filepath.Join(cfg.LocalStateDir, "tls"))
	if err != nil {
		return err
	}
	c := &recoverer{cfg: cfg, id: id, dir: dir, version: version, log: log, Recovery: r}
	if r.Rejoin != "" {
		return c.rejoin(ctx)
	}
	return c.bringBack(ctx)
}

// recoverer is one recovery.
type recoverer struct {
	cfg     config.Config
	id      *identity
	dir     *pki.Dir
	version string
	log     *logging.Log
	Recovery
}

func (c *recoverer) storeConfig() store.Config {
	return storeConfig(&c.cfg, c.id.Peer(), c.dir, c.version, c.log.Entry("store"))
}

// bringBack recovers the store on this peer, then takes from its records what this peer needs to go on.
func (c *recoverer) bringBack(ctx context.Context) error {
	opts := store.RecoverOptions{From: c.From, ForceNewPool: c.ForceNewPool}
	plan, err := store.RecoverPlan(c.storeConfig(), opts)
	if err != nil {
		return err
	}
	if err := c.whoAmI(plan); err != nil {
		return err
	}
	if c.As != "" { // the plan depends on who the peer is
		if plan, err = store.RecoverPlan(c.storeConfig(), opts); err != nil {
			return err
		}
	}
	if err := c.Confirm(planText(plan, c.id.Peer(), c.stranger(plan.ClusterID))); err != nil || c.DryRun {
		return err
	}
	if err := store.Recover(c.storeConfig(), opts); err != nil {
		return err
	}
	return c.settle(ctx)
}

// whoAmI finds this peer among those of the pool that comes back.
func (c *recoverer) whoAmI(plan store.Plan) error {
	var names []string
	for _, p := range plan.Peers {
		if c.As != "" && (p.ID == c.As || p.Name == c.As) {
			c.id.become(p.ID)
			return nil
		}
		names = append(names, fmt.Sprintf("%s (%s)", p.ID, p.Name))
	}
	if c.As != "" {
		return api.FieldErrorf("as", "the pool has no peer %q; it has %s", c.As, strings.Join(names, ", "))
	}
	self := c.id.Peer().ID
	if len(plan.Peers) > 0 && !slices.ContainsFunc(plan.Peers, func(p store.BackupPeer) bool { return p.ID == self }) {
		return api.Errorf(api.State, "this peer (%s) is not one of the pool: say with --as which one this host was: %s", self, strings.Join(names, ", "))
	}
	return nil
}

// planText is what the operator has to agree to.
func planText(p store.Plan, self peer.Peer, stranger bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Pool %s will be brought back on this peer, %s (%s), alone.\n", p.ClusterID, self.Name, self.ID)
	fmt.Fprintf(&b, "Source: %s, revision %d", p.Source, p.SourceRevision)
	if !p.SourceTime.IsZero() {
		fmt.Fprintf(&b, " of %s", p.SourceTime.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "\nThe newest revision that this peer knows of is %d.\n", p.LocalRevision)
	if len(p.Peers) > 0 {
		fmt.Fprintf(&b, "It has %d peers and %d volumes:\n", len(p.Peers), p.Volumes)
	}
	for _, m := range p.Peers {
		fmt.Fprintf(&b, "  %s %s\n", m.ID, m.Name)
	}
	lost := p.Lost
	if stranger {
		lost = append(slices.Clip(lost), "the pool's authority, unless this host can open its key: it has no certificate of it. The pool then gets a new one, and other peers, which have certificates of the former, are not let in any more. If one of them has survived, bring the pool back there")
	}
	list(&b, "What will be lost:", lost)
	list(&b, "What is put aside, below the directory of the store:", p.Kept)
	b.WriteString("Do this on one peer only, and only if no majority of the store's members can come back: they would go on as a pool of their own.\n")
	return b.String()
}

func list(b *strings.Builder, title string, items []string) {
	if len(items) == 0 {
		return
	}
	b.WriteString(title + "\n")
	for _, it := range items {
		b.WriteString("  " + it + "\n")
	}
}

// settle opens the recovered store, out of everybody's reach, and takes this peer's certificate, its identity and the
// secret for tokens from the records.
func (c *recoverer) settle(ctx context.Context) (err error) {
	scratch, err := c.scratchTLS()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Dir(scratch.CA))) }()
	cfg := c.storeConfig()
	cfg.TLS, cfg.SnapshotEvery = scratch, -1
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, recoverWait)
	defer cancel()
	select {
	case <-s.Ready():
	case <-ctx.Done():
		return api.Errorf(api.Timeout, "the recovered store does not answer: %s", s.Waiting())
	}
	return c.settleFrom(ctx, s)
}

// scratchTLS makes certificates that nobody else trusts.
func (c *recoverer) scratchTLS() (store.TLS, error) {
	path, err := os.MkdirTemp(c.cfg.LocalStateDir, "recover-tls-") // with mode 0700
	if err != nil {
		return store.TLS{}, err
	}
	dir, err := pki.OpenDir(path)
	if err != nil {
		return store.TLS{}, err
	}
	authority, err := pki.NewAuthority("recover")
	if err != nil {
		return store.TLS{}, err
	}
	request, err := dir.Request(c.id.Peer().ID)
	if err != nil {
		return store.TLS{}, err
	}
	cert, _, err := authority.Sign(request, c.id.Peer().ID, nil)
	if err != nil {
		return store.TLS{}, err
	}
	if _, err := dir.Install("recover", authority.CertPEM(), cert); err != nil {
		return store.TLS{}, err
	}
	return store.TLS{CA: dir.CAFile(), Cert: dir.CertFile(), Key: dir.KeyFile()}, nil
}

// settleFrom takes this peer's things from the records, and completes the records.
func (c *recoverer) settleFrom(ctx context.Context, s *store.Store) error {
	pool, ok, err := peer.PoolRecord.Get(s, "")
	if err != nil || !ok {
		return errors.Join(err, api.Errorf(api.State, "the recovered store has no record of the pool"))
	}
	rec, ok, err := peer.Records.Get(s, c.id.Peer().ID)
	if err != nil || !ok {
		return errors.Join(err, api.Errorf(api.State, "the recovered store does not know this peer, %s", c.id.Peer().ID))
	}
	self := *rec.Value
	if c.As != "" { // another host in its place
		self = self.At(c.cfg.AdvertiseAddress)
	}
	self.Leaving = false
	next := pool.Value
	next.Generation++
	writes, err := c.certify(s, &next, &self)
	if err != nil {
		return err
	}
	writes = append(writes, peer.Records.Update(rec.ID, &self, rec.Revision), peer.PoolRecord.Update("", next, pool.Revision))
	secret, write, err := c.restSecret(s)
	if err != nil {
		return err
	}
	if write {
		writes = append(writes, peer.Secrets.Create(peer.SecretREST, secret))
	}
	if _, err := s.Commit(ctx, writes); err != nil {
		return err
	}
	if err := pki.WriteFile(filepath.Join(c.cfg.LocalStateDir, authFile), secret, 0o600); err != nil {
		return err
	}
	return errors.Join(c.id.SetPool(pool.Value.ID, self), c.id.SetDetached(""))
}

// restSecret returns the secret for tokens, and whether it has to be written: one that was lost is taken from this host,
// or made anew.
func (c *recoverer) restSecret(s *store.Store) (secret []byte, write bool, err error) {
	rec, ok, err := peer.Secrets.Get(s, peer.SecretREST)
	if err != nil || ok {
		return rec.Value, false, err
	}
	if secret, err = os.ReadFile(filepath.Join(c.cfg.LocalStateDir, authFile)); err == nil && len(secret) > 0 {
		return secret, true, nil
	}
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, false, err
	}
	return []byte(hex.EncodeToString(fresh)), true, nil
}

package server

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"gd2/glusterd2/commands/heal"
	"gd2/glusterd2/commands/repair"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/event"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/plugin"
	"gd2/glusterd2/webhook"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

// aliveTTL is how long after its death a peer counts as alive.
const aliveTTL = 5 * time.Second

// background starts what runs by itself.
func (s *Server) background() {
	s.goRun("found the pool", s.found)
	s.goRun("sign of life", s.announce)
	s.goRun("store membership", func(ctx context.Context) error {
		(&peer.Voters{
			Self: s.id.Peer().ID, Store: s.store, Remote: s.net, Most: s.mostVoters(), ReplaceAfter: s.cfg.VoterReplaceAfter,
			Seen: s.peers.ShareAuthority, Log: s.log.Entry("peers"),
		}).Run(ctx)
		return nil
	})
	s.onStop("transactions: those that run here are left to the next start", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := s.engine.Drain(ctx)
		s.engine.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	})
	s.goRun("recovery of transactions", s.engine.Run)
	s.goRun("server quorum", s.countQuorum)
	s.goRun("supervision of bricks", s.watch.Run)
	s.goRun("self-heal daemon", s.plane.SelfHeal.Run)
	s.runQuota()
	s.runView()
	for _, p := range s.plugins {
		s.goRun("plugin "+p.Name(), func(ctx context.Context) error {
			return p.Run(ctx, s.pluginDaemon(p))
		})
	}
	s.goRun("tasks on volumes", (&volumes.TaskKeeper{Store: s.store, Mover: s.mover, PeerID: s.id.Peer().ID, Log: s.log.Entry("tasks")}).Run)
	s.goRun("bricks that were given up", (&volumes.DebtKeeper{Store: s.store, Host: s.plane, PeerID: s.id.Peer().ID, Log: s.log.Entry("devices")}).Run)
	s.goRun("devices that are emptied", (&repair.Keeper{Config: repair.Config{
		Moves: s.moves, Devices: s.devices, Ours: s.foremost, After: s.cfg.RepairAfter, Log: s.log.Entry("repair"),
	}}).Run)
	s.goRun("heals of new bricks", (&heal.Follower{
		Store: s.store, Daemon: s.plane.SelfHeal, PeerID: s.id.Peer().ID, Log: s.log.Entry("heal"), Pauses: healPauses(),
	}).Run)
	s.goRun("reconciler", func(ctx context.Context) error {
		(&volumes.Reconciler{
			Store: s.store, Plane: s.plane, Bricks: s.watch, Locked: s.locked, Specs: s.selfHealText,
			Changed: s.notify, Log: s.log.Entry("reconciler"),
		}).Run(ctx)
		return nil
	})
	s.goRun("length of the history", (&event.Pruner{
		Store: s.store, Keep: s.cfg.EventsKeep, Age: s.cfg.EventsAge, Ours: s.foremost, Log: s.log.Entry("events"),
	}).Run)
	s.goRun("delivery to webhooks", webhook.NewDeliverer(webhook.Config{
		Store: s.store, History: s.history, Sender: s.sender, Self: transaction.Owner{Peer: s.id.Peer().ID, Boot: s.boot}, Log: s.log.Entry("webhook"),
	}).Run)
	s.watchHealth()
	s.goRun("way back to the store", s.findBack)
	s.goRun("token secret", s.followSecret)
	s.goRun("certificate", s.renewCertificate)
	s.goRun("own address", s.followAddress)
	s.goRun("detaches that did not end", s.peers.TakeBack)
}

// pluginDaemon is what a plugin gets of this daemon.
func (s *Server) pluginDaemon(p plugin.Plugin) plugin.Daemon {
	return plugin.Daemon{
		PeerID: s.id.Peer().ID, Store: s.store, WorkDir: s.cfg.LocalStateDir, HooksDir: s.cfg.HooksDir, Shown: s.shown, Asker: s.asker, Log: s.log.Entry(p.Name()),
		Engine: s.engine, Registry: s.registry, Peers: s.peers, Devices: s.devices, Volumes: s.volumes,
		Heketi: s.cfg.Heketi, Listen: s.listenFor, Level: s.log.Level, SetLevel: s.log.SetLevel,
	}
}

// before lets the plugins take part in a transaction that begins here.
func (s *Server) before(ctx context.Context, t transaction.Begun) {
	for _, p := range s.plugins {
		if taker, ok := p.(plugin.Taker); ok {
			taker.Before(ctx, t)
		}
	}
}

// foremost reports whether this peer has the lowest id of those at work: it does what one peer does for the pool and
// what does no harm if two do it.
func (s *Server) foremost() bool {
	alive, err := transaction.AliveKind.List(s.store)
	return err == nil && len(alive) > 0 && alive[0].ID == s.id.Peer().ID
}

// announce keeps the sign of life of this daemon.
func (s *Server) announce(ctx context.Context) error {
	select {
	case <-s.store.Ready():
	case <-ctx.Done():
		return nil
	}
	alive := transaction.Alive{Boot: s.boot, PID: os.Getpid(), Version: s.version, Started: s.started}
	return s.store.Announce(ctx, transaction.AliveKind.Create(s.id.Peer().ID, alive), aliveTTL)
}

// restSecret is the pool's secret for tokens as this daemon knows it.
type restSecret struct{ value atomic.Pointer[[]byte] }

func (r *restSecret) get() []byte {
	if v := r.value.Load(); v != nil {
		return *v
	}
	return nil
}

// authFile is where the secret is for those who make tokens on this host: root, and the owner of the file.
const authFile = "auth"

// followSecret keeps the secret for tokens, and its file, as the pool has it.
func (s *Server) followSecret(ctx context.Context) error {
	changed, stop := s.store.Subscribe(store.PrefixSecrets)
	defer stop()
	if kept, err := os.ReadFile(filepath.Join(s.cfg.LocalStateDir, authFile)); err == nil && len(kept) > 0 {
		s.secret.value.Store(&kept) // until the pool has a quorum, clients may at least ask how it is
	}
	for {
		rec, ok, err := peer.Secrets.Get(s.store, peer.SecretREST)
		if err == nil && ok && !bytes.Equal(rec.Value, s.secret.get()) {
			if err := pki.WriteFile(filepath.Join(s.cfg.LocalStateDir, authFile), rec.Value, 0o600); err != nil {
				s.log.Entry("server").Errorf("the secret for tokens cannot be kept: %v", err)
			}
			s.secret.value.Store(&rec.Value)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// healPauses are those between the requests for the heal of a new brick.
func healPauses() []time.Duration {
	return []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gd2/glusterd2/config"
	"gd2/glusterd2/server"
	"gd2/pkg/api"
	"gd2/pkg/client"
	"gd2/pkg/logging"
)

// patience bounds each wait.
const patience = 2 * time.Minute

// pool is the daemons of this process, and clients of all; the first one probes the others.
type pool struct {
	root string
	// first is the number of the first daemon.
	first   int
	daemons []*daemon
	clients []*client.Client
}

// daemon is one peer.
type daemon struct {
	dir, ip string
	server  *server.Server
	log     *logging.Log
}

// newPool makes the folder of the daemons, by a name that is short enough for unix sockets.
func newPool(dir string) (*pool, error) {
	root, err := os.MkdirTemp(dir, "gd2-bench-")
	return &pool{root: root, first: 1}, err
}

// run starts a daemon by its number in this process. It is alone yet.
func (p *pool) run(ctx context.Context, n int) (err error) {
	d := &daemon{dir: p.dir(n), ip: ip(n)}
	cfg := d.config()
	if err := os.MkdirAll(cfg.LogDir, 0o755); err != nil {
		return err
	}
	if d.log, err = logging.Open(logging.Options{File: filepath.Join(cfg.LogDir, "glusterd2.log"), Level: "warning"}); err != nil {
		return err
	}
	p.daemons = append(p.daemons, d)
	if d.server, err = server.New(ctx, cfg, "bench", d.log); err != nil {
		return err
	}
	return d.server.Start(ctx)
}

func (p *pool) dir(n int) string { return filepath.Join(p.root, fmt.Sprint(n)) }

func ip(n int) string { return fmt.Sprintf("127.77.1.%d", n) }

// greet makes a client of the next daemon and waits until that serves.
func (p *pool) greet(ctx context.Context) error {
	n := p.first + len(p.clients)
	c, err := client.New(client.Config{Endpoints: []string{"unix://" + filepath.Join(p.dir(n), "run", server.SocketName)}, Timeout: patience})
	if err != nil {
		return err
	}
	p.clients = append(p.clients, c)
	return until(ctx, func(ctx context.Context) error {
		h, err := c.Ready(ctx)
		if err == nil && !h.OK {
			err = fmt.Errorf("daemon %d is not ready: %v", n, h.Checks)
		}
		return err
	})
}

func (d *daemon) config() config.Config {
	return config.Config{
		LocalStateDir: filepath.Join(d.dir, "lib"), RunDir: filepath.Join(d.dir, "run"), LogDir: filepath.Join(d.dir, "log"),
		ClientAddress: d.ip + ":24007", PeerAddress: d.ip + ":24008", AdvertiseAddress: d.ip, RESTAuth: true, PlainHTTP: config.PlainLoopback,
		PoolSecret: "the secret of a benchmark, nothing more", EtcdCURLs: []string{"https://" + d.ip + ":2379"}, EtcdPURLs: []string{"https://" + d.ip + ":2380"},
		StoreVoters: voters, GlusterFSD: "/usr/sbin/glusterfsd", GlusterFS: "/usr/sbin/glusterfs",
	}
}

// settled waits until the store has as many voters as a pool of this size should have, none of them a learner still.
func (p *pool) settled(ctx context.Context) error {
	want := voters
	if len(p.clients) < voters {
		want = 1
	}
	return until(ctx, func(ctx context.Context) error {
		st, err := p.clients[0].Status(ctx)
		if err != nil {
			return err
		}
		got := 0
		for _, m := range st.Store.Members {
			if m.Role == "voter" {
				got++
			}
		}
		for _, peer := range st.Peers {
			if !peer.Online {
				return fmt.Errorf("%s is not online", peer.Name)
			}
		}
		if got != want {
			return fmt.Errorf("%d of %d voters with %d peers", got, want, len(p.clients))
		}
		return nil
	})
}

// inStep waits until every daemon has heard of everything that has happened.
func (p *pool) inStep(ctx context.Context) error {
	first, err := p.clients[0].Status(ctx)
	if err != nil {
		return err
	}
	for i, c := range p.clients {
		err := until(ctx, func(ctx context.Context) error {
			st, err := c.Status(ctx)
			if err == nil && st.Store.Revision < first.Store.Revision {
				err = fmt.Errorf("daemon %d is at revision %d of %d", i+1, st.Store.Revision, first.Store.Revision)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// volumeOnThree asks for a volume with a brick on each of the first three peers.
func (p *pool) volumeOnThree(name string) api.VolumeCreateReq {
	sub := api.SubvolReq{ReplicaCount: 3}
	for i, c := range p.clients[:3] {
		sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: c.PeerID(), Path: filepath.Join(p.dir(p.first+i), "bricks", name)})
	}
	return api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{sub},
		Flags: map[string]bool{api.FlagAllowRootDir: true, api.FlagCreateBrickDir: true}}
}

// close stops all daemons of this process and removes what all have left.
func (p *pool) close() error {
	for _, c := range p.clients {
		c.Close()
	}
	return errors.Join(p.stop(), os.RemoveAll(p.root))
}

// stop stops all daemons of this process at once.
func (p *pool) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	errs := make([]error, len(p.daemons))
	var wg sync.WaitGroup
	for i, d := range p.daemons {
		wg.Go(func() {
			if d.server != nil {
				errs[i] = d.server.Close(ctx)
			}
			errs[i] = errors.Join(errs[i], d.log.Close())
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// until waits until check has nothing to complain of.
func until(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w", patience, err)
		}
	}
}

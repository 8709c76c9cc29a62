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

// pool is daemons in this process; the first one probes the others.
type pool struct {
	root    string
	daemons []*daemon
}

// daemon is one peer.
type daemon struct {
	dir, ip string
	server  *server.Server
	log     *logging.Log
	client  *client.Client
}

// newPool makes the folder of the daemons.
func newPool() (*pool, error) {
	root, err := os.MkdirTemp("/var/tmp", "gd2-bench-") // short, for unix sockets
	return &pool{root: root}, err
}

// start starts one more daemon and waits until it serves. It is alone yet.
func (p *pool) start(ctx context.Context) (*daemon, error) {
	n := len(p.daemons) + 1
	d := &daemon{dir: filepath.Join(p.root, fmt.Sprint(n)), ip: fmt.Sprintf("127.77.1.%d", n)}
	cfg := d.config()
	err := os.MkdirAll(cfg.LogDir, 0o755)
	if err != nil {
		return nil, err
	}
	if d.log, err = logging.Open(logging.Options{File: filepath.Join(cfg.LogDir, "glusterd2.log"), Level: "warning"}); err != nil {
		return nil, err
	}
	if d.client, err = client.New(client.Config{Endpoints: []string{"unix://" + filepath.Join(cfg.RunDir, server.SocketName)}, Timeout: patience}); err != nil {
		return nil, err
	}
	p.daemons = append(p.daemons, d)
	if d.server, err = server.New(ctx, cfg, "bench", d.log); err != nil {
		return nil, err
	}
	if err := d.server.Start(ctx); err != nil {
		return nil, err
	}
	return d, until(ctx, func(ctx context.Context) error {
		h, err := d.client.Ready(ctx)
		if err == nil && !h.OK {
			err = fmt.Errorf("%s is not ready: %v", d.ip, h.Checks)
		}
		return err
	})
}

func (d *daemon) config() config.Config {
	return config.Config{
		LocalStateDir: filepath.Join(d.dir, "lib"), RunDir: filepath.Join(d.dir, "run"), LogDir: filepath.Join(d.dir, "log"),
		ClientAddress: d.ip + ":24007", PeerAddress: d.ip + ":24008", AdvertiseAddress: d.ip, RESTAuth: true, PlainHTTP: config.PlainLoopback,
		PoolSecret: "the secret of a benchmark, nothing more", EtcdCURLs: []string{"https://" + d.ip + ":2379"}, EtcdPURLs: []string{"https://" + d.ip + ":2380"},
		GlusterFSD: "/usr/sbin/glusterfsd", GlusterFS: "/usr/sbin/glusterfs",
	}
}

// settled waits until the store has as many voters as a pool of this size should have, none of them a learner still.
func (p *pool) settled(ctx context.Context) error {
	want := map[bool]int{true: 3, false: 5}[len(p.daemons) < 7]
	if len(p.daemons) < 3 {
		want = 1
	}
	return until(ctx, func(ctx context.Context) error {
		st, err := p.daemons[0].client.Status(ctx)
		if err != nil {
			return err
		}
		voters := 0
		for _, m := range st.Store.Members {
			if m.Role == "voter" {
				voters++
			}
		}
		for _, peer := range st.Peers {
			if !peer.Online {
				return fmt.Errorf("%s is not online", peer.Name)
			}
		}
		if voters != want {
			return fmt.Errorf("%d of %d voters with %d peers", voters, want, len(p.daemons))
		}
		return nil
	})
}

// volumeOnThree asks for a volume with a brick on each of the first three peers.
func (p *pool) volumeOnThree(name string) api.VolumeCreateReq {
	sub := api.SubvolReq{ReplicaCount: 3}
	for _, d := range p.daemons[:3] {
		sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: d.client.PeerID(), Path: filepath.Join(d.dir, "bricks", name)})
	}
	return api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{sub},
		Flags: map[string]bool{api.FlagAllowRootDir: true, api.FlagCreateBrickDir: true}}
}

// close stops all daemons at once and removes what they have left.
func (p *pool) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	errs := make([]error, len(p.daemons))
	var wg sync.WaitGroup
	for i, d := range p.daemons {
		wg.Go(func() {
			d.client.Close()
			if d.server != nil {
				errs[i] = d.server.Close(ctx)
			}
			errs[i] = errors.Join(errs[i], d.log.Close())
		})
	}
	wg.Wait()
	return errors.Join(append(errs, os.RemoveAll(p.root))...)
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

package server_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/server"
	"gd2/pkg/api"
	"gd2/pkg/client"
	"gd2/pkg/logging"
)

// recoverWith runs a recovery on a daemon that is stopped, and returns the plan that was shown.
func (d *daemon) recoverWith(r server.Recovery) (plan string, err error) {
	d.t.Helper()
	log, err := logging.Open(logging.Options{File: filepath.Join(d.dir, "log", "recover.log"), Level: "info"})
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	if r.Confirm == nil {
		r.Confirm = func(text string) error { plan = text; return nil }
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	err = server.Recover(ctx, d.cfg, "test", log, r)
	return plan, err
}

func (d *daemon) backup() string {
	d.t.Helper()
	file := filepath.Join(d.dir, "backup")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	_, err = d.client.Backup(d.t.Context(), f)
	if err := errors.Join(err, f.Close()); err != nil {
		d.t.Fatal(err)
	}
	return file
}

func (d *daemon) eraseStore() {
	d.t.Helper()
	if err := os.RemoveAll(filepath.Join(d.cfg.LocalStateDir, "store")); err != nil {
		d.t.Fatal(err)
	}
}

// makeVolumes makes volumes on all peers, of which the first is started.
func makeVolumes(t *testing.T, n int, ds []*daemon) {
	t.Helper()
	for i := range n {
		if _, err := ds[0].client.VolumeCreate(t.Context(), volumeOn(fmt.Sprintf("gv%d", i), len(ds), ds...)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ds[0].client.VolumeStart(t.Context(), "gv0", api.VolumeStartReq{}); err != nil {
		t.Fatal(err)
	}
}

// serves waits until the first volume has all its bricks again.
func (d *daemon) serves(volumes int) {
	d.t.Helper()
	until(d.t, func(ctx context.Context) string {
		list, err := d.client.Volumes(ctx, client.Filter{})
		if err != nil || len(list) != volumes {
			return fmt.Sprintf("%d volumes, %v", len(list), err)
		}
		st, err := d.client.VolumeStatus(ctx, "gv0")
		if err != nil {
			return err.Error()
		}
		for _, b := range st.Bricks {
			if !b.Online {
				return fmt.Sprintf("brick %s:%s is offline: %s", b.Info.Hostname, b.Info.Path, b.Error)
			}
		}
		return ""
	})
}

// All directories of the store are gone: a backup brings the pool back on one peer, and the others enter it again.
func TestBackupRecover(t *testing.T) {
	t.Parallel()
	ds := pool(t, 3)
	ds[0].sees(3, ds...)
	makeVolumes(t, 10, ds)
	file := ds[1].backup()
	if _, err := ds[0].client.VolumeCreate(t.Context(), volumeOn("later", 3, ds...)); err != nil {
		t.Fatal(err)
	}
	st, err := ds[0].client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	each(ds, func(d *daemon) { d.stop(); d.eraseStore() })

	// A peer whose store is gone founds nothing, joins nothing, and says what to do.
	ds[2].start()
	until(t, func(ctx context.Context) string {
		h, err := ds[2].client.Ready(ctx)
		if err != nil || h.OK || !strings.Contains(fmt.Sprint(h), "recover --rejoin") {
			return fmt.Sprintf("%+v, %v", h, err)
		}
		return ""
	})
	_, err = ds[2].client.Volumes(t.Context(), client.Filter{})
	refused(t, err, api.State, "its store is gone")
	ds[2].stop()

	plan, err := ds[0].recoverWith(server.Recovery{From: file, DryRun: true})
	if err != nil || !strings.Contains(plan, "3 peers and 10 volumes") || !strings.Contains(plan, "What will be lost") {
		t.Errorf("plan %s, %v", plan, err)
	}
	no := errors.New("no")
	if _, err := ds[0].recoverWith(server.Recovery{From: file, Confirm: func(string) error { return no }}); !errors.Is(err, no) {
		t.Errorf("a recovery that was not confirmed: %v", err)
	}
	if _, err := ds[0].recoverWith(server.Recovery{From: file}); err != nil {
		t.Fatal(err)
	}
	ds[0].start()
	ds[0].ready()
	if after, err := ds[0].client.Status(t.Context()); err != nil || after.ClusterID != st.ClusterID || len(after.Volumes) != 10 {
		t.Errorf("pool %s became %s with %d volumes, %v", st.ClusterID, after.ClusterID, len(after.Volumes), err)
	}
	for _, d := range ds[1:] {
		if plan, err := d.recoverWith(server.Recovery{Rejoin: ds[0].ip}); err != nil || !strings.Contains(plan, st.ClusterID) {
			t.Fatalf("rejoin of %s: %s, %v", d.ip, plan, err)
		}
		d.start()
		d.ready()
	}
	for _, d := range ds {
		d.sees(3, ds...)
		d.serves(10)
	}
}

// The voter of a pool of two is gone for good: the learner goes on alone, and takes the other in when it comes back.
func TestTwoPeers(t *testing.T) {
	t.Parallel()
	ds := pool(t, 2)
	until(t, func(ctx context.Context) string {
		p, err := ds[0].client.Pool(ctx)
		if err != nil || !p.Healthy || len(p.Members) != 2 {
			return fmt.Sprintf("%+v, %v", p, err)
		}
		return ""
	})
	makeVolumes(t, 3, ds)
	voter, learner := ds[0], ds[1]
	voter.stop()
	p, err := learner.client.Pool(t.Context())
	if err != nil || p.Healthy || p.Peers != 2 {
		t.Errorf("the learner alone says %+v, %v", p, err)
	}
	learner.stop()
	plan, err := learner.recoverWith(server.Recovery{ForceNewPool: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, plan)
	}
	t.Logf("the plan was\n%s", plan)
	learner.start()
	learner.ready()
	if _, err := learner.client.VolumeCreate(t.Context(), volumeOn("after", 0, learner)); err != nil {
		t.Error(err)
	}
	// The lost voter comes back with its old store: it asks, and enters the recovered one by itself.
	began := time.Now()
	voter.start()
	voter.ready()
	until(t, func(ctx context.Context) string {
		if _, err := voter.client.Volume(ctx, "after"); err != nil {
			return err.Error()
		}
		return ""
	})
	t.Logf("the former voter was back after %v", time.Since(began).Round(100*time.Millisecond))
	for _, d := range ds {
		d.sees(1, ds...)
		d.serves(4)
	}
}

// A pool was brought back although a majority was alive: both sides say so, nobody gives up records by itself, and the
// operator lets one side enter the other.
func TestTwoSides(t *testing.T) {
	t.Parallel()
	ds := pool(t, 3)
	ds[0].sees(3, ds...)
	makeVolumes(t, 1, ds)
	each(ds, func(d *daemon) { d.stop() })
	if _, err := ds[0].recoverWith(server.Recovery{ForceNewPool: true}); err != nil {
		t.Fatal(err)
	}
	each(ds, func(d *daemon) { d.start() })
	for _, d := range ds[1:] {
		until(t, func(ctx context.Context) string {
			st, err := d.client.Status(ctx)
			if text := strings.Join(st.Warnings, "; "); err != nil || !strings.Contains(text, "recover --rejoin") {
				return fmt.Sprintf("%s says %q, %v", d.ip, text, err)
			}
			return ""
		})
	}
	if _, err := ds[1].client.VolumeCreate(t.Context(), volumeOn("theirs", 2, ds[1:]...)); err != nil {
		t.Errorf("the majority does not go on: %v", err)
	}
	for _, d := range ds[1:] {
		d.stop()
		if _, err := d.recoverWith(server.Recovery{Rejoin: ds[0].ip}); err != nil {
			t.Fatal(err)
		}
		d.start()
		d.ready()
	}
	for _, d := range ds {
		d.sees(3, ds...)
		d.serves(1)
	}
}

// A host in the place of one that is lost takes its part in the pool.
func TestRecoverAs(t *testing.T) {
	t.Parallel()
	ds := pool(t, 2)
	if _, err := ds[0].client.VolumeCreate(t.Context(), volumeOn("gv0", 0, ds[0])); err != nil {
		t.Fatal(err)
	}
	file := ds[0].backup()
	id := ds[0].id()
	each(ds, func(d *daemon) { d.stop() })
	fresh := newDaemons(t, 1, nil)[0]
	fresh.ready()
	fresh.stop()
	_, err := fresh.recoverWith(server.Recovery{From: file})
	refused(t, err, api.State, "--as")
	_, err = fresh.recoverWith(server.Recovery{From: file, As: "nobody"})
	refused(t, err, api.Invalid, id)
	if _, err := fresh.recoverWith(server.Recovery{From: file, As: id}); err != nil {
		t.Fatal(err)
	}
	fresh.start()
	fresh.ready()
	until(t, func(ctx context.Context) string {
		v, err := fresh.client.Volume(ctx, "gv0")
		if err != nil || fresh.client.PeerID() != id || v.Subvols[0].Bricks[0].Hostname != fresh.ip {
			return fmt.Sprintf("peer %s, %+v, %v", fresh.client.PeerID(), v, err)
		}
		return ""
	})
}

func TestRecoverRefuses(t *testing.T) {
	t.Parallel()
	d := newDaemons(t, 1, nil)[0]
	d.ready()
	_, err := d.recoverWith(server.Recovery{ForceNewPool: true})
	refused(t, err, api.State, "in use")
	d.stop()
	_, err = d.recoverWith(server.Recovery{From: filepath.Join(d.dir, "nothing")})
	refused(t, err, api.Invalid, "cannot be read")
	_, err = d.recoverWith(server.Recovery{Rejoin: "127.0.0.1:1"})
	refused(t, err, api.Unavailable, "127.0.0.1:1")
	if _, err := d.recoverWith(server.Recovery{ForceNewPool: true}); err != nil {
		t.Fatal(err)
	}
	d.start()
	d.ready()
	d.sees(1, d)
}

package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/glusterd2/config"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

func TestAlone(t *testing.T) {
	t.Parallel()
	began := time.Now()
	d := newDaemons(t, 1, nil)[0]
	d.ready()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("ready after %v", took)
	}
	d.sees(1, d)
	st, err := d.client.Status(t.Context())
	if err != nil || !st.Healthy || st.ClusterID == "" {
		t.Errorf("status %+v, %v", st, err)
	}
	// A second daemon in the same place must leave the first alone.
	second := &daemon{t: t, dir: d.dir, ip: d.ip, cfg: d.cfg, client: d.client}
	if err := second.tryStart(); err == nil {
		t.Error("two daemons have the same directories")
	}
	if second.server != nil {
		second.stop()
	}
	d.ready()
	refused(t, d.probe(d), api.Exists, "itself")
	id := d.id()
	d.restart()
	d.ready()
	again, err := d.client.Status(t.Context())
	if err != nil || again.ClusterID != st.ClusterID || d.id() != id {
		t.Errorf("after a restart: peer %s, was %s; %+v, %v", d.id(), id, again, err)
	}
	d.sees(1, d)
}

func TestProbeNeedsTheSecret(t *testing.T) {
	t.Parallel()
	ds := newDaemons(t, 3, func(i int, cfg *config.Config) {
		cfg.PoolSecret = []config.Secret{secret, secret + "!", ""}[i]
	})
	each(ds, func(d *daemon) { d.ready() })
	refused(t, ds[0].probe(ds[1]), api.Denied, "pool-secret")
	refused(t, ds[1].probe(ds[0]), api.Denied, "pool-secret")
	refused(t, ds[0].probe(ds[2]), api.Denied, "pool-secret")
	refused(t, ds[2].probe(ds[0]), api.Forbidden, "pool-secret")
	for _, d := range ds {
		d.sees(1, d)
	}
	_, err := ds[0].client.PeerAdd(t.Context(), api.PeerAddReq{Addresses: []string{"127.0.0.1:1"}})
	refused(t, err, api.Unavailable, "")
}

// Peers that both ask for no proof join by a probe alone, say so in their logs, and join again after a detach, as with glusterd.
func TestJoinOpen(t *testing.T) {
	t.Parallel()
	ds := newDaemons(t, 3, func(i int, cfg *config.Config) {
		if i < 2 {
			cfg.Join, cfg.PoolSecret = config.JoinOpen, ""
		}
	})
	each(ds, func(d *daemon) { d.ready() })
	refused(t, ds[0].probe(ds[2]), api.Denied, "pool-secret")
	refused(t, ds[2].probe(ds[0]), api.Denied, "join = open")
	for range 2 {
		if err := ds[0].probe(ds[1]); err != nil {
			t.Fatal(err)
		}
		ds[1].sees(1, ds[0], ds[1])
		if err := ds[0].client.PeerRemove(t.Context(), ds[1].id(), false); err != nil {
			t.Fatal(err)
		}
		ds[0].sees(1, ds[0])
		ds[1].ready()
		ds[1].sees(1, ds[1])
	}
	text, err := os.ReadFile(filepath.Join(ds[1].dir, "log", "glusterd2.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"join is open: while this peer is alone", "taken into a pool without any proof"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

func TestJoinByToken(t *testing.T) {
	t.Parallel()
	ds := newDaemons(t, 3, func(_ int, cfg *config.Config) { cfg.PoolSecret = "" })
	each(ds, func(d *daemon) { d.ready() })
	ctx := t.Context()
	token, err := ds[0].client.PeerToken(ctx, api.PeerTokenReq{})
	if err != nil {
		t.Fatal(err)
	}
	expiring, err := ds[0].client.PeerToken(ctx, api.PeerTokenReq{TTLSeconds: 1})
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Now().Add(1100 * time.Millisecond)
	if p, err := ds[1].client.Join(ctx, api.PeerJoinReq{Token: token.Token}); err != nil || p.ID != ds[1].id() {
		t.Fatalf("join: %+v, %v", p, err)
	}
	_, err = ds[2].client.Join(ctx, api.PeerJoinReq{Token: token.Token})
	refused(t, err, api.Denied, "token")
	until(t, func(context.Context) string {
		if time.Now().Before(expires) {
			return "the token is still good"
		}
		return ""
	})
	_, err = ds[2].client.Join(ctx, api.PeerJoinReq{Token: expiring.Token})
	refused(t, err, api.Denied, "token")
	_, err = ds[2].client.Join(ctx, api.PeerJoinReq{Token: "nonsense"})
	refused(t, err, api.Invalid, "")
	ds[2].sees(1, ds[2])
	ds[0].sees(1, ds[0], ds[1])
	ds[1].sees(1, ds[0], ds[1])
	// A member of a pool does not join another one, and neither does a peer with volumes.
	foreign, err := ds[2].client.PeerToken(ctx, api.PeerTokenReq{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ds[1].client.Join(ctx, api.PeerJoinReq{Token: foreign.Token})
	refused(t, err, api.Exists, "another pool")
	if _, err := ds[2].client.VolumeCreate(ctx, volumeOn("mine", 0, ds[2])); err != nil {
		t.Fatal(err)
	}
	fresh, err := ds[1].client.PeerToken(ctx, api.PeerTokenReq{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ds[2].client.Join(ctx, api.PeerJoinReq{Token: fresh.Token})
	refused(t, err, api.State, "mine")
	if err := ds[2].client.VolumeDelete(ctx, "mine"); err != nil {
		t.Fatal(err)
	}
	if _, err := ds[2].client.Join(ctx, api.PeerJoinReq{Token: fresh.Token}); err != nil {
		t.Errorf("join without volumes, by the second member's token: %v", err)
	}
	ds[2].sees(0, ds...)
}

func TestThreePeers(t *testing.T) {
	t.Parallel()
	ds := pool(t, 3)
	ctx := t.Context()
	// Whatever one peer has answered, the others know at once.
	for i := range 50 {
		name := fmt.Sprintf("v%d", i)
		by, other := ds[i%3].client, ds[(i+1)%3].client
		if _, err := by.VolumeCreate(ctx, volumeOn(name, 0, ds[i%3])); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Volume(ctx, name); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if st, err := other.VolumeStatus(ctx, name); err != nil || strings.Contains(st.Bricks[0].Error, "exist") {
			t.Fatalf("round %d: %+v, %v", i, st.Bricks, err)
		}
		if err := other.VolumeDelete(ctx, name); err != nil {
			t.Fatal(err)
		}
		_, err := by.Volume(ctx, name)
		refused(t, err, api.NotFound, name)
	}
	races(t, ds)
	ds[1].sees(3, ds...)
	restarts(t, ds)
	aloneDown(t, ds)
}

// races runs pairs of creates that cannot both succeed.
func races(t *testing.T, ds []*daemon) {
	t.Helper()
	ctx := t.Context()
	for i := range 5 {
		name := fmt.Sprintf("race%d", i)
		twin := volumeOn(name, 3, ds...)
		twin.Name += "-b"
		again := volumeOn(name, 3, ds...)
		again.Name += "-c"
		reqs := []api.VolumeCreateReq{volumeOn(name, 3, ds...), volumeOn(name, 3, ds...), twin, again}
		errs := make([]error, len(reqs))
		var wg sync.WaitGroup
		for j, req := range reqs {
			wg.Go(func() { _, errs[j] = ds[j%3].client.VolumeCreate(ctx, req) })
		}
		wg.Wait()
		won := 0
		for j, err := range errs {
			if err == nil {
				won++
				if err := ds[0].client.VolumeDelete(ctx, reqs[j].Name); err != nil {
					t.Error(err)
				}
			}
		}
		if won != 1 {
			t.Errorf("round %d: %d creates succeeded: %v", i, won, errs)
		}
	}
}

// restarts restarts each peer by itself, then all of them in any order.
func restarts(t *testing.T, ds []*daemon) {
	t.Helper()
	before, err := ds[0].client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		d.restart()
		d.ready()
	}
	order := rand.Perm(len(ds))
	t.Logf("order of the restart of all: %v", order)
	for _, i := range order {
		ds[i].stop()
	}
	slices.Reverse(order)
	for _, i := range order {
		ds[i].start()
	}
	for _, d := range ds {
		d.ready()
		d.sees(3, ds...)
	}
	if after, err := ds[2].client.Status(t.Context()); err != nil || after.ClusterID != before.ClusterID {
		t.Errorf("pool %s became %s, %v", before.ClusterID, after.ClusterID, err)
	}
}

// aloneDown stops one peer, which the others survive, and brings it back.
func aloneDown(t *testing.T, ds []*daemon) {
	t.Helper()
	ctx := t.Context()
	down, up := ds[0], ds[1:]
	id := down.id()
	down.stop()
	for i, d := range up {
		name := fmt.Sprintf("without%d", i)
		if _, err := d.client.VolumeCreate(ctx, volumeOn(name, 2, up...)); err != nil {
			t.Errorf("create with a peer down: %v", err)
		}
	}
	until(t, func(ctx context.Context) string {
		p, err := up[0].client.Peer(ctx, id)
		if err != nil || p.Online {
			return fmt.Sprintf("the stopped peer is online: %+v, %v", p, err)
		}
		return ""
	})
	_, err := up[0].client.VolumeCreate(ctx, api.VolumeCreateReq{Name: "needs", Subvols: []api.SubvolReq{{Bricks: []api.BrickReq{{PeerID: id, Path: "/b"}}}}})
	refused(t, err, api.Unavailable, "cannot be reached")
	refused(t, up[0].client.PeerRemove(ctx, id, false), api.Unavailable, "force")
	down.start()
	down.ready()
	if list, err := down.client.Volumes(ctx, client.Filter{}); err != nil || len(list) != 2 {
		t.Errorf("%d volumes on the peer that was away, %v", len(list), err)
	}
	for i := range up {
		if err := down.client.VolumeDelete(ctx, fmt.Sprintf("without%d", i)); err != nil {
			t.Error(err)
		}
	}
}

func TestDetach(t *testing.T) {
	t.Parallel()
	ds := pool(t, 3)
	ctx := t.Context()
	if _, err := ds[0].client.VolumeCreate(ctx, volumeOn("gv", 0, ds[2])); err != nil {
		t.Fatal(err)
	}
	refused(t, ds[0].client.PeerRemove(ctx, ds[2].id(), true), api.Forbidden, "gv")
	refused(t, ds[0].client.PeerRemove(ctx, ds[0].id(), true), api.Invalid, "itself")
	if err := ds[0].client.VolumeDelete(ctx, "gv"); err != nil {
		t.Fatal(err)
	}
	old, err := ds[0].client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := ds[0].client.PeerRemove(ctx, ds[2].id(), false); err != nil {
		t.Fatal(err)
	}
	ds[2].detached()
	refused(t, ds[0].probe(ds[2]), api.State, "peer reset")
	ds[2].restart()
	ds[2].detached()
	_, err = ds[2].client.Volumes(ctx, client.Filter{})
	refused(t, err, api.State, "peer reset")
	token, err := ds[0].client.PeerToken(ctx, api.PeerTokenReq{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ds[2].client.Join(ctx, api.PeerJoinReq{Token: token.Token})
	refused(t, err, api.State, "peer reset")
	// Reset it is a pool of its own, and lives.
	ds[2].reset()
	ds[2].sees(1, ds[2])
	if st, err := ds[2].client.Status(ctx); err != nil || st.ClusterID == old.ClusterID || !st.Healthy {
		t.Errorf("the detached peer: %+v, %v", st, err)
	}
	if _, err := ds[2].client.VolumeCreate(ctx, volumeOn("own", 0, ds[2])); err != nil {
		t.Errorf("create on the detached peer: %v", err)
	}
	ds[0].sees(1, ds[0], ds[1])
	refused(t, ds[0].probe(ds[2]), api.State, "own")
	if err := ds[2].client.VolumeDelete(ctx, "own"); err != nil {
		t.Fatal(err)
	}
	ds[2].restart()
	ds[2].ready()
	if err := ds[1].probe(ds[2]); err != nil {
		t.Fatalf("probe of a peer that was detached: %v", err)
	}
	for _, d := range ds {
		d.sees(3, ds...)
	}
}

// In a pool of two the first peer holds the only vote: detached by the second, it hands it over.
func TestDetachTheFounder(t *testing.T) {
	t.Parallel()
	ds := pool(t, 2)
	ctx := t.Context()
	if err := ds[1].client.PeerRemove(ctx, ds[0].id(), false); err != nil {
		t.Fatal(err)
	}
	ds[0].detached()
	ds[0].reset()
	ds[0].sees(1, ds[0])
	ds[1].sees(1, ds[1])
	if _, err := ds[1].client.VolumeCreate(ctx, volumeOn("gv", 0, ds[1])); err != nil {
		t.Error(err)
	}
	ds[1].restart()
	ds[1].ready()
	if list, err := ds[1].client.Volumes(ctx, client.Filter{}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// A peer that is detached by force while it is away is locked out when it comes back, learns why, and can be added again.
func TestDetachByForce(t *testing.T) {
	t.Parallel()
	ds := pool(t, 2)
	ctx := t.Context()
	id := ds[1].id()
	ds[1].stop()
	until(t, func(ctx context.Context) string {
		if err := ds[0].client.PeerRemove(ctx, id, false); !api.IsKind(err, api.Unavailable) {
			return fmt.Sprintf("detached without force: %v", err)
		}
		return ""
	})
	if err := ds[0].client.PeerRemove(ctx, id, true); err != nil {
		t.Fatal(err)
	}
	ds[0].sees(1, ds[0])
	until(t, func(ctx context.Context) string {
		if st, err := ds[0].client.Status(ctx); err != nil || !st.Healthy {
			return fmt.Sprintf("%v, %v", strings.Join(st.Warnings, "; "), err)
		}
		return ""
	})
	began := time.Now()
	ds[1].start()
	ds[1].detached()
	t.Logf("it knew that it was detached %v after its start", time.Since(began).Round(100*time.Millisecond))
	refused(t, ds[0].probe(ds[1]), api.State, "peer reset")
	ds[1].reset()
	if err := ds[0].probe(ds[1]); err != nil {
		t.Fatal(err)
	}
	if ds[1].id() != id {
		t.Errorf("peer %s came back as %s", id, ds[1].id())
	}
	ds[0].sees(1, ds...)
	ds[1].sees(1, ds...)
}

// In a pool of three of which one is away another voter cannot be detached: the store would have no quorum.
func TestDetachKeepsTheQuorum(t *testing.T) {
	t.Parallel()
	ds := pool(t, 3)
	ds[0].sees(3, ds...)
	ctx := t.Context()
	ds[2].stop()
	until(t, func(ctx context.Context) string {
		if p, err := ds[0].client.Peer(ctx, ds[2].id()); err != nil || p.Online {
			return fmt.Sprintf("the stopped peer is online: %+v, %v", p, err)
		}
		return ""
	})
	for _, force := range []bool{false, true} {
		refused(t, ds[0].client.PeerRemove(ctx, ds[1].id(), force), api.State, "no quorum")
	}
	if err := ds[0].client.PeerRemove(ctx, ds[2].id(), true); err != nil {
		t.Fatal(err)
	}
	ds[0].sees(1, ds[0], ds[1])
	if err := ds[0].client.PeerRemove(ctx, ds[1].id(), false); err != nil {
		t.Error(err)
	}
}

// Two peers that bring in each other at once end in one pool, or stay apart; a third that is wanted by two pools goes to one.
func TestProbesRace(t *testing.T) {
	t.Parallel()
	ds := newDaemons(t, 3, nil)
	each(ds, func(d *daemon) { d.ready() })
	ids := map[string]*daemon{}
	for _, d := range ds {
		ids[d.id()] = d
	}
	race := func(probes ...[2]*daemon) {
		var wg sync.WaitGroup
		errs := make([]error, len(probes))
		for i, p := range probes {
			wg.Go(func() { errs[i] = p[0].probe(p[1]) })
		}
		wg.Wait()
		t.Logf("probes ended with %v", errs)
	}
	race([2]*daemon{ds[0], ds[1]}, [2]*daemon{ds[1], ds[0]})
	race([2]*daemon{ds[0], ds[2]}, [2]*daemon{ds[1], ds[2]}, [2]*daemon{ds[2], ds[1]})
	// Whoever counts a peer among its own is counted by that peer.
	for _, d := range ds {
		until(t, func(ctx context.Context) string {
			list, err := d.client.Peers(ctx, client.Filter{})
			if err != nil {
				return err.Error()
			}
			for _, p := range list {
				back, err := ids[p.ID].client.Peer(ctx, d.id())
				if err != nil || !back.Online || !p.Online {
					return fmt.Sprintf("%s knows %s (online %v), which knows it not: %+v, %v", d.ip, p.ID, p.Online, back, err)
				}
			}
			return ""
		})
	}
}

package peers

import (
	"context"
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// A detached peer keeps what it has, joins nobody, and starts anew when its operator says so.
func TestLeft(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	ctx, pool, token := t.Context(), r.poolID, r.token().String()
	for range 2 {
		if err := r.c.Left(ctx); err != nil || r.detached != pool || r.freshes != 0 || len(r.cuts) != 1 {
			t.Fatalf("detached from %q, %d fresh starts, cut off %q, %v", r.detached, r.freshes, r.cuts, err)
		}
	}
	_, err := r.c.Join(ctx, api.PeerJoinReq{Token: token})
	if refused(t, err, api.State, ""); !strings.Contains(err.Error(), "glustercli peer reset") || !strings.Contains(err.Error(), pool) {
		t.Errorf("the refusal does not say what to do: %v", err)
	}
	if _, ok := r.record(id2); !ok {
		t.Error("what the peer knew is gone")
	}
	// What does not succeed can be tried again.
	r.cannot = api.Errorf(api.Internal, "no space left")
	if _, err := r.c.Reset(ctx, api.PeerResetReq{}); err == nil || r.detached != pool {
		t.Errorf("detached from %q, %v", r.detached, err)
	}
	r.cannot = nil
	if p, err := r.c.Reset(ctx, api.PeerResetReq{}); err != nil || p.ID != id1 || r.freshes != 2 || r.detached != "" {
		t.Errorf("%+v, %d fresh starts, detached from %q, %v", p, r.freshes, r.detached, err)
	}
}

// A daemon that starts remembers that it was detached.
func TestResume(t *testing.T) {
	r := newRig(t)
	r.c.Resume()
	if len(r.cuts) != 0 {
		t.Errorf("cut off: %q", r.cuts)
	}
	r.detached = r.poolID
	r.c.Resume()
	if len(r.cuts) != 1 || !strings.Contains(r.cuts[0], "glustercli peer reset") {
		t.Errorf("cut off: %q", r.cuts)
	}
}

// start makes a volume a started one.
func (r *rig) start(name string) {
	r.t.Helper()
	r.commit(func() []store.Write {
		rec, _, err := volume.Records.Get(r.store, name)
		if err != nil {
			r.t.Fatal(err)
		}
		v := *rec.Value
		v.State = volume.Started
		return []store.Write{volume.Records.Update(name, &v, rec.Revision)}
	})
}

func TestResetRefused(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, err := r.c.Reset(ctx, api.PeerResetReq{})
	if refused(t, err, api.State, ""); !strings.Contains(err.Error(), "--force") {
		t.Errorf("%v", err)
	}
	r.brick("gv", id1)
	r.start("gv")
	_, err = r.c.Reset(ctx, api.PeerResetReq{Force: true})
	if refused(t, err, api.State, ""); !strings.Contains(err.Error(), "gv: /b/gv") {
		t.Errorf("%v", err)
	}
	r.add(testPeer(2, id2), true)
	for _, force := range []bool{false, true} {
		_, err := r.c.Reset(ctx, api.PeerResetReq{Force: force})
		if refused(t, err, api.State, ""); !strings.Contains(err.Error(), "peer detach node1") {
			t.Errorf("force %v: %v", force, err)
		}
	}
	if r.freshes != 0 || r.detached != "" {
		t.Errorf("%d fresh starts, detached %q", r.freshes, r.detached)
	}
}

// A peer that is alone, or whose pool is gone, is reset by force.
func TestResetByForce(t *testing.T) {
	r := newRig(t)
	if p, err := r.c.Reset(t.Context(), api.PeerResetReq{Force: true}); err != nil || p.ID != id1 || r.freshes != 1 {
		t.Errorf("alone: %+v, %d fresh starts, %v", p, r.freshes, err)
	}
	r.add(testPeer(2, id2), false)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.c.Reset(gone, api.PeerResetReq{})
	if refused(t, err, api.State, ""); !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("%v", err)
	}
	if _, err := r.c.Reset(gone, api.PeerResetReq{Force: true}); r.freshes != 2 || r.detached != "" {
		t.Errorf("without its pool: %d fresh starts, detached %q, %v", r.freshes, r.detached, err)
	}
}

// Where peers join without proof a detached one starts anew by itself, unless clients may still use its bricks.
func TestLeftOpen(t *testing.T) {
	r := newRig(t)
	r.c.Open = true
	ctx := t.Context()
	r.cannot = api.Errorf(api.Internal, "no space left")
	if err := r.c.Left(ctx); err == nil || r.detached != r.poolID {
		t.Errorf("detached from %q, %v", r.detached, err)
	}
	r.cannot = nil
	for range 2 {
		if err := r.c.Left(ctx); err != nil || r.detached != "" {
			t.Errorf("detached from %q, %v", r.detached, err)
		}
	}
	r.brick("gv", id1)
	r.start("gv")
	freshes := r.freshes
	if err := r.c.Left(ctx); err != nil || r.detached != r.poolID || r.freshes != freshes {
		t.Errorf("with bricks: detached from %q, %d fresh starts, %v", r.detached, r.freshes-freshes, err)
	}
}

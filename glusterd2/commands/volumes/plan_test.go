package volumes

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
)

// plan has a command of p1 planned only, and fails the test if that has changed anything.
func (r *rig) plan(run func(ctx context.Context) error) (api.OperationPlan, error) {
	r.t.Helper()
	if err := r.store.Sync(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	before, hosts := r.store.Revision(), r.hosts.text("")
	plan, err := transaction.PlanOf(r.t.Context(), run)
	if err := r.store.Sync(r.t.Context()); err != nil || r.store.Revision() != before || r.hosts.text("") != hosts {
		r.t.Errorf("the plan has changed something: %v", err)
	}
	return plan, err
}

// on lists the effects of a plan on one peer.
func on(p api.OperationPlan, peerID string) []string {
	var out []string
	for _, s := range p.Steps {
		for _, h := range s.Peers {
			for _, e := range h.Effects {
				if h.PeerID == peerID {
					out = append(out, e.Action+" "+e.Kind+" "+e.Name)
				}
			}
		}
	}
	return out
}

func TestPlansOfVolumes(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolReplicate, ReplicaCount: 3})
	ctx := t.Context()
	expect := func(what string, run func(ctx context.Context) error, onP2 []string, records ...string) api.OperationPlan {
		t.Helper()
		p, err := r.plan(run)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var got []string
		for _, e := range p.Records {
			got = append(got, strings.TrimSpace(e.Action+" "+e.Name+" "+e.Note))
		}
		if !slices.Equal(on(p, "p2"), onP2) || !slices.Equal(got, records) {
			t.Errorf("%s: on p2 %q, want %q; records %q, want %q", what, on(p, "p2"), onP2, got, records)
		}
		return p
	}
	expect("create", func(ctx context.Context) error {
		_, err := r.c.Create(ctx, api.VolumeCreateReq{Name: "gv1", Subvols: []api.SubvolReq{bricksOn("gv1", api.SubvolReq{}, "p1", "p2")}})
		return err
	}, []string{"create directory /bricks/gv1/1"}, "create volumes/gv1")
	expect("set", func(ctx context.Context) error {
		_, err := r.c.SetOptions(ctx, "gv0", api.VolumeOptionReq{Options: map[string]string{"performance.cache-size": "64MB"}})
		return err
	}, nil, "change volumes/gv0 options.performance.cache-size unset → 64MB")
	start := func(ctx context.Context) error {
		_, err := r.c.Start(ctx, "gv0", api.VolumeStartReq{})
		return err
	}
	expect("start", start, []string{"start process glusterfsd /bricks/gv0/1"}, "change volumes/gv0 state Created → Started")
	p := expect("delete", func(ctx context.Context) error { return r.c.Delete(ctx, "gv0", false) }, nil, "destroy volumes/gv0")
	if !slices.Equal(p.Irreversible, []string{"destroy record volumes/gv0"}) || len(p.Warnings) != 1 {
		t.Errorf("delete: for good %q, warnings %q", p.Irreversible, p.Warnings)
	}
	r.start("gv0")
	expect("stop", func(ctx context.Context) error {
		_, err := r.c.Stop(ctx, "gv0", api.VolumeStopReq{})
		return err
	}, []string{"stop process glusterfsd /bricks/gv0/1"}, "change volumes/gv0 state Started → Stopped")
	if _, err := r.plan(start); !api.IsKind(err, api.State) {
		t.Errorf("a start of what is started: %v", err)
	}
	r.down("p3")
	if v := r.record("gv0"); v.State != volume.Started {
		t.Fatal("not started")
	}
	p = expect("stop without a peer", func(ctx context.Context) error {
		_, err := r.c.Stop(ctx, "gv0", api.VolumeStopReq{})
		return err
	}, []string{"stop process glusterfsd /bricks/gv0/1"}, "change volumes/gv0 state Started → Stopped")
	if len(p.Warnings) != 1 || len(p.Peers) != 2 {
		t.Errorf("peers %v, warnings %q", p.Peers, p.Warnings)
	}
	if _, err := r.c.Stop(ctx, "gv0", api.VolumeStopReq{}); err != nil {
		t.Fatal(err)
	}
}

// What a host would refuse is found out on the host.
func TestPlanOfCreateAsksTheHosts(t *testing.T) {
	r := newRig(t)
	r.hosts.bricks["p2 /bricks/gv0/1"] = fakeBrick{owner: "another"}
	_, err := r.plan(func(ctx context.Context) error {
		_, err := r.c.Create(ctx, api.VolumeCreateReq{Name: "gv0", Subvols: []api.SubvolReq{bricksOn("gv0", api.SubvolReq{}, "p1", "p2")}})
		return err
	})
	e := api.AsError(err)
	if !api.IsKind(err, api.State) || e.Fields[api.FieldPeer] != "p2" || e.Fields[api.FieldStep] != "prepare-bricks" {
		t.Errorf("%v %+v", err, e)
	}
}

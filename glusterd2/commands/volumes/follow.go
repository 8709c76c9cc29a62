package volumes

import (
	"context"
	"slices"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// daemon is a process of which each peer has one for all started volumes that need it and have bricks there.
type daemon struct {
	name   string
	serves func(*volume.Volume) bool
}

func healer() daemon { return daemon{selfheal.ServiceName, (*volume.Volume).NeedsSelfHeal} }
func quotad() daemon { return daemon{quota.ServiceName, (*volume.Volume).HasQuota} }

// FollowPlan tells the plan of a command what the peers do by themselves once the record of a volume has changed: its self-heal
// and quota daemons come and go. now is nil for a volume that ends.
func FollowPlan(ctx context.Context, r store.Reader, old, now *volume.Volume) {
	follow(ctx, r, old, now, healer(), quotad())
}

func follow(ctx context.Context, r store.Reader, old, now *volume.Volume, daemons ...daemon) {
	if !transaction.Planning(ctx) {
		return
	}
	var plan api.OperationPlan
	hosts := peer.Hosts(r)
	peers, _ := peer.Records.List(r) // one that cannot be read has no name to show
	for _, d := range daemons {
		step := api.PlanStep{Name: "daemons"}
		for _, p := range peers {
			had, has := d.on(r, p.ID, old), d.on(r, p.ID, now)
			if had == has {
				continue
			}
			e := api.Effect{Action: api.ActionStop, Kind: api.OnProcess, Name: d.name}
			if has {
				e.Action = api.ActionStart
			}
			step.Peers = append(step.Peers, api.PlanPeer{PeerID: p.ID, Host: hosts(p.ID), Effects: []api.Effect{e}})
		}
		if len(step.Peers) > 0 {
			plan.Steps = append(plan.Steps, step)
		}
	}
	transaction.Also(ctx, plan)
}

// on reports whether a peer has the daemon while a volume is as given, and the others are as they are.
func (d daemon) on(r store.Reader, peerID string, v *volume.Volume) bool {
	needs := func(o *volume.Volume) bool {
		return o.State == volume.Started && d.serves(o) && len(o.BricksOn(peerID)) > 0
	}
	recs, _ := volume.Records.List(r) // what cannot be read does not run either
	for _, rec := range recs {
		if o := rec.Value; (v == nil || o.ID != v.ID) && needs(o) {
			return true
		}
	}
	return v != nil && needs(v)
}

// moversPlan tells the plan of a command that peers start or stop the processes of a task.
func moversPlan(ctx context.Context, r store.Reader, v *volume.Volume, t *volume.Task, action string) {
	hosts := peer.Hosts(r)
	step := api.PlanStep{Name: "move-files"}
	for _, id := range t.Peers {
		e := api.Effect{Action: action, Kind: api.OnProcess, Name: t.Kind + " of volume " + v.Name}
		if action == api.ActionStart {
			e.Note = "ends by itself"
		}
		step.Peers = append(step.Peers, api.PlanPeer{PeerID: id, Host: hosts(id), Effects: []api.Effect{e}})
	}
	transaction.Also(ctx, api.OperationPlan{Steps: []api.PlanStep{step}})
}

// endsPlan tells the plan of a command that peers which take no part in its transaction end the processes of bricks once the record
// lacks them.
func endsPlan(ctx context.Context, r store.Reader, part *volume.Volume, told []string) {
	if part.State != volume.Started {
		return
	}
	hosts := peer.Hosts(r)
	step := api.PlanStep{Name: "end-bricks"}
	for _, id := range part.Peers() {
		if slices.Contains(told, id) {
			continue
		}
		step.Peers = append(step.Peers, api.PlanPeer{PeerID: id, Host: hosts(id), Effects: onBricks(part, id, api.ActionStop, api.OnProcess, processes)})
	}
	if len(step.Peers) > 0 {
		transaction.Also(ctx, api.OperationPlan{Steps: []api.PlanStep{step}})
	}
}

package volumes

import (
	"context"
	"fmt"
	"sync"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
)

// Kinds of heal as the REST path has them.
const (
	healIndex = "index"
	healFull  = "full"
)

// Heal has the self-heal daemons of the peers that hold the volume's bricks start a heal: of what the bricks' indices
// list, or of everything.
func (c *Commands) Heal(ctx context.Context, name, kind string) error {
	if kind != healIndex && kind != healFull {
		return api.FieldErrorf("type", "heal type %.20q: use %s or %s", kind, healIndex, healFull)
	}
	rec, err := c.healable(ctx, name)
	if err != nil {
		return err
	}
	up, down := c.online(rec.Peers())
	if err := transaction.Propose(ctx, c.healPlan(name, kind, up, down)); err != nil {
		return err
	}
	errs := make([]error, len(up))
	var wg sync.WaitGroup
	for i, id := range up {
		wg.Go(func() {
			req := HealRequest{Volume: name, Full: kind == healFull, Revision: c.Store.Revision()}
			if id == c.PeerID {
				errs[i] = c.HealLocal(ctx, req)
			} else {
				errs[i] = c.Network.Heal(ctx, id, req)
			}
		})
	}
	wg.Wait()
	failed := &api.Error{Kind: api.Unavailable, Message: "the heal of volume " + name + " was not started everywhere"}
	for i, err := range errs {
		if err != nil {
			failed.Causes = append(failed.Causes, api.AsError(err).With(api.FieldPeer, up[i]))
		}
	}
	if len(failed.Causes) > 0 {
		return failed
	}
	if len(down) > 0 {
		c.Log.WithField("volume", name).Warnf("heal without the peers %v, which cannot be reached", c.names(down))
	}
	return nil
}

func (c *Commands) healPlan(name, kind string, up, down []string) api.OperationPlan {
	hosts := peer.Hosts(c.Store)
	step := api.PlanStep{Name: "heal"}
	for _, id := range up {
		step.Peers = append(step.Peers, api.PlanPeer{PeerID: id, Host: hosts(id), Effects: []api.Effect{
			{Action: api.ActionStart, Kind: api.OnData, Name: name, Note: kind + " heal by the self-heal daemon"}}})
	}
	plan := api.OperationPlan{Operation: "volume.heal", Peers: up, Steps: []api.PlanStep{step}}
	if len(down) > 0 {
		plan.Warnings = []string{fmt.Sprintf("the peers %v cannot be reached and do not take part", c.names(down))}
	}
	return plan
}

// healable finds a started volume that has copies.
func (c *Commands) healable(ctx context.Context, name string) (*volume.Volume, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return nil, err
	}
	v := rec.Value
	switch {
	case !v.NeedsSelfHeal():
		return nil, api.Errorf(api.State, "volume %s is of type %s: only replicate and disperse volumes heal", name, v.TypeName())
	case v.State != volume.Started:
		return nil, api.Errorf(api.State, "volume %s is not started", name)
	}
	return v, nil
}

// HealLocal starts a heal by this peer's self-heal daemon, for another peer or this one.
func (c *Commands) HealLocal(ctx context.Context, req HealRequest) error {
	if err := c.Store.WaitRevision(ctx, req.Revision); err != nil {
		return err
	}
	rec, err := Find(c.Store, req.Volume)
	if err != nil {
		return err
	}
	return c.Host.Heal(ctx, rec.Value, req.Full)
}

// HealInfo reports what is left to heal on each brick.
func (c *Commands) HealInfo(ctx context.Context, name, kind string) ([]api.BrickHealInfo, error) {
	if _, err := c.healable(ctx, name); err != nil {
		return nil, err
	}
	return c.Healer.HealInfo(ctx, name, kind)
}

package peers

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
)

// NotInPool returns an error of kind State if this peer can answer for no pool: it was taken out of its own and has not
// been reset since, or its store is lost.
func (c *Commands) NotInPool() *api.Error {
	if pool := c.Identity.Detached(); pool != "" {
		return api.Errorf(api.State, "%s", detachedText(pool))
	}
	if why := c.Lost(); why != "" {
		return api.Errorf(api.State, "%s", why)
	}
	return nil
}

func detachedText(poolID string) string {
	return fmt.Sprintf("this peer was detached from pool %s; run 'glustercli peer reset' on it to make it joinable", poolID)
}

// Left takes note that this peer was taken out of its pool. It keeps what it has, asks the pool's members no more, and
// joins no other pool before its operator resets it; one that asks for no proof starts anew at once. It may be repeated.
func (c *Commands) Left(ctx context.Context) error {
	if err := c.left(); err != nil || !c.Open {
		return err
	}
	return c.startAnew(context.WithoutCancel(ctx))
}

func (c *Commands) left() error {
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.Identity.Detached() != "" {
		return nil
	}
	if err := c.Identity.SetDetached(c.Identity.PoolID()); err != nil {
		return err
	}
	c.cutOff()
	return nil
}

// startAnew resets a detached peer without its operator. One whose bricks clients may still use is left as it is.
func (c *Commands) startAnew(ctx context.Context) error {
	bricks, err := c.startedBricks()
	if err != nil {
		return err
	}
	if len(bricks) > 0 {
		c.Log.Warnf("this peer holds bricks of started volumes of its former pool (%s): it does not start anew before 'glustercli peer reset'",
			strings.Join(bricks, ", "))
		return nil
	}
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.Identity.Detached() == "" {
		return nil
	}
	return c.forget(ctx)
}

// Resume is called when the daemon starts: a peer that was detached before stays so.
func (c *Commands) Resume() {
	if c.Identity.Detached() != "" {
		c.cutOff()
	}
}

func (c *Commands) cutOff() {
	text := detachedText(c.Identity.Detached())
	c.Log.Warn(text)
	c.Network.Reset()
	c.Cut(text)
}

// resetPatience bounds the question whether the pool that a peer wants to forget is there after all.
const resetPatience = 5 * time.Second

// Reset makes this peer what it was when it was installed: a pool of one that can join another. Its id stays. A peer
// that was not detached is reset by force only, and only if it is alone or its pool is out of reach, and none of its
// bricks belongs to a started volume.
func (c *Commands) Reset(ctx context.Context, req api.PeerResetReq) (api.Peer, error) {
	if !c.joining.TryLock() {
		return api.Peer{}, errBusy()
	}
	defer c.joining.Unlock()
	if c.Identity.Detached() == "" {
		if err := c.resettable(ctx, req.Force); err != nil {
			return api.Peer{}, err
		}
	}
	if err := transaction.Propose(ctx, c.resetPlan()); err != nil {
		return api.Peer{}, err
	}
	if c.Identity.Detached() == "" {
		// From here on a crash leaves a peer that has to be reset again, not half of two pools.
		if err := c.Identity.SetDetached(c.Identity.PoolID()); err != nil {
			return api.Peer{}, err
		}
	}
	if err := c.forget(ctx); err != nil {
		return api.Peer{}, err
	}
	return c.Get(ctx, c.Identity.Peer().ID)
}

// forget makes a detached peer a new pool of its own. The caller holds joining.
func (c *Commands) forget(ctx context.Context) error {
	c.Log.Warnf("this peer forgets pool %s and starts anew", c.Identity.Detached())
	c.Network.Reset()
	if err := c.Fresh(ctx); err != nil {
		return err
	}
	return c.Identity.SetDetached("")
}

func (c *Commands) resetPlan() api.OperationPlan {
	self := c.Identity.Peer()
	return api.OperationPlan{
		Operation: "peer.reset", Peers: []string{self.ID},
		Steps: []api.PlanStep{{Name: "reset", Peers: []api.PlanPeer{{PeerID: self.ID, Host: self.Host, Effects: []api.Effect{
			{Action: api.ActionDestroy, Kind: api.OnRecord, Name: "pool " + cmp.Or(c.Identity.Detached(), c.Identity.PoolID()), Irreversible: true,
				Note: "what this peer knows of it, its volumes included; the files on bricks stay"},
			{Action: api.ActionCreate, Kind: api.OnPeer, Name: self.Name, Note: "a new pool of this peer alone"},
		}}}}},
	}
}

// resettable says why a peer that was not detached cannot be reset.
func (c *Commands) resettable(ctx context.Context, force bool) error {
	ctx, cancel := context.WithTimeout(ctx, resetPatience)
	defer cancel()
	unreachable := c.Store.Sync(ctx)
	recs, err := peer.Records.List(c.Store)
	if err != nil {
		return err
	}
	switch {
	case unreachable == nil && len(recs) > 1:
		return api.Errorf(api.State, "this peer is in pool %s with %d peers: run 'glustercli peer detach %s' on another of them instead",
			c.Identity.PoolID(), len(recs), c.Identity.Peer().Name)
	case !force && unreachable != nil:
		return api.Errorf(api.State, "pool %s cannot be reached (%v): to give it up on this peer, with its volumes, use --force", c.Identity.PoolID(), unreachable)
	case !force:
		return api.Errorf(api.State, "this peer is alone in its pool and can join another one already: to give up its own pool, with its volumes, use --force")
	}
	bricks, err := c.startedBricks()
	if err != nil {
		return err
	}
	if len(bricks) > 0 {
		return api.Errorf(api.State, "this peer holds bricks of started volumes (%s): it is not reset, or their clients would lose them", strings.Join(bricks, ", "))
	}
	return nil
}

// startedBricks lists the bricks of this peer that clients use, as "VOLUME: PATH".
func (c *Commands) startedBricks() ([]string, error) {
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rec := range recs {
		if rec.Value.State != volume.Started {
			continue
		}
		for _, b := range rec.Value.BricksOn(c.Identity.Peer().ID) {
			out = append(out, rec.Value.Name+": "+b.Path)
		}
	}
	return out, nil
}

package repair

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// Moves tells of bricks where they may move, whether they may move now, and how far one that was moved is.
type Moves struct {
	Store   *store.Store
	Volumes Volumes
	Heals   Heals
	// Settle is how long a request waits for heals to end that have almost ended; 0 means not at all.
	Settle time.Duration
}

// Plan plans all moves off devices that are to be emptied, before the first begins. The error names each brick that cannot be moved,
// and why: for one without a place, why each device was passed over.
func (m *Moves) Plan(ctx context.Context, leave volumes.Leave, how volumes.How) ([]volumes.PlannedMove, error) {
	moves, err := m.Volumes.PlanMoves(leave)
	if err != nil {
		return nil, err
	}
	m.look(ctx, moves, how)
	refused := []string{}
	for _, p := range moves {
		if p.Refused != nil {
			refused = append(refused, fmt.Sprintf("%s:%s of volume %s: %v", peer.Hosts(m.Store)(p.Old.PeerID), p.Old.Path, p.Volume.Name, p.Refused))
		}
	}
	if len(refused) == 0 {
		return moves, nil
	}
	const show = 3
	text := strings.Join(refused[:min(show, len(refused))], "; ")
	if len(refused) > show {
		text += fmt.Sprintf("; and %d more", len(refused)-show)
	}
	return moves, api.Errorf(api.State, "%d of %d bricks cannot be moved: %s. Mend that first, or use force: then the others are moved, and these when they can be",
		len(refused), len(moves), text)
}

// looks is how many bricks are looked at at once.
const looks = 8

// look notes what keeps each brick from being moved now.
func (m *Moves) look(ctx context.Context, moves []volumes.PlannedMove, how volumes.How) {
	places := make(chan struct{}, looks)
	var wg sync.WaitGroup
	for i := range moves {
		if moves[i].Refused != nil {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			moves[i].Refused = m.mayGo(ctx, moves[i], how)
		})
	}
	wg.Wait()
}

// May refuses a brick that cannot be moved as the pool is now: also because others have files to be healed from it.
func (m *Moves) May(ctx context.Context, v *volume.Volume, brickID string) error {
	sub, b, err := v.BrickOf(brickID)
	if err != nil {
		return err
	}
	return m.mayGo(ctx, volumes.PlannedMove{Volume: v, Old: b, Alone: sub.Alone()}, volumes.How{})
}

func (m *Moves) mayGo(ctx context.Context, p volumes.PlannedMove, how volumes.How) error {
	if err := m.Volumes.MayMove(ctx, p.Volume, p.Old.ID, how); err != nil || how.Gone {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.Settle)
	defer cancel()
	for {
		why := m.mayMove(context.WithoutCancel(ctx), onDevice{p.Volume, p.Old, p.Alone}, how.Unhealed)
		if why == "" {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return api.Errorf(api.State, "%s", why)
		}
	}
}

// State says what an evacuation is at or waits for, with what is left to heal.
func (m *Moves) State(ctx context.Context, e *device.Evacuation) string {
	if e.Healing == nil {
		return e.Waits
	}
	v, b, ok := find(m.Store, *e.Healing)
	if !ok {
		return ""
	}
	_, entries, err := m.pending(ctx, v, b)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("volume %s is being healed, %d entries left", v.Name, entries)
}

// mayMove says what must be healed before a brick is moved. For one that does not serve there is nothing to wait for: what it
// has missed it never gets. Files that no other brick has are not healed.
func (m *Moves) mayMove(ctx context.Context, at onDevice, unhealed bool) string {
	if at.alone || unhealed {
		return ""
	}
	online, err := m.Volumes.BricksOnline(ctx, at.volume.Name)
	if err != nil {
		return err.Error()
	}
	if !online[at.brick.ID] {
		return ""
	}
	return m.unhealed(ctx, at.volume, at.brick)
}

// unhealed says what is left to heal in the set of a brick; nothing if that is whole. What is left is healed at once: a daemon
// that met a lock would look again only after ten minutes.
func (m *Moves) unhealed(ctx context.Context, v *volume.Volume, b volume.Brick) string {
	on, _, err := m.pending(ctx, v, b)
	switch {
	case err != nil:
		return err.Error()
	case on == "":
		return ""
	}
	_, _ = m.Heals.Heal(ctx, v.Name, "index") // it is only sooner
	return fmt.Sprintf("brick %s of volume %s knows of entries that are to be healed", on, v.Name)
}

// pending names the brick of a set that knows of the most entries that are to be healed, and tells how many; none if the set is whole.
func (m *Moves) pending(ctx context.Context, v *volume.Volume, b volume.Brick) (on string, entries uint64, err error) {
	counts, err := m.Heals.Count(ctx, v.Name, peer.Hosts(m.Store)(b.PeerID)+":"+b.Path)
	for _, c := range counts {
		if c.Error != "" {
			return "", 0, api.Errorf(api.Unavailable, "brick %s of volume %s: %s", c.Brick, v.Name, c.Error)
		}
		if c.Entries > entries {
			on, entries = c.Brick, c.Entries
		}
	}
	return on, entries, err
}

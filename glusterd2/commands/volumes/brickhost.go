package volumes

import (
	"context"
	"slices"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// BrickHost is what changes of a volume's bricks ask of this peer's data plane, besides starting and stopping them. A
// part is the volume with only those of its bricks that are meant.
type BrickHost interface {
	// PrepareAs is Prepare for a part; mark names the preparation for all time, and UnprepareAs takes back what was made
	// under the same mark.
	PrepareAs(ctx context.Context, part *volume.Volume, mark string, allow Allow) error
	UnprepareAs(ctx context.Context, part *volume.Volume, mark string) error
	// Reclaim removes the bricks of a part that gd2 has made, with all that is on them, and gives their room back; one that runs ends. It is
	// safe after nothing, half or all of it, and twice.
	Reclaim(ctx context.Context, part *volume.Volume) error
	// MayGo refuses bricks of a part that hold what no other brick has, as far as a check (checkEmpty, checkBlameless) finds
	// that. It changes nothing.
	MayGo(ctx context.Context, part *volume.Volume, check string) error
	// Blame makes the copies of a volume blame its bricks that are empty, so that these are healed and not read before.
	Blame(ctx context.Context, e EmptyBricks) error
	// Forgive takes back what Blame did. It is safe after nothing, half or all of it, and twice.
	Forgive(ctx context.Context, e EmptyBricks) error
}

// EmptyBricks are bricks of a replicated volume that have none of its files yet.
type EmptyBricks struct {
	// Volume is the volume with these bricks in it.
	Volume *volume.Volume `json:"volume"`
	Bricks []volume.Brick `json:"bricks"`
	// Replaced says that they take the place of others; else they are additional copies.
	Replaced bool `json:"replaced,omitempty"`
	// Through is the id of the peer that tells the other copies.
	Through string `json:"through"`
}

// Blame implements BrickHost: every peer marks its own empty bricks, one of them tells the other copies.
func (d *DataPlane) Blame(ctx context.Context, e EmptyBricks) error {
	for _, b := range e.Volume.Part(e.Bricks...).BricksOn(d.PeerID) {
		if err := brick.SetDirty(ctx, d.OS, d.where(e.Volume, b)); err != nil {
			return err
		}
	}
	if e.Through != d.PeerID {
		return nil
	}
	return d.Repairer.Mark(ctx, selfheal.Empty{
		VolumeName: e.Volume.Name, Volfile: d.RepairText(e.Volume), Clients: e.clients(), Replaced: e.Replaced,
	})
}

// clients are the names of the client translators of the empty bricks.
func (e EmptyBricks) clients() []string {
	out := make([]string, len(e.Bricks))
	for i, b := range e.Bricks {
		out[i] = e.Volume.ClientName(b)
	}
	return out
}

// Forgive implements BrickHost.
func (d *DataPlane) Forgive(ctx context.Context, e EmptyBricks) error {
	if err := d.Repairer.Clear(e.Volume.Name); err != nil {
		return err
	}
	blaming := e.Volume.BricksOn(d.PeerID)
	if e.Replaced {
		blaming = nil // they may have had reasons to blame the place before: a heal of it too many does no harm
	}
	for _, b := range blaming {
		for _, empty := range e.Bricks {
			if err := brick.Forgive(ctx, d.OS, d.where(e.Volume, b), e.Volume.ChangelogName(empty)); err != nil {
				return err
			}
		}
	}
	for _, b := range e.Volume.Part(e.Bricks...).BricksOn(d.PeerID) {
		if err := brick.ClearDirty(ctx, d.OS, d.where(e.Volume, b)); err != nil {
			return err
		}
	}
	return nil
}

// effects says for a plan what Blame does on a peer; nil bricks that are empty mean nothing.
func (e *EmptyBricks) effects(peerID string) []api.Effect {
	if e == nil {
		return nil
	}
	var out []api.Effect
	for _, b := range e.Volume.BricksOn(peerID) {
		note := "the new copies are to be healed"
		if slices.ContainsFunc(e.Bricks, func(n volume.Brick) bool { return n.ID == b.ID }) {
			note = "empty: it is healed from the others, which copies their files"
		}
		out = append(out, api.Effect{Action: api.ActionChange, Kind: api.OnXattr, Name: b.Path, Note: note})
	}
	return out
}

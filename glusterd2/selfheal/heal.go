package selfheal

import (
	"context"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brickop"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Heal asks the daemon of this peer to heal a volume: what the bricks have listed as pending, or with full everything.
// subvols are the names of its translators, such as gv0-replicate-0. Only this peer's bricks are crawled, so an index heal is
// to be asked of every peer that has bricks, a full one of one peer for each subvolume. Errors are *api.Error: Unavailable if
// the daemon does not take care of the volume.
func (d *Daemon) Heal(ctx context.Context, volumeName string, subvols []string, full bool) (map[brickop.BrickPlace]brickop.HealStatus, error) {
	op := brickop.HealIndex
	if full {
		op = brickop.HealFull
	}
	out, err := d.ask(ctx, volumeName, subvols, op)
	return brickop.ParseHealStatus(out), err
}

// Pending returns how many entries wait to be healed on each brick of the subvolumes. The figures of bricks on other peers
// are missing or wrong.
func (d *Daemon) Pending(ctx context.Context, volumeName string, subvols []string) (map[brickop.BrickPlace]uint64, error) {
	out, err := d.ask(ctx, volumeName, subvols, brickop.HealCount)
	return brickop.ParseHealCounts(out), err
}

// Crawls returns the latest crawls over this peer's bricks of the subvolumes.
func (d *Daemon) Crawls(ctx context.Context, volumeName string, subvols []string) (map[brickop.BrickPlace][]api.HealCrawl, error) {
	out, err := d.ask(ctx, volumeName, subvols, brickop.HealStatistics)
	return brickop.ParseCrawls(out, time.Local), err
}

// ask sends one BrickXlatorOp. Its dict travels where others have their input.
func (d *Daemon) ask(ctx context.Context, volumeName string, subvols []string, op brickop.HealOp) (gfrpc.Dict, error) {
	r, err := d.Reach(volumeName)
	if err != nil {
		return nil, err
	}
	return d.cfg.BrickOp(ctx, r.Socket, gfrpc.BrickXlatorOp, "", brickop.HealRequest(volumeName, subvols, op).Marshal(), nil)
}

// Status tells whether the daemon takes care of a volume. Hostname is left for the caller to fill.
func (d *Daemon) Status(volumeName string) api.DaemonStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := api.DaemonStatus{Name: ServiceName, PeerID: d.cfg.PeerID}
	p := d.held.Living()
	switch {
	case p == nil:
		st.Error = "it does not run"
	case d.attached[volumeName] == "":
		st.Error = "the volume is not attached to it"
	default:
		st.Online, st.Pid = true, p.Pid()
		return st
	}
	if err := d.requests.Err(); err != nil {
		st.Error += ": " + err.Error()
	}
	return st
}

// Reach finds the process that takes care of a volume. The error is an *api.Error of kind Unavailable if there is none.
func (d *Daemon) Reach(volumeName string) (brick.Reach, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.held.Living()
	if p == nil || d.attached[volumeName] == "" {
		return brick.Reach{}, api.Errorf(api.Unavailable, "the self-heal daemon of this peer does not take care of volume %s now", volumeName)
	}
	return brick.Reach{Pid: p.Pid(), Socket: d.socket}, nil
}

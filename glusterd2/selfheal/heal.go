package selfheal

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"gd2/glusterd2/brick"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Values of xl-op of BrickXlatorOp.
const (
	xlOpHealIndex = 1
	xlOpHealFull  = 2
	xlOpHealCount = 8
)

// healStarted is what the daemon answers for a brick whose crawl it began. It begins them on this peer's bricks only.
const healStarted = "Started self-heal"

// HealStatus is the daemon's answer for one brick.
type HealStatus struct {
	// Subvol indexes the subvolumes that were asked about, Brick the bricks of that one.
	Subvol int `json:"subvol"`
	Brick  int `json:"brick"`
	// Text is the daemon's own, such as "Started self-heal" or "Brick is remote".
	Text    string `json:"text"`
	Started bool   `json:"started"`
}

// Heal asks the daemon of this peer to heal a volume: what the bricks have listed as pending, or with full everything.
// subvols are the names of its translators, such as gv0-replicate-0, in the volume's order. Only this peer's bricks are
// crawled, so an index heal is to be asked of every peer that has bricks, a full one of one peer for each subvolume.
// Errors are *api.Error: State if the daemon does not take care of the volume.
func (d *Daemon) Heal(ctx context.Context, volumeName string, subvols []string, full bool) ([]HealStatus, error) {
	op := xlOpHealIndex
	if full {
		op = xlOpHealFull
	}
	out, err := d.ask(ctx, volumeName, subvols, op)
	if err != nil {
		return nil, err
	}
	var list []HealStatus
	for s := range subvols {
		for b := 0; ; b++ {
			key := fmt.Sprintf("%d-%d-status", s, b)
			if _, ok := out[key]; !ok {
				break
			}
			text := out.String(key)
			list = append(list, HealStatus{Subvol: s, Brick: b, Text: text, Started: text == healStarted})
		}
	}
	return list, nil
}

// Pending returns how many entries wait to be healed on each brick, by subvolume and brick as in HealStatus. The figures
// of bricks on other peers are missing.
func (d *Daemon) Pending(ctx context.Context, volumeName string, subvols []string) (map[[2]int]int64, error) {
	out, err := d.ask(ctx, volumeName, subvols, xlOpHealCount)
	if err != nil {
		return nil, err
	}
	counts := map[[2]int]int64{}
	for key := range out {
		place, ok := strings.CutSuffix(key, "-hardlinks")
		s, b, dash := strings.Cut(place, "-")
		subvol, err1 := strconv.Atoi(s)
		brick, err2 := strconv.Atoi(b)
		if n, isInt := out.Int(key); ok && dash && err1 == nil && err2 == nil && isInt {
			counts[[2]int{subvol, brick}] = n
		}
	}
	return counts, nil
}

// ask sends one BrickXlatorOp. Its dict travels where others have their input.
func (d *Daemon) ask(ctx context.Context, volumeName string, subvols []string, op int) (gfrpc.Dict, error) {
	d.mu.Lock()
	socket, ready := d.socket, d.proc != nil && d.proc.Alive() && d.attached[volumeName] != ""
	d.mu.Unlock()
	if !ready {
		return nil, api.Errorf(api.State, "the self-heal daemon of this peer does not take care of volume %s now", volumeName)
	}
	dict := gfrpc.Dict{}
	dict.SetString("volname", volumeName)
	dict.SetInt("xl-op", int64(op))
	dict.SetInt("heal-op", int64(op))
	dict.SetInt("count", int64(len(subvols)))
	for i, name := range subvols {
		dict.SetString(fmt.Sprintf("xl-%d", i), name)
		dict.SetInt(name, int64(i))
	}
	return d.cfg.BrickOp(ctx, socket, gfrpc.BrickXlatorOp, "", dict.Marshal(), nil)
}

// Status tells whether the daemon takes care of a volume. Hostname is left for the caller to fill.
func (d *Daemon) Status(volumeName string) api.DaemonStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := api.DaemonStatus{Name: ServiceName, PeerID: d.cfg.PeerID}
	switch {
	case d.proc == nil || !d.proc.Alive():
		st.Error = "it does not run"
	case d.attached[volumeName] == "":
		st.Error = "the volume is not attached to it"
	default:
		st.Online, st.Pid = true, d.proc.Pid()
		return st
	}
	if d.lastErr != nil {
		st.Error += ": " + d.lastErr.Error()
	}
	return st
}

// Reach finds the process that takes care of a volume. The error is an *api.Error of kind Unavailable if there is none.
func (d *Daemon) Reach(volumeName string) (brick.Reach, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil || !d.proc.Alive() || d.attached[volumeName] == "" {
		return brick.Reach{}, api.Errorf(api.Unavailable, "the self-heal daemon of this peer does not take care of volume %s now", volumeName)
	}
	return brick.Reach{Pid: d.proc.Pid(), Socket: d.socket}, nil
}

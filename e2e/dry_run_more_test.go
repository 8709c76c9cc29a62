package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func (r *rig) quotaChanges() []change {
	return []change{
		{name: "QuotaEnable", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.QuotaEnable(ctx, "gv1")
			return err
		}},
		{name: "QuotaLimit", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.QuotaLimit(ctx, "gv1", api.QuotaLimitReq{Path: "/", HardLimit: "1GB"})
			return err
		}},
		{name: "QuotaRemove", do: func(ctx context.Context, c *client.Client) error {
			return c.QuotaRemove(ctx, "gv1", api.QuotaRemoveReq{Path: "/"})
		}},
		{name: "QuotaDisable", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.QuotaDisable(ctx, "gv1")
			return err
		}},
	}
}

// brickChanges are those of the bricks of volumes in use.
func (r *rig) brickChanges() []change {
	third := []api.BrickReq{{PeerID: "node3", Path: "/srv/gv1"}}
	replace := api.ReplaceBrickReq{SrcPeerID: "node3", SrcPath: "/srv/deep/gv0", DestPeerID: "node3", DestPath: "/srv/new/gv0",
		Flags: map[string]bool{api.FlagCreateBrickDir: true}}
	reset := api.ResetBrickReq{PeerID: "node3", Path: "/srv/new/gv0"}
	const gv0Changes, gv1Changes = "change record volumes/gv0", "change record volumes/gv1"
	started := change{name: "ShrinkStart", hidden: gv1Changes, do: func(ctx context.Context, c *client.Client) error {
		_, err := c.ShrinkStart(ctx, "gv1", api.VolumeShrinkReq{Bricks: third})
		return err
	}}
	again, committed, forced := started, change{name: "ShrinkCommit"}, change{name: "VolumeShrink"}
	committed.ready = func(p pool) { p.moved("gv1") }
	committed.do = func(ctx context.Context, c *client.Client) error {
		_, err := c.ShrinkCommit(ctx, "gv1", api.VolumeShrinkReq{Bricks: third})
		return err
	}
	forced.ready = func(p pool) { p.nothingToHeal("gv0") }
	forced.do = func(ctx context.Context, c *client.Client) error {
		_, err := c.VolumeShrink(ctx, "gv0", api.VolumeShrinkReq{ReplicaCount: 2, Bricks: []api.BrickReq{{PeerID: "node3", Path: "/srv/new/gv0"}}, Force: true})
		return err
	}
	return []change{
		{name: "VolumeExpand", starts: "gv1", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeExpand(ctx, "gv1", api.VolumeExpandReq{Bricks: third, Flags: map[string]bool{api.FlagCreateBrickDir: true}})
			return err
		}},
		{name: "RebalanceStart", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.RebalanceStart(ctx, "gv1", api.RebalanceStartReq{})
			return err
		}},
		{name: "RebalanceStop", ready: func(p pool) { p.slowRebalance("gv1") }, do: func(ctx context.Context, c *client.Client) error {
			_, err := c.RebalanceStop(ctx, "gv1")
			return err
		}},
		started,
		{name: "ShrinkStop", hidden: gv1Changes, do: func(ctx context.Context, c *client.Client) error {
			_, err := c.ShrinkStop(ctx, "gv1", api.VolumeShrinkReq{})
			return err
		}},
		again, committed,
		{name: "ReplaceBrick", starts: "gv0", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeReplaceBrick(ctx, "gv0", replace)
			return err
		}},
		{name: "ResetBrickStart", hidden: gv0Changes, ready: func(p pool) { p.nothingToHeal("gv0") }, do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeResetBrickStart(ctx, "gv0", reset)
			return err
		}},
		{name: "ResetBrickCommit", hidden: gv0Changes, starts: "gv0", ready: func(p pool) { p.emptied(3, "/srv/new/gv0") }, do: func(ctx context.Context, c *client.Client) error {
			force := reset
			force.Force = true
			_, err := c.VolumeResetBrickCommit(ctx, "gv0", force)
			return err
		}},
		forced,
	}
}

// emptied makes a directory anew.
func (p pool) emptied(n int, dir string) {
	p.t.Helper()
	p.must(os.RemoveAll(p.Peer(n).Path(dir)))
	p.must(os.Mkdir(p.Peer(n).Path(dir), 0o755))
}

// moved waits until the files of bricks that leave have been moved.
func (p pool) moved(volume string) {
	p.t.Helper()
	p.eventually(60*time.Second, func(ctx context.Context) error {
		st, err := p.rest(1).ShrinkStatus(ctx, volume)
		if err == nil && st.State != "completed" {
			err = fmt.Errorf("the removal is %s", st.State)
		}
		return err
	})
}

// nothingToHeal waits until nothing is to be healed.
func (p pool) nothingToHeal(volume string) {
	p.t.Helper()
	p.eventually(60*time.Second, func(ctx context.Context) error {
		all, err := p.rest(1).VolumeHealInfo(ctx, volume, client.HealInfoSummary)
		if err != nil {
			return err
		}
		for _, b := range all {
			if b.Status == nil || *b.Status != "Connected" || b.TotalEntries == nil || *b.TotalEntries != 0 {
				return fmt.Errorf("not healed yet: %+v", all)
			}
		}
		return nil
	})
}

// freezeRebalance stops the next rebalance process of a peer as soon as it is a daemon, and tells its id on the machine: one with little
// to do lives for a few hundredths of a second.
func (p pool) freezeRebalance(ctx context.Context, n int) <-chan int {
	first, caught := p.Peer(n).PID(), make(chan int, 1)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", first, first))
			for field := range strings.FieldsSeq(string(children)) {
				line, _ := os.ReadFile("/proc/" + field + "/cmdline")
				pid, err := strconv.Atoi(field)
				if err == nil && bytes.Contains(line, []byte("process-name\x00rebalance")) && syscall.Kill(pid, syscall.SIGSTOP) == nil {
					caught <- pid
					return
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return caught
}

// slowRebalance starts a rebalance of which node1 does not get on, until it is told to stop.
func (p pool) slowRebalance(volume string) {
	p.t.Helper()
	c, pid := p.rest(1), 0
	p.eventually(60*time.Second, func(ctx context.Context) error {
		p.rebalanced(volume, "completed")
		caught := p.freezeRebalance(ctx, 1)
		if _, err := c.RebalanceStart(ctx, volume, api.RebalanceStartReq{}); err != nil {
			return err
		}
		select {
		case pid = <-caught:
		case <-time.After(time.Second):
			return errors.New("the rebalance was faster")
		}
		st, err := c.RebalanceStatus(ctx, volume)
		if err == nil && st.State != "in progress" {
			err = fmt.Errorf("the rebalance is %s", st.State)
		}
		if err != nil {
			p.must(syscall.Kill(pid, syscall.SIGCONT))
		}
		return err
	})
	ctx := p.t.Context()
	go func() {
		_ = c.FollowEvents(ctx, api.EventQuery{Names: []string{api.EventTaskStopped}}, func(api.Event) error { return io.EOF })
		_ = syscall.Kill(pid, syscall.SIGCONT) // what waits for it fails otherwise
	}()
}

// newPeer and newDevice stand in plans for ids that are not known before.
const (
	newPeer   = "ID-OF-THE-NEW-PEER"
	newDevice = "ID-OF-THE-NEW-DEVICE"
)

func (r *rig) deviceChanges() []change {
	emptied := func(p pool) { p.emptiedDevice("node3", r.ids[newDevice]) }
	return []change{
		{name: "DeviceAdd", do: func(ctx context.Context, c *client.Client) error {
			d, err := c.DeviceAdd(ctx, "node3", api.DeviceAddReq{Device: "/srv/device", Provisioner: api.ProvisionerDirectory})
			r.ids[newDevice] = d.ID
			return err
		}},
		{name: "DeviceReplace", do: func(ctx context.Context, c *client.Client) error {
			d, err := c.DeviceReplace(ctx, "node3", r.ids[newDevice], api.DeviceReplaceReq{Device: "/srv/device2"})
			if err == nil {
				r.ids[newDevice] = d.ID
			}
			return err
		}},
		{name: "DeviceEvacuate", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.DeviceEvacuate(ctx, "node3", r.ids[newDevice], api.EvacuateReq{})
			return err
		}},
		{name: "DeviceEdit", ready: emptied, do: func(ctx context.Context, c *client.Client) error {
			_, err := c.DeviceEdit(ctx, "node3", r.ids[newDevice], api.DeviceEditReq{State: api.DeviceEnabled})
			return err
		}},
		{name: "PeerEvacuate", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.PeerEvacuate(ctx, "node3", api.EvacuateReq{})
			return err
		}},
		{name: "DeviceRemove", ready: emptied, do: func(ctx context.Context, c *client.Client) error {
			return c.DeviceRemove(ctx, "node3", r.ids[newDevice], false)
		}},
	}
}

// emptiedDevice waits until a device is empty, and its record says so.
func (p pool) emptiedDevice(host, id string) {
	p.t.Helper()
	p.eventually(60*time.Second, func(ctx context.Context) error {
		d, err := p.rest(1).Device(ctx, host, id)
		if err == nil && (d.Evacuation == nil || !d.Evacuation.Done) {
			err = fmt.Errorf("the device is not empty yet: %+v", d.Evacuation)
		}
		return err
	})
}

// operationChanges decide about operations: one that a hook script holds up, and one that waits for node3, which is switched off.
func (r *rig) operationChanges() []change {
	const away = "node3 is away: what is left of the operation is done there when it is back"
	var held, waits string
	return []change{
		{name: "OperationCancel", ready: func(p pool) { held = p.heldOperation("gv1") }, do: func(ctx context.Context, c *client.Client) error {
			_, err := c.OperationCancel(ctx, held)
			return err
		}},
		{name: "OperationRetry", without: away, ready: func(p pool) { waits = p.waitingOperation("gv3") }, do: func(ctx context.Context, c *client.Client) error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			_, err := c.OperationRetry(ctx, waits)
			if _, waits := client.IsPending(err); waits || api.IsKind(err, api.Unavailable, api.Timeout) {
				err = nil // for node3
			}
			return err
		}},
		{name: "OperationAbandon", without: away, do: func(ctx context.Context, c *client.Client) error {
			_, err := c.OperationAbandon(ctx, waits)
			return err
		}},
	}
}

// heldOperation begins a change of a volume that a script of node1 holds up until it is cancelled, and returns its id.
func (p pool) heldOperation(volume string) string {
	p.t.Helper()
	folder := p.Peer(1).Path("/var/lib/glusterd2/hooks/1/set/pre")
	p.must(os.MkdirAll(folder, 0o755))
	p.must(os.WriteFile(filepath.Join(folder, "S01hold"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o755))
	return p.pending(func(ctx context.Context, c *client.Client) error {
		_, err := c.VolumeSet(ctx, volume, api.VolumeOptionReq{Options: map[string]string{"performance.cache-size": "32MB"}})
		return err
	})
}

// waitingOperation begins the deletion of a volume of which a peer with a brick has just been switched off.
func (p pool) waitingOperation(volume string) string {
	p.t.Helper()
	_, err := p.rest(1).VolumeCreate(p.t.Context(), volumeOf(volume, api.SubvolReq{}, "node1:/srv/gv3", "node3:/srv/gv3"))
	p.must(err)
	p.killNode3()
	id := p.pending(func(ctx context.Context, c *client.Client) error { return c.VolumeDelete(ctx, volume) })
	p.eventually(30*time.Second, func(ctx context.Context) error {
		o, err := p.rest(1).Operation(ctx, id)
		if err == nil && len(o.PeerErrors) == 0 {
			err = fmt.Errorf("the operation is %s", o.State)
		}
		return err
	})
	return id
}

// pending makes a call through node1 that does not wait, and returns the id of the operation that goes on.
func (p pool) pending(call func(ctx context.Context, c *client.Client) error) string {
	p.t.Helper()
	c, err := p.Peer(1).AsyncClient()
	p.must(err)
	defer c.Close()
	err = call(p.t.Context(), c)
	op, ok := client.IsPending(err)
	if !ok {
		p.t.Fatalf("no operation goes on: %v", err)
	}
	return op.ID
}

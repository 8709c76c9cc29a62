package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// brickCrashes are the requests that change the bricks of a volume, move its files or switch its quota.
func (p pool) brickCrashes() []crashed {
	base := crashed{pool: p, world: pool.bricksWorld, clear: cleared, sampled: 2, alone: true}
	request := func(what, after string, prepare func(p pool, name string), request func(ctx context.Context, c *client.Client, name string) error) crashed {
		out := base
		out.what, out.after, out.prepare, out.request = what, after, prepare, request
		return out
	}
	copies := func(p pool, name string) { p.startedOf(name, 3, p.bricksAt(name, 1, 2, 3)) }
	spread := func(p pool, name string) {
		p.startedOf(name, 1, append(p.bricksAt(name, 2), p.bricksAt(name+".b", 3)...))
	}
	emptied := func(p pool, name string) {
		p.t.Helper()
		spread(p, name)
		_, err := p.rest(2).ShrinkStart(p.t.Context(), name, api.VolumeShrinkReq{Bricks: p.bricksAt(name+".b", 3)})
		p.must(err)
		p.shrunk(name, "completed")
	}
	limited := func(p pool, name string) {
		p.t.Helper()
		copies(p, name)
		_, err := p.rest(2).QuotaEnable(p.t.Context(), name)
		p.must(err)
		_, err = p.rest(2).QuotaLimit(p.t.Context(), name, api.QuotaLimitReq{Path: "/", HardLimit: "10MB"})
		p.must(err)
	}
	return []crashed{
		request("expand", "Started, 3+3 bricks, 3+3 marked, 6 run, quota off", copies, func(ctx context.Context, c *client.Client, name string) error {
			_, err := c.VolumeExpand(ctx, name, api.VolumeExpandReq{Bricks: p.bricksAt(name+".b", 1, 2, 3), Force: true})
			return err
		}),
		request("replace", "Started, 2+1 bricks, 2+1 marked, 3 run, quota off", copies, func(ctx context.Context, c *client.Client, name string) error {
			from, to := p.bricksAt(name, 3)[0], p.bricksAt(name+".b", 3)[0]
			_, err := c.VolumeReplaceBrick(ctx, name, api.ReplaceBrickReq{
				SrcPeerID: from.PeerID, SrcPath: from.Path, DestPeerID: to.PeerID, DestPath: to.Path, Force: true,
			})
			return err
		}),
		request("shrink", "Started, 1+0 bricks, 1+1 marked, 1 run, quota off", emptied, func(ctx context.Context, c *client.Client, name string) error {
			_, err := c.ShrinkCommit(ctx, name, api.VolumeShrinkReq{})
			return err
		}),
		request("rebalance", "Started, 1+1 bricks, 1+1 marked, 2 run, quota off, Rebalance completed", spread, func(ctx context.Context, c *client.Client, name string) error {
			_, err := c.RebalanceStart(ctx, name, api.RebalanceStartReq{})
			return err
		}),
		request("quota", "Started, 3+0 bricks, 3+0 marked, 3 run, quota on", copies, func(ctx context.Context, c *client.Client, name string) error {
			_, err := c.QuotaEnable(ctx, name)
			return err
		}),
		request("no-quota", "Started, 3+0 bricks, 3+0 marked, 3 run, quota off", limited, func(ctx context.Context, c *client.Client, name string) error {
			_, err := c.QuotaDisable(ctx, name)
			return err
		}),
	}
}

// bricksAt are bricks of one name on peers.
func (p pool) bricksAt(name string, peers ...int) (out []api.BrickReq) {
	for _, n := range peers {
		out = append(out, api.BrickReq{PeerID: p.Peer(n).Name, Path: "/srv/" + name})
	}
	return out
}

// startedOf makes and starts a volume of bricks, all in one set or, with one copy, each for itself.
func (p pool) startedOf(name string, replica int, bricks []api.BrickReq) {
	p.t.Helper()
	sub := api.SubvolReq{Bricks: bricks}
	if replica > 1 {
		sub.Type, sub.ReplicaCount = api.SubvolReplicate, replica
	}
	_, err := p.rest(2).VolumeCreate(p.t.Context(), api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{sub}, Force: true})
	p.must(err)
	_, err = p.rest(2).VolumeStart(p.t.Context(), name, api.VolumeStartReq{})
	p.must(err)
}

// cleared stops and deletes a volume, whatever has become of it.
func cleared(p pool, name string) {
	p.t.Helper()
	c := p.rest(2)
	if v, err := c.Volume(p.t.Context(), name); err == nil {
		if v.State == api.VolumeStarted {
			_, err := c.VolumeStop(p.t.Context(), name, api.VolumeStopReq{Force: true})
			p.must(err)
		}
		p.must(c.VolumeDelete(p.t.Context(), name))
	}
}

// bricksWorld describes a volume: its state and its bricks as node2 and node3 have them, those that it was made with and those whose
// names end with .b; the folders with the mark of a volume; its brick processes; its quota; and its task.
func (p pool) bricksWorld(name string) string {
	p.t.Helper()
	var records []string
	for _, n := range []int{2, 3} {
		v, err := p.rest(n).Volume(p.t.Context(), name)
		p.must(err)
		var has [2]int
		for _, s := range v.Subvols {
			for _, b := range s.Bricks {
				has[isNew(b.Path)]++
			}
		}
		records = append(records, fmt.Sprintf("%s, %d+%d bricks", v.State, has[0], has[1]))
	}
	if records[0] != records[1] {
		return fmt.Sprintf("node2 and node3 disagree: %q", records)
	}
	var marked [2]int
	run := 0
	for i := 1; i <= 3; i++ {
		for n, path := range []string{"/srv/" + name, "/srv/" + name + ".b"} {
			if _, err := unix.Getxattr(p.Peer(i).Path(path), "trusted.glusterfs.volume-id", make([]byte, 16)); err == nil {
				marked[n]++
			}
		}
		run += p.brickProcesses(i, name)
	}
	q, err := p.rest(2).Quota(p.t.Context(), name)
	p.must(err)
	quota := map[bool]string{true: "on", false: "off"}[q.Enabled]
	if q.Limits > 0 {
		quota = fmt.Sprintf("%s with %d limits", quota, q.Limits)
	}
	return fmt.Sprintf("%s, %d+%d marked, %d run, quota %s%s", records[0], marked[0], marked[1], run, quota, p.taskOf(name))
}

func isNew(path string) int {
	if strings.HasSuffix(path, ".b") {
		return 1
	}
	return 0
}

// brickProcesses counts the brick processes of a volume on a peer.
func (p pool) brickProcesses(n int, volume string) int {
	p.t.Helper()
	out, err := p.Peer(n).Run(p.t.Context(), "pgrep", "-c", "-f", "volfile-id "+volume+"[.]")
	var exit *lab.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Code != 1) {
		p.t.Fatal(err)
	}
	count := 0
	_, err = fmt.Sscan(out, &count)
	p.must(err)
	return count
}

// taskOf describes the task of a volume once it does not change any more.
func (p pool) taskOf(volume string) (text string) {
	p.t.Helper()
	p.eventually(60*time.Second, func(ctx context.Context) error {
		st, err := p.rest(2).VolumeStatus(ctx, volume)
		text = ""
		for _, task := range st.Tasks {
			if text += ", " + task.Type + " " + task.State; task.State == "in progress" {
				return errors.New(text)
			}
		}
		return err
	})
	return text
}

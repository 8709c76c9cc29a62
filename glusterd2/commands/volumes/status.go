package volumes

import (
	"context"
	"sync"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// reportTimeout bounds the wait for one peer's report: a status with gaps is better than none.
const reportTimeout = 5 * time.Second

// Bricks says how the bricks of a volume do.
func (c *Commands) Bricks(ctx context.Context, name string) ([]api.BrickStatus, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.gather(ctx, rec.Value).Bricks, nil
}

// Status says how a volume and its bricks and daemons do.
func (c *Commands) Status(ctx context.Context, name string) (api.VolumeStatus, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.VolumeStatus{}, err
	}
	return c.statusOf(ctx, rec.Value), nil
}

// Statuses says how all volumes do.
func (c *Commands) Statuses(ctx context.Context) ([]api.VolumeStatus, error) {
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	out := make([]api.VolumeStatus, len(recs))
	var wg sync.WaitGroup
	for i, rec := range recs {
		wg.Go(func() { out[i] = c.statusOf(ctx, rec.Value) })
	}
	wg.Wait()
	return out, nil
}

func (c *Commands) statusOf(ctx context.Context, v *volume.Volume) api.VolumeStatus {
	r := c.gather(ctx, v)
	st := api.VolumeStatus{Info: c.info(v), Bricks: r.Bricks, Daemons: r.Daemons}
	st.Online, st.Size = serve(v, r.Bricks)
	if st.Tasks, _ = ListTasks(c.Store, v); st.Tasks == nil { // a status with gaps is better than none
		st.Tasks = []api.VolumeTask{}
	}
	return st
}

// gather asks all peers that hold bricks at once, and puts the answers in the order of the bricks.
func (c *Commands) gather(ctx context.Context, v *volume.Volume) Report {
	peers := v.Peers()
	reports := make([]Report, len(peers))
	var wg sync.WaitGroup
	for i, id := range peers {
		wg.Go(func() { reports[i] = c.report(ctx, id, v) })
	}
	wg.Wait()
	byID := map[string]api.BrickStatus{}
	out := Report{Bricks: []api.BrickStatus{}, Daemons: []api.DaemonStatus{}}
	for _, r := range reports {
		for _, b := range r.Bricks {
			byID[b.Info.ID] = b
		}
		out.Daemons = append(out.Daemons, r.Daemons...)
	}
	for _, b := range v.Bricks() {
		if st, ok := byID[b.ID]; ok {
			out.Bricks = append(out.Bricks, st)
		}
	}
	return out
}

// report is one peer's report, or one that says why there is none.
func (c *Commands) report(ctx context.Context, peerID string, v *volume.Volume) Report {
	if peerID == c.PeerID {
		return c.Host.Report(ctx, v)
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	var failed string
	if _, ok := peer.Online(c.Store, peerID); !ok {
		failed = "the peer is offline"
	} else if r, err := c.Network.Report(ctx, peerID, ReportRequest{Volume: v.Name, Revision: c.Store.Revision()}); err != nil {
		failed = err.Error()
	} else {
		return r
	}
	hosts := peer.Hosts(c.Store)
	r := Report{}
	for _, b := range v.BricksOn(peerID) {
		r.Bricks = append(r.Bricks, api.BrickStatus{Info: v.BrickInfo(b, hosts), Error: failed})
	}
	return r
}

// ReportLocal answers another peer's question about a volume.
func (c *Commands) ReportLocal(ctx context.Context, req ReportRequest) (Report, error) {
	if err := c.Store.WaitRevision(ctx, req.Revision); err != nil {
		return Report{}, err
	}
	rec, err := Find(c.Store, req.Volume)
	if err != nil {
		return Report{}, err
	}
	return c.Host.Report(ctx, rec.Value), nil
}

// serve tells from the bricks whether clients can reach all files, and how much room they see: that of a replicate
// subvolume is that of its smallest data brick, that of a disperse subvolume the smallest times the data bricks.
func serve(v *volume.Volume, bricks []api.BrickStatus) (online bool, size api.SizeInfo) {
	byID := map[string]api.BrickStatus{}
	for _, b := range bricks {
		byID[b.Info.ID] = b
	}
	online = v.State == volume.Started
	for _, s := range v.Subvols {
		up := 0
		var least api.SizeInfo
		for _, b := range s.Bricks {
			st := byID[b.ID]
			if !st.Online {
				continue
			}
			up++
			if !b.Arbiter && (least.Capacity == 0 || st.Size.Capacity < least.Capacity) {
				least = st.Size
			}
		}
		factor := uint64(1)
		if s.Type == api.SubvolDisperse {
			factor = uint64(max(s.Disperse-s.Redundancy, 1))
		}
		size.Capacity += least.Capacity * factor
		size.Used += least.Used * factor
		size.Free += least.Free * factor
		online = online && up >= quorum(s)
	}
	return online, size
}

// quorum is the number of bricks that a subvolume needs to be read and written with the options that gd2 sets: more
// than half of the copies for three and more, one of two, and the data bricks of a disperse set.
func quorum(s volume.Subvol) int {
	switch {
	case s.Type == api.SubvolDisperse:
		return s.Disperse - s.Redundancy
	case s.Replica > 2:
		return s.Replica/2 + 1
	}
	return 1
}

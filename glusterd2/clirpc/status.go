package clirpc

import (
	"context"
	"errors"
	"fmt"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Bits of the number that a status is asked with: what is asked for, and of what.
const (
	statusMem        = 1
	statusClients    = 2
	statusInode      = 4
	statusFD         = 8
	statusCallpool   = 0x10
	statusDetail     = 0x20
	statusTasks      = 0x40
	statusClientList = 0x80
	statusWhat       = 0xff

	statusAll   = 0x200
	statusBrick = 0x400
	statusSHD   = 0x1000
	statusQuota = 0x2000
)

// status answers volume status. For all volumes it names them, and the command asks for one after the other.
func (s *Server) status(ctx context.Context, in gfrpc.Dict) (answer, error) {
	cmd, _ := in.Int("cmd")
	out := echo(in)
	if cmd&statusAll != 0 {
		list, err := s.volumes(ctx)
		for i, name := range volumeNames(list) {
			out.SetString(fmt.Sprintf("vol%d", i), name)
		}
		out.SetInt("vol_count", int64(len(list)))
		return answer{dict: out}, err
	}
	st, err := s.volumeStatus(ctx, in.String(keyVolume))
	if err != nil {
		return answer{}, aboutVolume(err, "")
	}
	if st.Info.State != api.VolumeStarted {
		return answer{}, failed(errInternal, "Volume "+st.Info.Name+" is not started")
	}
	out.SetString(keyVolID, st.Info.ID)
	return answer{dict: out}, s.putStatus(ctx, out, cmd, st)
}

// putStatus puts what was asked for into the answer.
func (s *Server) putStatus(ctx context.Context, out gfrpc.Dict, cmd int64, st api.VolumeStatus) error {
	putTasks(out, st.Tasks)
	switch cmd & statusWhat {
	case statusTasks:
		return nil
	case 0, statusDetail:
		return s.putNodes(out, cmd, st)
	case statusClientList:
		return errors.Join(s.putNodes(out, cmd, st), s.putClientList(ctx, out, st))
	}
	return s.putInner(ctx, out, cmd, st)
}

// nodeKey begins the keys of brick or daemon i.
func nodeKey(i int) string { return fmt.Sprintf("brick%d.", i) }

// noTier is what glusterd says where a volume could have a tier.
const noTier = -1

// putNodes lists bricks, and after them daemons.
func (s *Server) putNodes(out gfrpc.Dict, cmd int64, st api.VolumeStatus) error {
	bricks, daemons, err := chosen(out, cmd, st)
	if err != nil {
		return err
	}
	for i, b := range bricks {
		putBrick(out, nodeKey(i), b)
		if cmd&statusDetail != 0 {
			putDetail(out, nodeKey(i), b)
		}
	}
	for i, d := range daemons {
		s.putDaemon(out, nodeKey(len(bricks)+i), d)
	}
	putCounts(out, len(bricks), len(daemons))
	return nil
}

// putCounts tells gluster how far to look for bricks, and daemons after them.
func putCounts(out gfrpc.Dict, bricks, daemons int) {
	for key, n := range map[string]int{
		keyCount: bricks + daemons, "other-count": daemons, "brick-index-max": bricks - 1, "type": noTier, "hot_brick_count": noTier,
	} {
		out.SetInt(key, int64(n))
	}
}

// chosen are the bricks and daemons that a status was asked of.
func chosen(in gfrpc.Dict, cmd int64, st api.VolumeStatus) ([]api.BrickStatus, []api.DaemonStatus, error) {
	switch {
	case cmd&statusBrick != 0:
		for _, b := range st.Bricks {
			if brickName(b.Info) == in.String("brick") {
				return []api.BrickStatus{b}, nil, nil
			}
		}
		return nil, nil, failed(errInternal, fmt.Sprintf("No brick %s in volume %s", in.String("brick"), st.Info.Name))
	case cmd&statusSHD != 0:
		return daemonsOf(st, "Self-heal Daemon", "Volume %s is not Self-heal compatible")
	case cmd&statusQuota != 0:
		return daemonsOf(st, "Quota Daemon", "Volume %s does not have quota enabled")
	case cmd&(statusDetail|statusClientList) != 0:
		return st.Bricks, nil, nil
	}
	return st.Bricks, st.Daemons, nil
}

// daemonsOf are the daemons of a name; none has what glusterd says of a volume that needs none.
func daemonsOf(st api.VolumeStatus, name, none string) (bricks []api.BrickStatus, out []api.DaemonStatus, err error) {
	for _, d := range st.Daemons {
		if d.Name == name {
			out = append(out, d)
		}
	}
	if len(out) == 0 {
		err = failed(errInternal, fmt.Sprintf(none, st.Info.Name))
	}
	return nil, out, err
}

func putBrick(out gfrpc.Dict, key string, b api.BrickStatus) {
	out.SetString(key+"hostname", b.Info.Hostname)
	out.SetString(key+"path", b.Info.Path)
	out.SetString(key+"peerid", b.Info.PeerID)
	out.SetInt(key+"port", int64(b.Port))
	out.SetInt(key+"rdma_port", 0)
	putProcess(out, key, b.Online, b.Pid)
}

// putProcess writes the process id as glusterd does: -1 for none.
func putProcess(out gfrpc.Dict, key string, online bool, pid int) {
	if !online && pid == 0 {
		pid = -1
	}
	out.SetInt(key+"status", truth(online))
	out.SetInt(key+"pid", int64(pid))
}

// putDaemon lists a daemon of a peer. Gluster shows its host in the place of a path.
func (s *Server) putDaemon(out gfrpc.Dict, key string, d api.DaemonStatus) {
	host := d.Hostname
	if d.PeerID == s.cfg.PeerID {
		host = "localhost"
	}
	out.SetString(key+"hostname", d.Name)
	out.SetString(key+"path", host)
	out.SetString(key+"peerid", d.PeerID)
	out.SetInt(key+"port", 0)
	putProcess(out, key, d.Online, d.Pid)
}

func putDetail(out gfrpc.Dict, key string, b api.BrickStatus) {
	for name, n := range map[string]uint64{
		"total": b.Size.Capacity, "free": b.Size.Free, "block_size": b.BlockSize, "total_inodes": b.Inodes.Total, "free_inodes": b.Inodes.Free,
	} {
		out.SetString(key+name, fmt.Sprint(n))
	}
	out.SetString(key+"device", b.Device)
	out.SetString(key+"fs_name", b.FS)
	out.SetString(key+"mnt_options", b.MountOpts)
}

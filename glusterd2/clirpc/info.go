package clirpc

import (
	"context"
	"fmt"
	"slices"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Flags of GET_VOLUME: the one named, the one after the one named. Others mean the first.
const (
	infoOne  = 2
	infoNext = 3
)

// getVolume answers volume info. The command asks for one volume after the other, by their names, until there is none.
func (s *Server) getVolume(ctx context.Context, in gfrpc.Dict) (answer, error) {
	flags, _ := in.Int("flags")
	name := in.String(keyVolume)
	s.present(ctx)
	var v api.VolumeInfo
	var ok bool
	var err error
	switch flags {
	case infoOne:
		v, ok, err = s.named(ctx, name)
	case infoNext:
		v, ok, err = s.cfg.Volumes.KnownAfter(ctx, name)
	default:
		v, ok, err = s.cfg.Volumes.KnownAfter(ctx, "")
	}
	if err != nil {
		return answer{}, err
	}
	d := gfrpc.Dict{}
	d.SetInt(keyCount, truth(ok))
	if ok {
		putVolume(d, v)
	} else if flags == infoOne {
		return answer{ret: -1, errno: errNoVolume, text: "Volume does not exist", dict: d}, nil
	}
	return answer{dict: d}, nil
}

// named finds a volume in what is known.
func (s *Server) named(ctx context.Context, name string) (v api.VolumeInfo, ok bool, err error) {
	list, err := s.cfg.Volumes.Known(ctx)
	i := slices.IndexFunc(list, func(v api.VolumeInfo) bool { return v.Name == name })
	if i < 0 {
		return v, false, err
	}
	return list[i], true, err
}

// Numbers of glusterd for types and states.
const (
	typeDistribute = 0
	typeReplicate  = 2
	typeDisperse   = 4
)

func typeNumber(v api.VolumeInfo) int64 {
	switch {
	case v.DisperseCount > 0:
		return typeDisperse
	case v.ReplicaCount > 1:
		return typeReplicate
	}
	return typeDistribute
}

func stateNumber(v api.VolumeInfo) int64 {
	return int64(max(0, slices.Index([]string{api.VolumeCreated, api.VolumeStarted, api.VolumeStopped}, v.State)))
}

// putVolume describes a volume as volume0, as gluster reads it.
func putVolume(d gfrpc.Dict, v api.VolumeInfo) {
	const prefix = "volume0."
	bricks := bricksOf(v)
	for key, n := range map[string]int64{
		"type": typeNumber(v), "status": stateNumber(v), "brick_count": int64(len(bricks)), "dist_count": int64(len(bricks) / max(1, len(v.Subvols))),
		"replica_count": int64(max(1, v.ReplicaCount)), "arbiter_count": int64(v.ArbiterCount), "thin_arbiter_count": 0, "disperse_count": int64(v.DisperseCount),
		"redundancy_count": int64(v.DisperseRedundancyCount), "transport": 0, "snap_count": int64(len(v.SnapList)), "rebalance": 0,
		"opt_count": int64(len(v.Options)),
	} {
		d.SetInt(prefix+key, n)
	}
	if v.DisperseCount > 0 {
		d.SetInt(prefix+"replica_count", 1)
	}
	d.SetString(prefix+"name", v.Name)
	d.SetString(prefix+"volume_id", v.ID)
	for i, b := range bricks {
		key := fmt.Sprintf("%sbrick%d", prefix, i+1)
		d.SetString(key, brickName(b))
		d.SetString(key+".uuid", b.PeerID)
		if b.Type == api.BrickTypeArbiter {
			d.SetInt(key+".isArbiter", 1)
		}
	}
	for k, value := range v.Options {
		d.SetString(prefix+"option."+k, value)
	}
}

// bricksOf lists the bricks of a volume in its order.
func bricksOf(v api.VolumeInfo) []api.BrickInfo {
	var out []api.BrickInfo
	for _, sub := range v.Subvols {
		out = append(out, sub.Bricks...)
	}
	return out
}

// brickName is how gluster writes a brick.
func brickName(b api.BrickInfo) string { return b.Hostname + ":" + b.Path }

func (s *Server) listVolumes(ctx context.Context, _ gfrpc.Dict) (answer, error) {
	list, err := s.volumes(ctx)
	if err != nil {
		return answer{}, err
	}
	d := gfrpc.Dict{}
	d.SetInt("count", int64(len(list)))
	for i, name := range volumeNames(list) {
		d.SetString(fmt.Sprintf("volume%d", i), name)
	}
	return answer{dict: d}, nil
}

func volumeNames(list []api.VolumeInfo) []string {
	var names []string
	for _, v := range list {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

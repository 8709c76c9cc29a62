package clirpc

import (
	"context"
	"fmt"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Healing heals volumes. What is left to heal the command finds out by itself, with glfsheal.
type Healing interface {
	Heal(ctx context.Context, name, kind string) ([]api.BrickHealStart, error)
	Count(ctx context.Context, name, replica string) ([]api.BrickHealCount, error)
	Statistics(ctx context.Context, name string) ([]api.BrickHealStatistics, error)
	Switch(ctx context.Context, name string, on bool) (api.VolumeInfo, error)
	Granular(ctx context.Context, name string, on bool) (api.VolumeInfo, error)
}

// Values of heal-op (gf_xl_afr_op_t). Those that are not here the command carries out by itself.
const (
	healIndex        = 1
	healFull         = 2
	healStatistics   = 7
	healCount        = 8
	healCountReplica = 9
	healEnable       = 12
	healDisable      = 13
	granularEnable   = 15
	granularDisable  = 16
)

func (s *Server) heal(ctx context.Context, in gfrpc.Dict) (answer, error) {
	name, out := in.String(keyVolume), echo(in)
	op, _ := in.Int("heal-op")
	var err error
	switch op {
	case healIndex, healFull:
		err = s.startHeal(ctx, out, name, map[int64]string{healIndex: "index", healFull: "full"}[op])
	case healCount, healCountReplica:
		replica := ""
		if op == healCountReplica {
			replica = in.String("per-replica-cmd-hostname") + ":" + in.String("per-replica-cmd-path")
		}
		err = s.countHeal(ctx, out, name, replica)
	case healStatistics:
		err = s.healStatistics(ctx, out, name)
	case healEnable, healDisable:
		_, err = s.cfg.Healing.Switch(ctx, name, op == healEnable)
	case granularEnable, granularDisable:
		_, err = s.cfg.Healing.Granular(ctx, name, op == granularEnable)
	default:
		err = api.Errorf(api.NotSupported, "heal has no operation %d", op)
	}
	return answer{dict: out}, aboutVolume(err, "Volume %s is not started")
}

// putPlace names brick i, HOST:PATH, in an answer about heals.
func putPlace(out gfrpc.Dict, i int, name string) {
	b, err := parseBrick(name)
	if err != nil {
		b.PeerID = name
	}
	out.SetString(fmt.Sprintf("%d-hostname", i), b.PeerID)
	out.SetString(fmt.Sprintf("%d-path", i), b.Path)
}

func (s *Server) startHeal(ctx context.Context, out gfrpc.Dict, name, kind string) error {
	list, err := s.cfg.Healing.Heal(ctx, name, kind)
	out.SetInt(keyCount, int64(len(list)))
	for i, b := range list {
		putPlace(out, i, b.Brick)
		out.SetString(fmt.Sprintf("%d-status", i), b.Status)
	}
	return err
}

func (s *Server) countHeal(ctx context.Context, out gfrpc.Dict, name, replica string) error {
	list, err := s.cfg.Healing.Count(ctx, name, replica)
	out.SetInt(keyCount, int64(len(list)))
	for i, b := range list {
		putPlace(out, i, b.Brick)
		if b.Error == "" { // gluster says by itself that a figure is missing
			out.SetString(fmt.Sprintf("%d-hardlinks", i), fmt.Sprint(b.Entries))
		}
	}
	return err
}

func (s *Server) healStatistics(ctx context.Context, out gfrpc.Dict, name string) error {
	list, err := s.cfg.Healing.Statistics(ctx, name)
	out.SetInt(keyCount, int64(len(list)))
	for i, b := range list {
		putPlace(out, i, b.Brick)
		out.SetInt(fmt.Sprintf("statistics-%d-count", i), int64(len(b.Crawls)))
		for j, c := range b.Crawls {
			putCrawl(out, func(key string) string { return fmt.Sprintf("statistics_%s-%d-%d", key, i, j) }, c)
		}
	}
	return err
}

func putCrawl(out gfrpc.Dict, key func(string) string, c api.HealCrawl) {
	out.SetString(key("crawl_type"), c.Type)
	out.SetString(key("strt_time"), crawlTime(c.StartedAt))
	out.SetString(key("end_time"), crawlTime(c.EndedAt))
	out.SetInt(key("inprogress"), truth(c.InProgress))
	for name, n := range map[string]uint64{"healed_cnt": c.Healed, "sb_cnt": c.SplitBrain, "heal_failed_cnt": c.Failed} {
		out.SetString(key(name), fmt.Sprint(n))
	}
}

// crawlTime writes a time as ctime(3) does, which gluster prints as it stands.
func crawlTime(at string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return at
	}
	return t.Format("Mon Jan _2 15:04:05 2006\n")
}

package clirpc

import (
	"context"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Bricks changes which bricks a volume has.
type Bricks interface {
	Expand(ctx context.Context, name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error)
}

// parseBricks takes a list of HOST:PATH, separated by spaces, apart.
func parseBricks(text string) ([]api.BrickReq, error) {
	var out []api.BrickReq
	for _, word := range strings.Fields(text) {
		b, err := parseBrick(word)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// parseBrick takes HOST:PATH apart. The host can be an IPv6 address, so the path begins at the last colon that has a slash
// behind it.
func parseBrick(word string) (api.BrickReq, error) {
	at := strings.Index(word, ":/")
	if at <= 0 {
		return api.BrickReq{}, api.FieldErrorf(keyBricks, "wrong brick type: %.80s, use <HOSTNAME>:<export-dir-abs-path>", word)
	}
	return api.BrickReq{PeerID: strings.Trim(word[:at], "[]"), Path: word[at+1:]}, nil
}

// counts are the numbers that say how bricks make subvolumes.
type counts struct{ replica, arbiter, disperse, redundancy int }

// maxCount bounds each of counts: no volume has more bricks in a set.
const maxCount = 1 << 16

func countsOf(in gfrpc.Dict) (c counts, err error) {
	for _, f := range []struct {
		key   string
		count *int
	}{{"replica-count", &c.replica}, {"arbiter-count", &c.arbiter}, {"disperse-count", &c.disperse}, {"redundancy-count", &c.redundancy}} {
		n, _ := in.Int(f.key)
		if n < 0 || n > maxCount {
			return c, api.FieldErrorf(f.key, "%s %d is not possible", f.key, n)
		}
		*f.count = int(n)
	}
	return c, nil
}

// arrange makes subvolumes of bricks, in their order.
func (c counts) arrange(bricks []api.BrickReq) ([]api.SubvolReq, error) {
	size := max(1, c.replica, c.disperse)
	if len(bricks) == 0 || len(bricks)%size != 0 {
		return nil, api.FieldErrorf(keyBricks, "%d bricks do not make whole sets of %d", len(bricks), size)
	}
	var out []api.SubvolReq
	for ; len(bricks) > 0; bricks = bricks[size:] {
		out = append(out, c.subvol(bricks[:size:size]))
	}
	return out, nil
}

func (c counts) subvol(bricks []api.BrickReq) api.SubvolReq {
	s := api.SubvolReq{Type: api.SubvolDistribute, Bricks: bricks}
	switch {
	case c.disperse > 0:
		s.Type, s.DisperseCount, s.DisperseRedundancy = api.SubvolDisperse, c.disperse, c.redundancy
	case c.replica > 1:
		s.Type, s.ReplicaCount, s.ArbiterCount = api.SubvolReplicate, c.replica, c.arbiter
		for i := max(0, len(bricks)-c.arbiter); i < len(bricks); i++ {
			bricks[i].Type = api.BrickTypeArbiter
		}
	}
	return s
}

func (s *Server) addBrick(ctx context.Context, in gfrpc.Dict) (answer, error) {
	bricks, err := parseBricks(in.String(keyBricks))
	if err != nil {
		return answer{}, err
	}
	c, err := countsOf(in)
	if err != nil {
		return answer{}, err
	}
	v, err := s.cfg.Bricks.Expand(ctx, in.String(keyVolume), api.VolumeExpandReq{
		Bricks: bricks, ReplicaCount: c.replica, ArbiterCount: c.arbiter, Force: forced(in),
	})
	return withID(in, v.VolumeInfo), aboutVolume(err, "Volume %s is not started")
}

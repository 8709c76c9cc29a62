package clirpc

import (
	"context"
	"slices"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Processes is what the processes of volumes are told to do.
type Processes interface {
	Statedump(ctx context.Context, name string, req api.StatedumpReq) ([]api.Statedump, error)
	RotateLogs(ctx context.Context, name, brick string) ([]api.RotatedLog, error)
	ClearLocks(ctx context.Context, name string, req api.ClearLocksReq) (api.ClearedLocks, error)
	Barrier(ctx context.Context, name string, enable bool) ([]api.BrickBarrier, error)
}

// gap is the error of places that did not do what they were told; nil if there is none.
func gap(causes []*api.Error) error {
	if len(causes) == 0 {
		return nil
	}
	return &api.Error{Kind: api.Unavailable, Message: "not everywhere", Causes: causes}
}

func (s *Server) statedump(ctx context.Context, in gfrpc.Dict) (answer, error) {
	req := api.StatedumpReq{Options: strings.Fields(in.String("options"))}
	if i := slices.Index(req.Options, "quotad"); i >= 0 {
		req.Quota, req.Options = true, slices.Delete(req.Options, i, i+1)
	}
	if slices.Contains(req.Options, "nfs") {
		return answer{}, api.Errorf(api.NotSupported, "statedump nfs is not possible with gd2")
	}
	if len(req.Options) > 1 && req.Options[0] == "client" { // the command has taken HOST:PID apart
		req.Client, req.Options = strings.Join(req.Options[1:], ":"), nil
	}
	list, err := s.cfg.Processes.Statedump(ctx, in.String(keyVolume), req)
	var causes []*api.Error
	for _, d := range list {
		if d.Error != "" {
			causes = append(causes, api.Errorf(api.Unavailable, "%s: %s", d.Name, d.Error))
		}
	}
	if err == nil {
		err = gap(causes)
	}
	return answer{dict: echo(in)}, aboutVolume(err, "Volume %s is not started")
}

func (s *Server) rotate(ctx context.Context, in gfrpc.Dict) (answer, error) {
	list, err := s.cfg.Processes.RotateLogs(ctx, in.String(keyVolume), in.String("brick"))
	var causes []*api.Error
	for _, l := range list {
		if l.Error != "" {
			causes = append(causes, api.Errorf(api.Unavailable, "%s: %s", l.Name, l.Error))
		}
	}
	if err == nil {
		err = gap(causes)
	}
	return answer{dict: echo(in)}, aboutVolume(err, "Volume %s needs to be started before log rotate.")
}

func (s *Server) barrier(ctx context.Context, in gfrpc.Dict) (answer, error) {
	word := in.String("barrier")
	on := slices.Contains([]string{"enable", "on", "yes", "true", "1"}, word)
	if !on && !slices.Contains([]string{"disable", "off", "no", "false", "0"}, word) {
		return answer{}, api.FieldErrorf("barrier", "barrier %.20q: use enable or disable", word)
	}
	_, err := s.cfg.Processes.Barrier(ctx, in.String(keyVolume), on)
	return answer{dict: echo(in)}, aboutVolume(err, "Volume %s is not started.")
}

// noLocks is what glusterd says of a file on which there was nothing to clear.
const noLocks = "No locks cleared."

func (s *Server) clearLocks(ctx context.Context, in gfrpc.Dict) (answer, error) {
	req := api.ClearLocksReq{Path: in.String("path"), Kind: in.String("kind"), Type: in.String("type")}
	if req.Type == api.LockEntry {
		req.Basename = in.String("opts")
	} else {
		req.Range = in.String("opts")
	}
	cleared, err := s.cfg.Processes.ClearLocks(ctx, in.String(keyVolume), req)
	out := echo(in)
	out.SetString("lk-summary", or(strings.Join(cleared.Summary, "\n"), noLocks))
	return answer{dict: out}, aboutVolume(err, "Volume %s is not started")
}

// sync answers volume sync. All peers read the same records, so there is never anything to copy.
func (s *Server) sync(ctx context.Context, in gfrpc.Dict) (answer, error) {
	host := in.String("hostname")
	p, err := s.cfg.Peers.Get(ctx, host)
	switch {
	case api.IsKind(err, api.NotFound):
		return answer{}, failed(errInternal, host+", is not a friend")
	case err != nil:
		return answer{}, err
	case p.ID == s.cfg.PeerID:
		return answer{}, failed(errInternal, "sync from localhost not allowed")
	}
	if name := in.String(keyVolume); name != "" {
		_, err = s.cfg.Volumes.Get(ctx, name)
	}
	return answer{dict: echo(in)}, aboutVolume(err, "")
}

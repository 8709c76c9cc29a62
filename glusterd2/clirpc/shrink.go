package clirpc

import (
	"context"
	"fmt"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Shrink takes bricks out of volumes.
type Shrink interface {
	Shrink(ctx context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error)
	ShrinkStart(ctx context.Context, name string, req api.VolumeShrinkReq) (string, error)
	ShrinkStatus(ctx context.Context, name string) (api.RebalanceStatus, error)
	ShrinkStop(ctx context.Context, name string, req api.VolumeShrinkReq) (api.RebalanceStatus, error)
	ShrinkCommit(ctx context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error)
}

// Values of command in a request about the removal of bricks.
const (
	removeStart  = 1
	removeCommit = 2
	removeStop   = 3
	removeStatus = 4
	removeForce  = 5
)

// Keys of requests and answers about the removal of bricks.
const (
	keyCommand  = "command"
	keyRemoveID = "remove-brick-id"
)

func shrinkRequest(in gfrpc.Dict) (api.VolumeShrinkReq, error) {
	c, err := countsOf(in)
	req := api.VolumeShrinkReq{ReplicaCount: c.replica, Force: forced(in)}
	for i := 1; err == nil; i++ {
		word := in.String(fmt.Sprintf("brick%d", i))
		if word == "" {
			break
		}
		var b api.BrickReq
		b, err = parseBrick(word)
		req.Bricks = append(req.Bricks, b)
	}
	return req, err
}

// removeBrick answers remove-brick start, commit and force. Stop and status come as questions about a rebalance.
func (s *Server) removeBrick(ctx context.Context, in gfrpc.Dict) (answer, error) {
	req, err := shrinkRequest(in)
	if err != nil {
		return answer{}, err
	}
	name, out := in.String(keyVolume), echo(in)
	command, _ := in.Int(keyCommand)
	switch command {
	case removeStart:
		var id string
		id, err = s.cfg.Shrink.ShrinkStart(ctx, name, req)
		out.SetString(keyRemoveID, id)
	case removeCommit:
		if st, err := s.cfg.Shrink.ShrinkStatus(ctx, name); err == nil {
			out.SetString(keyRemoveID, st.RebalanceID)
		}
		_, err = s.cfg.Shrink.ShrinkCommit(ctx, name, req)
	case removeForce:
		req.Force = true
		_, err = s.cfg.Shrink.Shrink(ctx, name, req)
	default:
		err = api.FieldErrorf(keyCommand, "remove-brick has no command %d", command)
	}
	if command == removeCommit {
		err = notRunning(err, name)
	}
	return answer{dict: out}, aboutVolume(err, "")
}

// removeBrickTask answers remove-brick status and stop.
func (s *Server) removeBrickTask(ctx context.Context, in gfrpc.Dict, command int64) (answer, error) {
	name := in.String(keyVolume)
	var st api.RebalanceStatus
	var err error
	if command == removeStop {
		var req api.VolumeShrinkReq
		if req, err = shrinkRequest(in); err != nil {
			return answer{}, err
		}
		st, err = s.cfg.Shrink.ShrinkStop(ctx, name, req)
	} else {
		st, err = s.cfg.Shrink.ShrinkStatus(ctx, name)
	}
	return answer{dict: s.putProgress(echo(in), st, keyRemoveID)}, notRunning(err, name)
}

// notRunning is aboutVolume for the removal of bricks.
func notRunning(err error, name string) error {
	return aboutVolume(err, "remove-brick not started for volume "+name+".")
}

package clirpc

import (
	"context"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Replacing puts bricks in the place of others.
type Replacing interface {
	Replace(ctx context.Context, name string, req api.ReplaceBrickReq) (api.VolumeInfo, error)
	ResetStart(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error)
	ResetCommit(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error)
}

// Values of operation in requests about the replacement of bricks.
const (
	opReplace     = "GF_REPLACE_OP_COMMIT_FORCE"
	opResetStart  = "GF_RESET_OP_START"
	opResetCommit = "GF_RESET_OP_COMMIT"
	opResetForce  = "GF_RESET_OP_COMMIT_FORCE"
)

// sourceAndDestination reads the two bricks of a request; the second may be missing.
func sourceAndDestination(in gfrpc.Dict) (src, dst api.BrickReq, err error) {
	if src, err = parseBrick(in.String("src-brick")); err != nil {
		return src, dst, err
	}
	if word := in.String("dst-brick"); word != "" {
		dst, err = parseBrick(word)
	}
	return src, dst, err
}

func (s *Server) replaceBrick(ctx context.Context, in gfrpc.Dict) (answer, error) {
	if op := in.String("operation"); op != opReplace {
		return answer{}, api.FieldErrorf("operation", "replace-brick %s is not possible: use commit force", strings.ToLower(op))
	}
	src, dst, err := sourceAndDestination(in)
	if err != nil {
		return answer{}, err
	}
	v, err := s.cfg.Replacing.Replace(ctx, in.String(keyVolume), api.ReplaceBrickReq{
		SrcPeerID: src.PeerID, SrcPath: src.Path, DestPeerID: dst.PeerID, DestPath: dst.Path, Force: true,
	})
	return withID(in, v), aboutVolume(err, "Volume %s is not started")
}

func (s *Server) resetBrick(ctx context.Context, in gfrpc.Dict) (answer, error) {
	src, dst, err := sourceAndDestination(in)
	if err != nil {
		return answer{}, err
	}
	op := in.String("operation")
	req := api.ResetBrickReq{PeerID: src.PeerID, Path: src.Path, Force: op == opResetForce}
	var v api.VolumeInfo
	switch op {
	case opResetStart:
		v, err = s.cfg.Replacing.ResetStart(ctx, in.String(keyVolume), req)
	case opResetCommit, opResetForce:
		if dst != src {
			return answer{}, api.FieldErrorf("dst-brick", "When destination brick is new, please use replace-brick: reset-brick makes %s:%s anew at its place", src.PeerID, src.Path)
		}
		v, err = s.cfg.Replacing.ResetCommit(ctx, in.String(keyVolume), req)
	default:
		err = api.FieldErrorf("operation", "reset-brick has no operation %.40q", op)
	}
	return withID(in, v), aboutVolume(err, "Volume %s is not started")
}

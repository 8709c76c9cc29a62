package clirpc

import (
	"context"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Volumes is the life of volumes.
type Volumes interface {
	Create(ctx context.Context, req api.VolumeCreateReq) (api.VolumeInfo, error)
	Get(ctx context.Context, name string) (api.VolumeInfo, error)
	Delete(ctx context.Context, name string, force bool) error
	Start(ctx context.Context, name string, req api.VolumeStartReq) (api.VolumeInfo, error)
	Stop(ctx context.Context, name string, req api.VolumeStopReq) (api.VolumeInfo, error)
	// Known, KnownAfter (the next by its name) and KnownStatus tell what this peer knows, without asking the others for records.
	Known(ctx context.Context) ([]api.VolumeInfo, error)
	KnownAfter(ctx context.Context, name string) (v api.VolumeInfo, ok bool, err error)
	KnownStatus(ctx context.Context, name string) (api.VolumeStatus, error)
}

// Keys that many requests and answers have.
const (
	keyVolume   = "volname"
	keyVolumeID = "volume-id" // in the answer of create
	keyVolID    = "vol-id"    // in the others
	keyBricks   = "bricks"
	keyForce    = "force"
	keyCount    = "count"
)

// flagForce is set in the flags of start and stop with force.
const flagForce = 1

func (s *Server) create(ctx context.Context, in gfrpc.Dict) (answer, error) {
	req, err := createRequest(in)
	if err != nil {
		return answer{}, err
	}
	v, err := s.cfg.Volumes.Create(ctx, req)
	out := echo(in)
	out.SetString(keyVolumeID, v.ID)
	return answer{dict: out}, aboutVolume(err, "")
}

func createRequest(in gfrpc.Dict) (api.VolumeCreateReq, error) {
	bricks, err := parseBricks(in.String(keyBricks))
	if err != nil {
		return api.VolumeCreateReq{}, err
	}
	if in.String("ta-brick") != "" {
		return api.VolumeCreateReq{}, api.Errorf(api.NotSupported, "thin arbiters are not possible with gd2: use an arbiter, 'replica 3 arbiter 1'")
	}
	c, err := countsOf(in)
	if err != nil {
		return api.VolumeCreateReq{}, err
	}
	subvols, err := c.arrange(bricks)
	return api.VolumeCreateReq{
		Name: in.String(keyVolume), Transport: in.String("transport"), Subvols: subvols, Force: forced(in),
	}, err
}

// forced tells whether a request has the word force, in the form of those that have it by itself.
func forced(in gfrpc.Dict) bool {
	n, _ := in.Int(keyForce)
	return n != 0
}

// flagged tells whether a request has the word force, in the form of start and stop.
func flagged(in gfrpc.Dict) bool {
	n, _ := in.Int("flags")
	return n&flagForce != 0
}

// withID is the answer that names the volume.
func withID(in gfrpc.Dict, v api.VolumeInfo) answer {
	out := echo(in)
	out.SetString(keyVolID, v.ID)
	return answer{dict: out}
}

func (s *Server) start(ctx context.Context, in gfrpc.Dict) (answer, error) {
	v, err := s.cfg.Volumes.Start(ctx, in.String(keyVolume), api.VolumeStartReq{ForceStartBricks: flagged(in)})
	return withID(in, v), aboutVolume(err, "Volume %s already started")
}

func (s *Server) stop(ctx context.Context, in gfrpc.Dict) (answer, error) {
	v, err := s.cfg.Volumes.Stop(ctx, in.String(keyVolume), api.VolumeStopReq{Force: flagged(in)})
	return withID(in, v), aboutVolume(err, "Volume %s is not in the started state")
}

func (s *Server) remove(ctx context.Context, in gfrpc.Dict) (answer, error) {
	v, err := s.cfg.Volumes.Get(ctx, in.String(keyVolume))
	if err == nil {
		err = s.cfg.Volumes.Delete(ctx, v.Name, false)
	}
	return withID(in, v), aboutVolume(err, "Volume %s has been started.Volume needs to be stopped before deletion.")
}

package rest

import (
	"context"
	"fmt"

	"gd2/pkg/api"
)

type fakeBricks struct{ f *fake }

func (b fakeBricks) Expand(_ context.Context, name string, r api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	return api.VolumeExpandResp{VolumeInfo: info(name), Hint: "rebalance"}, b.f.call("expand", name, fmt.Sprint(r.ReplicaCount))
}

func (b fakeBricks) RebalanceStart(_ context.Context, name string, r api.RebalanceStartReq) (string, error) {
	return "task-1", b.f.call("rebalance", name, r.Option)
}

func (b fakeBricks) RebalanceStop(_ context.Context, name string) (api.RebalanceStatus, error) {
	return api.RebalanceStatus{Volume: name}, b.f.call("stop rebalance", name)
}

func (b fakeBricks) RebalanceStatus(_ context.Context, name string) (api.RebalanceStatus, error) {
	return api.RebalanceStatus{Volume: name, Nodes: []api.RebalNodeStatus{{PeerID: "p1"}}}, b.f.call("rebalance status", name)
}

func (b fakeBricks) Shrink(_ context.Context, name string, r api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return info(name), b.f.call("shrink", name, fmt.Sprint(r.ReplicaCount, len(r.Bricks), r.Force))
}

func (b fakeBricks) ShrinkStart(_ context.Context, name string, r api.VolumeShrinkReq) (string, error) {
	return "task-1", b.f.call("start shrink", name, r.Bricks[0].Path)
}

func (b fakeBricks) ShrinkStop(_ context.Context, name string, r api.VolumeShrinkReq) (api.RebalanceStatus, error) {
	return api.RebalanceStatus{Volume: name}, b.f.call("stop shrink", name, fmt.Sprint(len(r.Bricks)))
}

func (b fakeBricks) ShrinkStatus(_ context.Context, name string) (api.RebalanceStatus, error) {
	return api.RebalanceStatus{Volume: name}, b.f.call("shrink status", name)
}

func (b fakeBricks) ShrinkCommit(_ context.Context, name string, r api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return info(name), b.f.call("commit shrink", name, fmt.Sprint(len(r.Bricks)))
}

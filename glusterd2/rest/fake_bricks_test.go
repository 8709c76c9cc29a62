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

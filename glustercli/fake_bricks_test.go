package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"gd2/pkg/api"
)

// expand adds the bricks as one further subvolume, or to the first one if the request is about copies.
func (f *fake) expand(r *http.Request, body []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var req api.VolumeExpandReq
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, api.Errorf(api.Invalid, "%v", err)
	}
	var bricks []api.BrickInfo
	for _, b := range req.Bricks {
		bricks = append(bricks, api.BrickInfo{Path: b.Path, Hostname: b.PeerID, Type: api.BrickTypeBrick})
	}
	if req.ReplicaCount > 0 {
		v.ReplicaCount = req.ReplicaCount
		v.Subvols[0].Bricks = append(v.Subvols[0].Bricks, bricks...)
	} else {
		v.Subvols = append(v.Subvols, api.SubvolInfo{Name: fmt.Sprint(v.Name, "-", len(v.Subvols)), Bricks: bricks})
	}
	return http.StatusOK, api.VolumeExpandResp{VolumeInfo: *v, Hint: "rebalance it"}, nil
}

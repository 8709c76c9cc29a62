package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

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

func (f *fake) rebalanceStart(r *http.Request, body []byte) (int, any, error) {
	if _, err := f.volume(r); err != nil {
		return 0, nil, err
	}
	var req api.RebalanceStartReq
	err := json.Unmarshal(body, &req)
	return http.StatusOK, "task-" + req.Option, err
}

func (f *fake) rebalanceStatus(r *http.Request, _ []byte) (int, any, error) {
	_, err := f.volume(r)
	return http.StatusOK, api.RebalanceStatus{Volume: r.PathValue("v"), RebalanceID: "task-1", State: "in progress", Nodes: []api.RebalNodeStatus{
		{Host: "node1", Status: "in progress", RebalancedFiles: "47", RebalancedSize: "61603840", LookedupFiles: "143", SkippedFiles: "0",
			RebalanceFailures: "0", ElapsedTime: "3723.00", TimeLeft: "61.00"},
		{Host: "node2", Status: "failed", RebalancedFiles: "0", RebalancedSize: "0", LookedupFiles: "0", SkippedFiles: "0",
			RebalanceFailures: "0", ElapsedTime: "0.00", TimeLeft: "0.00", Error: "its process died"},
	}}, err
}

func (f *fake) shrinkStart(r *http.Request, body []byte) (int, any, error) {
	if _, err := f.volume(r); err != nil {
		return 0, nil, err
	}
	var req api.VolumeShrinkReq
	err := json.Unmarshal(body, &req)
	return http.StatusOK, fmt.Sprint("task-", req.ReplicaCount, "-", len(req.Bricks)), err
}

// shrink removes the bricks that are named from the first subvolume.
func (f *fake) shrink(r *http.Request, body []byte) (int, any, error) {
	v, err := f.volume(r)
	if err != nil {
		return 0, nil, err
	}
	var req api.VolumeShrinkReq
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, api.Errorf(api.Invalid, "%v", err)
	}
	s := &v.Subvols[0]
	s.Bricks = slices.DeleteFunc(s.Bricks, func(b api.BrickInfo) bool {
		return slices.Contains(req.Bricks, api.BrickReq{PeerID: b.Hostname, Path: b.Path})
	})
	if req.ReplicaCount > 0 {
		v.ReplicaCount = req.ReplicaCount
	}
	return http.StatusOK, v, nil
}

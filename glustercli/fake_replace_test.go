package main

import (
	"encoding/json"
	"net/http"

	"gd2/pkg/api"
)

// replaceBrick puts the new brick where the old one is.
func replaceBrick(_ *http.Request, body []byte, v *api.VolumeInfo) error {
	var req api.ReplaceBrickReq
	if err := json.Unmarshal(body, &req); err != nil {
		return api.Errorf(api.Invalid, "%v", err)
	}
	b, err := brickOf(v, req.SrcPeerID, req.SrcPath)
	if err != nil {
		return err
	}
	b.Hostname, b.Path = req.DestPeerID, req.DestPath
	return nil
}

// resetBrick notes in the metadata whether the brick is out of service.
func resetBrick(state string) func(*http.Request, []byte, *api.VolumeInfo) error {
	return func(_ *http.Request, body []byte, v *api.VolumeInfo) error {
		var req api.ResetBrickReq
		if err := json.Unmarshal(body, &req); err != nil {
			return api.Errorf(api.Invalid, "%v", err)
		}
		if _, err := brickOf(v, req.PeerID, req.Path); err != nil {
			return err
		}
		v.Metadata = map[string]string{req.Path: state}
		return nil
	}
}

func brickOf(v *api.VolumeInfo, host, path string) (*api.BrickInfo, error) {
	for i := range v.Subvols {
		for j, b := range v.Subvols[i].Bricks {
			if b.Hostname == host && b.Path == path {
				return &v.Subvols[i].Bricks[j], nil
			}
		}
	}
	return nil, api.Errorf(api.NotFound, "no brick %s:%s", host, path)
}

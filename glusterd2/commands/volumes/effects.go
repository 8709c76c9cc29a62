package volumes

import (
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// processes begins the name of a brick's process in a plan.
const processes = "glusterfsd "

// onBricks is the same effect on each brick of the volume that the peer holds, named by prefix and path.
func onBricks(v *volume.Volume, peerID, action, kind, prefix string) []api.Effect {
	var out []api.Effect
	for _, b := range v.BricksOn(peerID) {
		out = append(out, api.Effect{Action: action, Kind: kind, Name: prefix + b.Path})
	}
	return out
}

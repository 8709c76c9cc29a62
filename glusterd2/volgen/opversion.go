package volgen

import (
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// ClientOpVersion returns the lowest op-version of a client that can use the volume: what the volume's type asks for,
// or more if an option that clients must know asks for it.
func ClientOpVersion(v *volume.Volume, t *xlator.Table) int {
	_, client := t.OpVersions(v.Options)
	return max(client, typeOpVersion(v))
}

// OpVersion returns the op-version that the volume needs of the bricks' side.
func OpVersion(v *volume.Volume, t *xlator.Table) int {
	all, _ := t.OpVersions(v.Options)
	return max(all, typeOpVersion(v))
}

// typeOpVersion says since when clients know the volume's type; the figures are those of glusterd 10.3.
func typeOpVersion(v *volume.Volume) int {
	if v.Shape().Type == api.SubvolDisperse {
		return 30600
	}
	return 2
}

package volumes

import (
	"slices"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// NamesBrick reports whether a name, HOST:PATH, is that of the brick. HOST may be the peer's address, name or id.
func NamesBrick(r store.Reader, b volume.Brick, name string) bool {
	names := []string{peer.Hosts(r)(b.PeerID) + ":" + b.Path, b.PeerID + ":" + b.Path}
	if rec, ok, err := peer.Records.Get(r, b.PeerID); err == nil && ok {
		names = append(names, rec.Value.Name+":"+b.Path)
	}
	return slices.Contains(names, name)
}

// NoSuchBrick is the error for a name that is no brick of the volume.
func NoSuchBrick(v *volume.Volume, name string) *api.Error {
	return api.Errorf(api.NotFound, "%.300q is no brick of volume %s: name one as HOST:PATH, as 'glustercli volume info %s' does", name, v.Name, v.Name)
}

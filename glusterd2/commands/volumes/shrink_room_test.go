package volumes

import (
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

func TestRoomOf(t *testing.T) {
	sub := func(typ string, disperse, redundancy int, ids ...string) volume.Subvol {
		s := volume.Subvol{Type: typ, Disperse: disperse, Redundancy: redundancy}
		for _, id := range ids {
			s.Bricks = append(s.Bricks, volume.Brick{ID: id, Leaving: id[0] == 'l', Arbiter: id[1] == 'a'})
		}
		return s
	}
	full, half, arbiter := api.SizeInfo{Used: 90, Free: 10}, api.SizeInfo{Used: 50, Free: 50}, api.SizeInfo{Used: 1, Free: 2}
	for name, tt := range map[string]struct {
		subvols    []volume.Subvol
		sizes      map[string]api.SizeInfo
		need, have uint64
		known      bool
	}{
		"copies": {[]volume.Subvol{sub(api.SubvolReplicate, 0, 0, "l1", "l2", "la"), sub(api.SubvolReplicate, 0, 0, "s1", "s2", "sa")},
			map[string]api.SizeInfo{"l1": half, "l2": full, "la": arbiter, "s1": half, "s2": full, "sa": arbiter}, 90, 10, true},
		"dispersed": {[]volume.Subvol{sub(api.SubvolDisperse, 3, 1, "l1", "l2", "l3"), sub(api.SubvolDisperse, 3, 1, "s1", "s2", "s3")},
			map[string]api.SizeInfo{"l1": half, "l2": half, "l3": half, "s1": half, "s2": half, "s3": half}, 100, 100, true},
		"not of its own": {[]volume.Subvol{sub(api.SubvolDistribute, 0, 0, "l1"), sub(api.SubvolDistribute, 0, 0, "s1")},
			map[string]api.SizeInfo{"l1": half}, 0, 0, false},
	} {
		need, have, known := roomOf(&volume.Volume{Subvols: tt.subvols}, tt.sizes)
		if need != tt.need || have != tt.have || known != tt.known {
			t.Errorf("%s: %d of %d, %v", name, need, have, known)
		}
	}
}

package volumes

import (
	"strings"
	"testing"

	"gd2/glusterd2/device"
	"gd2/pkg/api"
)

// sizedReplica is a volume gv0 of three copies that gd2 has made, which runs.
func sizedReplica(t *testing.T, devices int) *rig {
	t.Helper()
	r := newRig(t)
	r.addDevices(devices, 100*gib)
	r.mustCreate(sized("gv0", 10*gib, 3))
	r.start("gv0")
	return r
}

func TestReplaceChoosesPlace(t *testing.T) {
	r := sizedReplica(t, 2)
	old := r.record("gv0").Bricks()[1]
	used := r.used()
	info, err := r.c.Replace(t.Context(), "gv0", api.ReplaceBrickReq{SrcPeerID: old.PeerID, SrcPath: old.Path})
	if err != nil {
		t.Fatal(err)
	}
	b := r.record("gv0").Bricks()[1]
	if b.PeerID != old.PeerID || b.Device == old.Device || b.Size != old.Size || b.Client != old.Client || info.Subvols[0].Bricks[1].ID != b.ID {
		t.Errorf("%+v in the place of %+v", b, old)
	}
	if text := r.hosts.text(b.Path); !strings.Contains(text, "running=true dirty=true") || r.hosts.text(old.Path) != "" {
		t.Errorf("new: %s\nold: %s", text, r.hosts.text(old.Path))
	}
	if uses, err := device.Uses(r.store); err != nil || r.used() != used || uses[old.Device].Bytes != 0 {
		t.Errorf("%d used, %d before; %+v, %v", r.used(), used, uses, err)
	}
}

func TestReplaceFindsNoPlace(t *testing.T) {
	r := sizedReplica(t, 1)
	old := r.record("gv0").Bricks()[0]
	before := r.hosts.text("")
	_, err := r.c.Replace(t.Context(), "gv0", api.ReplaceBrickReq{SrcPeerID: old.PeerID, SrcPath: old.Path})
	refused(t, err, api.State, "")
	for _, want := range []string{"/dev/0 is what the brick is on now", "/dev/0 shares its zone with another brick"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	r.create("named", api.SubvolReq{ReplicaCount: 3})
	r.start("named")
	_, err = r.c.Replace(t.Context(), "named", api.ReplaceBrickReq{SrcPeerID: "p1", SrcPath: "/bricks/named/0"})
	refused(t, err, api.Invalid, "dest-brickpath")
	if now := r.hosts.text("gv0"); now != "" && now != before {
		t.Errorf("something changed:\n%s", now)
	}
}

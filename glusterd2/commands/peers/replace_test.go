package peers

import (
	"strings"
	"testing"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// A peer that is gone for good makes place for another, which may have its name and its address.
func TestReplace(t *testing.T) {
	r := newRig(t)
	r.prover = &peer.Prover{}
	old := testPeer(2, id3) // where the rig's network has the new peer id2
	old.Metadata, old.Certificate = map[string]string{api.ZoneKey: "z7", "rack": "4"}, "c0ffee"
	r.add(old, false)
	write(t, r.c.Store, func() []store.Write {
		return []store.Write{volume.Records.Create("gv0", &volume.Volume{ID: "gv0", Name: "gv0", Subvols: []volume.Subvol{{Bricks: []volume.Brick{{ID: "b", PeerID: id3, Path: "/b"}}}}})}
	})
	req := api.PeerAddReq{Addresses: []string{"10.0.0.2"}}
	_, err := r.c.Add(t.Context(), req)
	refused(t, err, api.Exists, "")
	if !strings.Contains(err.Error(), "--replaces node2") {
		t.Errorf("%v does not say what to do", err)
	}
	req.Replaces = "node2"
	p, err := r.c.Add(t.Context(), req)
	if err != nil || p.ID != id2 || p.Metadata[api.ZoneKey] != "z7" || p.Metadata["rack"] != "4" {
		t.Fatalf("%+v, %v", p, err)
	}
	was, ok := r.record(id3)
	if !ok || was.Name != "node2-gone" || was.Host != "10.0.0.2" || !was.Replaced || !was.NoBricks || was.PeerAddress == old.PeerAddress {
		t.Errorf("%+v", was)
	}
	if _, revoked, err := peer.Revoked.Get(r.c.Store, "c0ffee"); err != nil || !revoked {
		t.Errorf("the certificate of the old peer: %v, %v", revoked, err)
	}
	if now, _ := r.record(id2); len(now.Replaces) != 1 || now.Replaces[0] != id3 {
		t.Errorf("it is in the place of %v", now.Replaces)
	}
	for name, id := range map[string]string{"node2": id2, "10.0.0.2": id2, "node2-gone": id3} {
		if p, err := r.c.Get(t.Context(), name); err != nil || p.ID != id {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestReplaceRefuses(t *testing.T) {
	r := newRig(t)
	r.prover = &peer.Prover{}
	r.add(testPeer(2, id2), true)
	for name, kind := range map[string]api.Kind{"nobody": api.NotFound, "node2": api.Invalid, "node1": api.Invalid} {
		_, err := r.c.Add(t.Context(), api.PeerAddReq{Addresses: []string{"10.0.0.3"}, Replaces: name})
		refused(t, err, kind, "")
	}
	if len(r.invites) > 0 {
		t.Errorf("refused requests invited %v", r.invites)
	}
}

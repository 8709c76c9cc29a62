package peers

import (
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestEditAddress(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.add(testPeer(2, id2), true)
	r.add(testPeer(3, id3), false)
	for _, bad := range []string{"a b", "-x", "10.0.0.9:24008", "https://x", "x\n"} {
		_, err := r.c.Edit(ctx, id2, api.PeerEditReq{Address: bad})
		refused(t, err, api.Invalid, "address")
	}
	_, err := r.c.Edit(ctx, id2, api.PeerEditReq{Address: "10.0.0.3"})
	refused(t, err, api.Exists, "")
	r.deaf = api.Errorf(api.Unavailable, "nobody there")
	_, err = r.c.Edit(ctx, id2, api.PeerEditReq{Address: "10.0.0.9", Zone: "z"})
	if refused(t, err, api.Unavailable, "address"); !strings.Contains(err.Error(), "10.0.0.9:24008") {
		t.Errorf("%v", err)
	}
	if p, _ := r.record(id2); p.Host != "10.0.0.2" || p.Metadata[api.ZoneKey] == "z" {
		t.Errorf("a part of the change was made: %+v", p)
	}
	// Of a peer that is away the operator's word is taken, and the same address is no change.
	if _, err := r.c.Edit(ctx, id3, api.PeerEditReq{Address: "node3.example"}); err != nil {
		t.Error(err)
	}
	if _, err := r.c.Edit(ctx, id2, api.PeerEditReq{Address: "10.0.0.2"}); err != nil {
		t.Error(err)
	}
	r.deaf = nil
	for _, id := range []string{id1, id2} {
		if _, err := r.c.Edit(ctx, id, api.PeerEditReq{Address: "n-" + id[:1], Zone: "z"}); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(r.knocks, []string{"10.0.0.9:24008", "n-1:24008", "n-2:24008"}) {
		t.Errorf("knocked at %q", r.knocks)
	}
	p, _ := r.record(id2)
	want := testPeer(2, id2).At("n-2")
	if p.Host != "n-2" || p.PeerAddress != want.PeerAddress || p.ClientAddress != want.ClientAddress || p.Metadata[api.ZoneKey] != "z" ||
		!slices.Equal(p.StorePeerURLs, want.StorePeerURLs) || !slices.Equal(p.StoreClientURLs, want.StoreClientURLs) {
		t.Errorf("the record is %+v", p)
	}
	if p, _ := r.record(id3); p.Host != "node3.example" {
		t.Errorf("the record is %+v", p)
	}
}

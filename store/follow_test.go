package store_test

import (
	"testing"

	"gd2/store/storetest"
)

// A list of members that was asked for in one pool must not be followed in the next: the peer would never come back.
func TestFollowForgetsTheOldPool(t *testing.T) {
	peers := storetest.Peers(t, 2)
	p := peers[1].Store
	old, err := p.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Follow(old); err != nil {
		t.Fatal(err)
	}
	if err := p.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Follow(old); err != nil {
		t.Fatal(err)
	}
	if err := p.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	members, err := p.Members(t.Context())
	if err != nil || len(members) != 1 || members[0].PeerID != "peer-2" {
		t.Errorf("members %+v, %v", members, err)
	}
}

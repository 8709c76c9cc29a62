package volumes

import (
	"context"
	"testing"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
)

// lostQuorum is a server quorum that is not met.
type lostQuorum struct{}

func (lostQuorum) Met() bool                { return false }
func (lostQuorum) Lost() bool               { return true }
func (lostQuorum) Changed() <-chan struct{} { return nil }
func (lostQuorum) Count() peer.Count        { return peer.Count{Active: 1, Total: 3, Needed: 2} }
func (lostQuorum) Refuse(context.Context) error {
	return api.Errorf(api.Unavailable, "the server quorum is not met")
}

// TestChangesWithoutServerQuorum: a volume that asks for the quorum is not changed without it, but for that option.
func TestChangesWithoutServerQuorum(t *testing.T) {
	r := newRig(t)
	r.create("asks", api.SubvolReq{ReplicaCount: 3})
	r.create("free", api.SubvolReq{ReplicaCount: 3})
	set := func(name string, options map[string]string) error {
		_, err := r.c.SetOptions(t.Context(), name, api.VolumeOptionReq{Options: options})
		return err
	}
	if err := set("asks", map[string]string{"server-quorum-type": "server"}); err != nil {
		t.Fatal(err)
	}
	if !ServerQuorumWanted(r.c.Store) {
		t.Error("nobody asks for the quorum")
	}
	r.c.Quorum = lostQuorum{}
	_, startErr := r.c.Start(t.Context(), "asks", api.VolumeStartReq{ForceStartBricks: true})
	_, editErr := r.c.Edit(t.Context(), "asks", api.VolumeEditReq{Metadata: map[string]string{"a": "b"}})
	for what, err := range map[string]error{
		"start": startErr, "edit": editErr, "delete": r.c.Delete(t.Context(), "asks", false),
		"set":            set("asks", map[string]string{"user.a": "b"}),
		"set with other": set("asks", map[string]string{"cluster.server-quorum-type": "none", "user.a": "b"}),
	} {
		if !api.IsKind(err, api.Unavailable) {
			t.Errorf("%s without the quorum: %v", what, err)
		}
	}
	if _, err := r.c.Get(t.Context(), "asks"); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := set("free", map[string]string{"user.a": "b"}); err != nil {
		t.Errorf("a volume that does not ask: %v", err)
	}
	_, err := r.c.ResetOptions(t.Context(), "asks", api.VolumeOptionResetReq{Options: []string{"cluster.server-quorum-type"}})
	if err != nil {
		t.Errorf("the option itself: %v", err)
	}
	if _, err := r.c.Start(t.Context(), "asks", api.VolumeStartReq{}); err != nil {
		t.Errorf("a volume that does not ask any more: %v", err)
	}
}

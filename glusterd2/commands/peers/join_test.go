package peers

import (
	"context"
	"testing"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// joiner is a rig whose network leads to another pool, which answers what admit says.
type joiner struct {
	*rig
	admit func(ctx context.Context, req peer.JoinRequest) (peer.JoinReply, error)
}

// Join implements Network.
func (j joiner) Join(ctx context.Context, _ peer.Token, req peer.JoinRequest) (peer.JoinReply, error) {
	return j.admit(ctx, req)
}

// A join that cannot be ended leaves the peer in its own pool, with its own certificate, and able to work.
func TestJoinFails(t *testing.T) {
	r, other := newRig(t), newRig(t)
	token := other.token()
	before, err := r.c.TLS.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	good := func(ctx context.Context, req peer.JoinRequest) (peer.JoinReply, error) {
		req.Peer = testPeer(2, id2)
		return other.c.Admit(ctx, "10.0.0.2", req)
	}
	for what, c := range map[string]struct {
		change func(*peer.JoinReply)
		kind   api.Kind
	}{
		"a store that does not answer": {func(reply *peer.JoinReply) { reply.Endpoints = []string{"https://127.0.0.1:1"} }, api.Unavailable},
		"no store":                     {func(reply *peer.JoinReply) { reply.Endpoints = nil }, api.Invalid},
		"a pool id that is a path":     {func(reply *peer.JoinReply) { reply.PoolID = "../x" }, api.Internal},
	} {
		t.Run(what, func(t *testing.T) {
			r.c.Network = joiner{r, func(ctx context.Context, req peer.JoinRequest) (peer.JoinReply, error) {
				reply, err := good(ctx, req)
				c.change(&reply)
				return reply, err
			}}
			_, err := r.c.Join(t.Context(), api.PeerJoinReq{Token: token.String()})
			if err == nil {
				t.Fatal("it has joined")
			}
			refused(t, err, c.kind, "")
			after, err := r.c.TLS.Certificate()
			if err != nil || after.Leaf.SerialNumber.Cmp(before.Leaf.SerialNumber) != 0 {
				t.Errorf("another certificate is in force: %v", err)
			}
			if _, err := r.c.Token(t.Context(), api.PeerTokenReq{}); err != nil {
				t.Errorf("the peer's own pool does not work: %v", err)
			}
			token = other.token()
		})
	}
}

// What is free to join is checked before the pool is asked, so that a refusal leaves no trace there.
func TestJoinAsksOnlyWhenFree(t *testing.T) {
	r := newRig(t)
	asked := false
	r.c.Network = joiner{r, func(context.Context, peer.JoinRequest) (peer.JoinReply, error) {
		asked = true
		return peer.JoinReply{}, api.Errorf(api.Denied, "no")
	}}
	token, err := peer.NewToken("another", []string{"10.0.0.7:24008"})
	if err != nil {
		t.Fatal(err)
	}
	r.commit(func() []store.Write { return []store.Write{volume.Records.Create("gv", &volume.Volume{Name: "gv"})} })
	_, err = r.c.Join(t.Context(), api.PeerJoinReq{Token: token.String()})
	refused(t, err, api.State, "")
	if asked {
		t.Error("the pool was asked for nothing")
	}
}

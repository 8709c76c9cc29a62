package peers

import (
	"context"
	"testing"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/transaction"
)

// TestTakeBack: the mark of a detach stays while it goes on, and goes when it has ended.
func TestTakeBack(t *testing.T) {
	r := newRig(t)
	leaving := testPeer(2, id2)
	leaving.Leaving = true
	r.add(leaving, true)
	hold, release := make(chan struct{}), make(chan struct{})
	h := transaction.Conduct(r.pool.Engine(id1), transaction.Course[string, string]{Name: "test.hold", Version: 1, Timeout: time.Minute,
		Run: func(ctx context.Context, _ string) (string, error) {
			close(hold)
			select {
			case <-release:
			case <-ctx.Done():
			}
			return "", ctx.Err()
		}})
	ended := make(chan error, 1)
	go func() {
		_, err := h.Run(t.Context(), r.pool.Engine(id1), transaction.Plan[string]{Locks: []string{detachLock(id2)}})
		ended <- err
	}()
	<-hold
	look := func() bool {
		if err := r.store.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.c.takeBack(t.Context())
		got, _ := r.record(id2)
		return got.Leaving
	}
	if !look() {
		t.Error("the mark of a detach that goes on was taken back")
	}
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if look() {
		t.Error("the mark of a detach that has ended stays")
	}
}

// TestResumedPeers: a request that was carried out half by a peer that stopped is carried on.
func TestResumedPeers(t *testing.T) {
	r := newRig(t)
	prover, err := peer.NewProver("0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	r.prover = prover
	again := transaction.WithRequest(t.Context(), &transaction.Request{Resumed: true})
	if _, err := r.c.takeOut(again, detachParams{Peer: id2}); err != nil {
		t.Errorf("detach of a peer that is gone already: %v", err)
	}
	refused(t, r.c.Delete(t.Context(), id2, false), api.NotFound, "")
	r.add(testPeer(2, id2), false) // a join that did not end has left the record
	if _, err := r.c.Add(t.Context(), api.PeerAddReq{Addresses: []string{"10.0.0.2"}}); err != nil {
		t.Errorf("probe of a peer whose join did not end: %v", err)
	}
	_, err = r.c.Add(t.Context(), api.PeerAddReq{Addresses: []string{"10.0.0.2"}})
	refused(t, err, api.Exists, "")
	if p, err := r.c.bringIn(again, probeParams{api.PeerAddReq{Addresses: []string{"10.0.0.2"}}}); err != nil || p.ID != id2 || len(r.invites) != 1 {
		t.Errorf("probe of a peer that has joined: %+v, %v; invited %v", p, err, r.invites)
	}
}

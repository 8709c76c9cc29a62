package peers

import (
	"testing"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// TestTakeBack: the mark of a detach goes when the daemon that set it is gone, and not before.
func TestTakeBack(t *testing.T) {
	r := newRig(t)
	self := r.c.owner()
	if self.Peer != id1 || self.Boot == "" {
		t.Fatalf("owner %+v", self)
	}
	leaving := testPeer(2, id2)
	leaving.Leaving, leaving.LeavingBy = true, self
	r.add(leaving, true)
	missing := map[transaction.Owner]time.Time{}
	now := time.Now()
	look := func(after time.Duration) bool {
		r.c.takeBack(t.Context(), missing, now.Add(after))
		got, _ := r.record(id2)
		return got.Leaving
	}
	if !look(0) || !look(time.Hour) {
		t.Error("a mark whose daemon works was taken back")
	}
	by := func(o transaction.Owner) {
		rec, _, err := peer.Records.Get(r.store, id2)
		if err != nil {
			t.Fatal(err)
		}
		marked := *rec.Value
		marked.Leaving, marked.LeavingBy = true, o
		r.commit(func() []store.Write { return []store.Write{peer.Records.Update(id2, &marked, rec.Revision)} })
	}
	by(transaction.Owner{Peer: id3, Boot: "b"})
	if !look(0) || !look(leavingGrace/2) {
		t.Error("a sign of life that is late was taken for the end")
	}
	if look(leavingGrace) {
		t.Error("the mark of a daemon that is gone stays")
	}
	by(transaction.Owner{Peer: id1, Boot: "before"})
	if look(0) {
		t.Error("the mark of an earlier run of this daemon stays")
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
	if err := r.c.Delete(again, id2, false); err != nil {
		t.Errorf("detach of a peer that is gone already: %v", err)
	}
	refused(t, r.c.Delete(t.Context(), id2, false), api.NotFound, "")
	r.add(testPeer(2, id2), false) // a join that did not end has left the record
	if _, err := r.c.Add(t.Context(), api.PeerAddReq{Addresses: []string{"10.0.0.2"}}); err != nil {
		t.Errorf("probe of a peer whose join did not end: %v", err)
	}
	_, err = r.c.Add(t.Context(), api.PeerAddReq{Addresses: []string{"10.0.0.2"}})
	refused(t, err, api.Exists, "")
	if p, err := r.c.Add(again, api.PeerAddReq{Addresses: []string{"10.0.0.2"}}); err != nil || p.ID != id2 || len(r.invites) != 1 {
		t.Errorf("probe of a peer that has joined: %+v, %v; invited %v", p, err, r.invites)
	}
}

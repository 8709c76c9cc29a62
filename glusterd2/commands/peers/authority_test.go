package peers

import (
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

// holders lists the peers for which the key of the authority is sealed.
func (r *rig) holders() string {
	r.t.Helper()
	if err := r.store.Sync(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	recs, err := peer.AuthorityKeys.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []string
	for _, rec := range recs {
		ids = append(ids, rec.ID[:1])
	}
	return strings.Join(ids, " ")
}

// A peer that gets a copy of the store gets the key, and can sign with it; one that loses it loses the key.
func TestShareAuthority(t *testing.T) {
	r := newRig(t)
	dir, err := pki.OpenDir(t.TempDir() + "/tls")
	if err != nil {
		t.Fatal(err)
	}
	second := testPeer(2, id2)
	if second.PublicKey, err = dir.PublicKey(); err != nil {
		t.Fatal(err)
	}
	r.commit(func() []store.Write { return []store.Write{peer.Records.Create(id2, &second)} })
	members := []store.Member{{PeerID: id1}, {PeerID: id2, Learner: true}}
	for range 2 {
		if err := r.c.ShareAuthority(t.Context(), members); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.holders(); got != "1 2" {
		t.Errorf("the key is held by %q", got)
	}
	rec, _, err := peer.AuthorityKeys.Get(r.store, id2)
	if err != nil {
		t.Fatal(err)
	}
	pool, _, err := peer.PoolRecord.Get(r.store, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := rec.Value.Open(r.poolID, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pki.ParseAuthority(pool.Value.Authority, key); err != nil {
		t.Error(err)
	}
	if err := r.c.ShareAuthority(t.Context(), members[1:]); err != nil {
		t.Fatal(err)
	}
	if got := r.holders(); got != "2" {
		t.Errorf("the key is held by %q, although peer 1 has no copy of the store any more", got)
	}
	// Without the key this peer shares nothing.
	if err := r.c.ShareAuthority(t.Context(), members[:1]); err != nil || r.holders() != "2" {
		t.Errorf("%v, held by %q", err, r.holders())
	}
}

// What needs a signature is passed on to a peer that holds the key and is at work.
func TestSignedElsewhere(t *testing.T) {
	r := newRig(t)
	token := r.token()
	own, _, err := peer.AuthorityKeys.Get(r.store, id1)
	if err != nil {
		t.Fatal(err)
	}
	second, third := testPeer(2, id2), testPeer(3, id3)
	r.commit(func() []store.Write {
		return []store.Write{
			peer.Records.Create(id2, &second), peer.Records.Create(id3, &third), peer.AuthorityKeys.Delete(id1, own.Revision),
			peer.AuthorityKeys.Create(id2, own.Value), peer.AuthorityKeys.Create(id3, own.Value),
		}
	})
	req := r.joinRequest(token, testPeer(4, "44444444-4444-4444-8444-444444444444"))
	_, err = r.c.Admit(t.Context(), "10.0.0.4", req)
	refused(t, err, api.Unavailable, "")
	_, err = r.c.AdmitFor(t.Context(), peer.AdmitRequest{From: "10.0.0.4", Join: req})
	refused(t, err, api.Unavailable, "")
	r.commit(func() []store.Write {
		return []store.Write{transaction.AliveKind.Create(id3, transaction.Alive{Boot: "b"})}
	})
	reply, err := r.c.Admit(t.Context(), "10.0.0.4", req)
	if err != nil || reply.PoolID != "by "+id3+" for 10.0.0.4" {
		t.Errorf("%+v, %v", reply, err)
	}
	renewed, err := r.c.RenewOwn(t.Context(), peer.RenewRequest{})
	if err != nil || renewed.PoolID != "by "+id3 || !slices.Equal(r.asked, []string{id3, id3}) {
		t.Errorf("%+v, %v, asked %v", renewed, err, r.asked)
	}
	r.commit(func() []store.Write {
		return []store.Write{transaction.AliveKind.Create(id2, transaction.Alive{Boot: "b"})}
	})
	r.deaf = api.Errorf(api.Unavailable, "out of reach")
	_, err = r.c.RenewOwn(t.Context(), peer.RenewRequest{})
	refused(t, err, api.Unavailable, "")
	if len(r.asked) != 4 {
		t.Errorf("asked %v: all holders at work should be", r.asked)
	}
	r.deaf = api.Errorf(api.Denied, "no")
	_, err = r.c.Admit(t.Context(), "10.0.0.4", req)
	refused(t, err, api.Denied, "")
	if len(r.asked) != 5 {
		t.Errorf("asked %v: one that refuses has decided", r.asked)
	}
}

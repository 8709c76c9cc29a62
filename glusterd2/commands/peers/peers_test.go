package peers

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

func TestListAndGet(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	p2 := testPeer(2, id2)
	p2.Metadata = map[string]string{"rack": "7"}
	r.add(p2, true)
	list, err := r.c.List(ctx, "", "")
	if err != nil || len(list) != 2 || !list[1].Online || list[1].PID != 7 || list[1].Version != "v" || list[1].StoreRole != "client" {
		t.Errorf("%+v, %v", list, err)
	}
	for filter, n := range map[[2]string]int{{"rack", ""}: 1, {"rack", "7"}: 1, {"", "7"}: 1, {"rack", "8"}: 0, {api.ZoneKey, id1}: 1} {
		if list, err := r.c.List(ctx, filter[0], filter[1]); err != nil || len(list) != n {
			t.Errorf("%v: %d peers, %v", filter, len(list), err)
		}
	}
	for _, name := range []string{id2, "node2", "10.0.0.2", "10.0.0.2:24008", "10.0.0.2:24007"} {
		if p, err := r.c.Get(ctx, name); err != nil || p.ID != id2 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for _, name := range []string{"", "nobody", strings.Repeat("x", 5000), "a\nb"} {
		_, err := r.c.Get(ctx, name)
		refused(t, err, api.NotFound, "")
	}
	twin := testPeer(3, id3)
	twin.Name = "node2"
	r.add(twin, true)
	_, err = r.c.Get(ctx, "node2")
	refused(t, err, api.Invalid, "peerid")
}

func TestEdit(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	p, err := r.c.Edit(ctx, "node1", api.PeerEditReq{Zone: "z1", Metadata: map[string]string{"a": "1", "b": "2"}})
	if err != nil || p.Metadata[api.ZoneKey] != "z1" || p.Metadata["a"] != "1" {
		t.Fatalf("%+v, %v", p, err)
	}
	p, err = r.c.Edit(ctx, id1, api.PeerEditReq{Metadata: map[string]string{"a": ""}})
	if _, still := p.Metadata["a"]; still || err != nil || p.Metadata["b"] != "2" || p.Metadata[api.ZoneKey] != "z1" {
		t.Errorf("%+v, %v", p, err)
	}
	for field, bad := range map[string]api.PeerEditReq{
		"zone": {Zone: "a\nb"}, "metadata": {Metadata: map[string]string{"_zone": "x"}},
	} {
		_, err := r.c.Edit(ctx, id1, bad)
		refused(t, err, api.Invalid, field)
	}
	_, err = r.c.Edit(ctx, "nobody", api.PeerEditReq{Zone: "z"})
	refused(t, err, api.NotFound, "")
	// However often small edits come, the metadata does not outgrow its limit.
	half := strings.Repeat("x", api.MaxMetadata*2/3)
	if _, err := r.c.Edit(ctx, id1, api.PeerEditReq{Metadata: map[string]string{"c": half}}); err != nil {
		t.Error(err)
	}
	_, err = r.c.Edit(ctx, id1, api.PeerEditReq{Metadata: map[string]string{"d": half}})
	refused(t, err, api.Invalid, "metadata")
}

func TestEditsRace(t *testing.T) {
	r := newRig(t)
	keys := []string{"a", "b", "c", "d"}
	errs := make([]error, len(keys))
	var wg sync.WaitGroup
	for i, k := range keys {
		wg.Go(func() {
			_, errs[i] = r.c.Edit(t.Context(), id1, api.PeerEditReq{Metadata: map[string]string{k: "x"}})
		})
	}
	wg.Wait()
	p, _ := r.record(id1)
	for i, k := range keys {
		if err := errs[i]; err != nil && !api.IsKind(err, api.Conflict) || (err == nil) != (p.Metadata[k] == "x") {
			t.Errorf("%s: %v, metadata %v", k, err, p.Metadata)
		}
	}
}

func TestAdd(t *testing.T) {
	r := newRig(t)
	add := func(req api.PeerAddReq) (api.Peer, error) { return r.c.Add(t.Context(), req) }
	_, err := add(api.PeerAddReq{Addresses: []string{"10.0.0.2"}})
	refused(t, err, api.Forbidden, "") // no pool-secret
	r.prover = &peer.Prover{}
	for what, c := range map[string]struct {
		req   api.PeerAddReq
		kind  api.Kind
		field string
	}{
		"no address":    {api.PeerAddReq{}, api.Invalid, "addresses"},
		"address":       {api.PeerAddReq{Addresses: []string{"a b"}}, api.Invalid, "address"},
		"empty address": {api.PeerAddReq{Addresses: []string{""}}, api.Invalid, "address"},
		"zone":          {api.PeerAddReq{Addresses: []string{"10.0.0.2"}, Zone: "\x00"}, api.Invalid, "zone"},
		"metadata":      {api.PeerAddReq{Addresses: []string{"10.0.0.2"}, Metadata: map[string]string{"": ""}}, api.Invalid, "metadata"},
		"itself":        {api.PeerAddReq{Addresses: []string{"10.0.0.1"}}, api.Exists, ""},
	} {
		_, err := add(c.req)
		t.Run(what, func(t *testing.T) { refused(t, err, c.kind, c.field) })
	}
	if len(r.invites) > 0 {
		t.Errorf("refused requests invited %v", r.invites)
	}
	p, err := add(api.PeerAddReq{Addresses: []string{"10.0.0.2"}, Zone: "z2", Metadata: map[string]string{"a": "1"}})
	if err != nil || p.ID != id2 || !p.Online || p.Metadata[api.ZoneKey] != "z2" || p.Metadata["a"] != "1" {
		t.Errorf("%+v, %v", p, err)
	}
	if r.invites[0] != "10.0.0.2:24008" {
		t.Errorf("invited %v", r.invites)
	}
	_, err = add(api.PeerAddReq{Addresses: []string{"10.0.0.2:24008"}})
	refused(t, err, api.Exists, "")
}

func TestAddTriesAllAddresses(t *testing.T) {
	r := newRig(t)
	r.prover, r.invited = &peer.Prover{}, api.Errorf(api.Unavailable, "away")
	_, err := r.c.Add(t.Context(), api.PeerAddReq{Addresses: []string{"10.0.0.2", "node2:99"}})
	refused(t, err, api.Unavailable, "")
	if strings.Join(r.invites, " ") != "10.0.0.2:24008 node2:99" {
		t.Errorf("invited %v", r.invites)
	}
}

func TestJoinIsRefused(t *testing.T) {
	r := newRig(t)
	_, err := r.c.Join(t.Context(), api.PeerJoinReq{Token: "nonsense"})
	refused(t, err, api.Invalid, "token")
	_, err = r.c.Join(t.Context(), api.PeerJoinReq{Token: r.token().String()})
	refused(t, err, api.Exists, "") // its own pool
	foreign, err := peer.NewToken("another", []string{"10.0.0.7:24008"})
	if err != nil {
		t.Fatal(err)
	}
	token := foreign.String()
	_, err = r.c.Invited(t.Context(), peer.Invitation{Token: token, Address: "a b"})
	refused(t, err, api.Invalid, "address")
	_, err = r.c.Join(t.Context(), api.PeerJoinReq{Token: token})
	refused(t, err, api.Unavailable, "") // by the network of the rig
	r.brick("mine", id1)
	_, err = r.c.Join(t.Context(), api.PeerJoinReq{Token: token})
	if refused(t, err, api.State, ""); !strings.Contains(err.Error(), "mine") {
		t.Errorf("the refusal does not name the volume: %v", err)
	}
	r.add(testPeer(2, id2), true)
	_, err = r.c.Invited(t.Context(), peer.Invitation{Token: token, Address: "10.0.0.9"})
	if refused(t, err, api.Exists, ""); !strings.Contains(err.Error(), r.poolID) {
		t.Errorf("the refusal does not name the pool: %v", err)
	}
}

// A peer does not let others into a pool that it is about to give up, and does not give one up while it lets others in.
func TestJoinAndAdmitExclude(t *testing.T) {
	r := newRig(t)
	foreign, err := peer.NewToken("another", []string{"10.0.0.7:24008"})
	if err != nil {
		t.Fatal(err)
	}
	req := r.joinRequest(r.token(), testPeer(2, id2))
	r.c.joining.Lock()
	_, err = r.c.Admit(t.Context(), "10.0.0.2", req)
	refused(t, err, api.Conflict, "")
	r.c.joining.Unlock()
	r.c.joining.RLock()
	_, err = r.c.Join(t.Context(), api.PeerJoinReq{Token: foreign.String()})
	refused(t, err, api.Conflict, "")
	r.c.joining.RUnlock()
	if _, err = r.c.Admit(t.Context(), "10.0.0.2", req); err != nil {
		t.Error(err)
	}
}

func TestDelete(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.add(testPeer(2, id2), true)
	r.add(testPeer(3, id3), false)
	refused(t, r.c.Delete(ctx, "nobody", true), api.NotFound, "")
	refused(t, r.c.Delete(ctx, "node1", true), api.Invalid, "")
	refused(t, r.c.Delete(ctx, id3, false), api.Unavailable, "")
	if err := r.c.Delete(ctx, id3, true); err != nil {
		t.Error(err)
	}
	r.brick("gv", id2)
	for _, force := range []bool{false, true} {
		err := r.c.Delete(ctx, id2, force)
		if refused(t, err, api.Forbidden, ""); !strings.Contains(err.Error(), "gv: /b/gv") {
			t.Errorf("the refusal does not name the brick: %v", err)
		}
	}
	if p, _ := r.record(id2); p.Leaving {
		t.Error("a peer whose detach was refused is marked as leaving")
	}
	if _, ok := r.record(id3); ok {
		t.Error("the detached peer is still there")
	}
	if rec, ok, err := peer.Revoked.Get(r.store, "c3"); !ok || err != nil || rec.Value != id3 {
		t.Errorf("its certificate is not revoked: %+v, %v", rec, err)
	}
	if len(r.left) > 0 {
		t.Errorf("told %v", r.left)
	}
}

func TestDeleteTellsThePeer(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	if err := r.c.Delete(t.Context(), "10.0.0.2", false); err != nil || len(r.left) != 1 || r.left[0] != id2 {
		t.Errorf("told %v, %v", r.left, err)
	}
}

// A volume that takes a brick on the peer between the check and the mark keeps the peer in the pool, unmarked.
func TestDeleteTakesItsMarkBack(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	rec, _, err := peer.Records.Get(r.store, id2)
	if err != nil {
		t.Fatal(err)
	}
	rec, err = r.c.markLeaving(t.Context(), rec, true)
	if err != nil || !rec.Value.Leaving {
		t.Fatalf("%+v, %v", rec.Value, err)
	}
	r.brick("gv", id2)
	refused(t, r.c.Delete(t.Context(), id2, false), api.Forbidden, "")
	refused(t, r.c.remove(t.Context(), rec, true, false), api.Forbidden, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.c.markLeaving(context.WithoutCancel(ctx), rec, false); err != nil {
		t.Error(err)
	}
	if p, _ := r.record(id2); p.Leaving {
		t.Error("the mark is still there")
	}
}

// The certificate of a peer may have been revoked before: that is no hindrance.
func TestDeleteRevokedPeer(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	r.commit(func() []store.Write { return []store.Write{peer.Revoked.Create("c2", id2)} })
	if err := r.c.Delete(t.Context(), id2, false); err != nil {
		t.Error(err)
	}
}

// All certificates that a peer ever had are revoked with it.
func TestDeleteRevokesFormerCertificates(t *testing.T) {
	r := newRig(t)
	p := testPeer(2, id2)
	r.add(p.Certified("c22").Certified("c23"), true)
	if err := r.c.Delete(t.Context(), id2, false); err != nil {
		t.Fatal(err)
	}
	for _, serial := range []string{"c2", "c22", "c23"} {
		if _, ok, err := peer.Revoked.Get(r.store, serial); !ok || err != nil {
			t.Errorf("certificate %s is not revoked: %v", serial, err)
		}
	}
}

func TestVotersWithout(t *testing.T) {
	members := func(ids ...string) (out []store.Member) {
		for _, id := range ids {
			name, learner := strings.CutSuffix(id, "?")
			out = append(out, store.Member{PeerID: name, Learner: learner})
		}
		return out
	}
	for _, c := range []struct {
		name      string
		members   []store.Member
		away      string
		remaining int
		missing   string
	}{
		{"a client", members("a", "b", "c"), "a", 0, ""},
		{"a learner", members("a", "x?"), "a", 0, ""},
		{"the only voter", members("x", "b?"), "", 0, ""},
		{"all at work", members("a", "b", "x"), "", 2, ""},
		{"the dead one", members("a", "b", "x"), "x", 2, ""},
		{"another is away", members("a", "b", "x"), "b", 2, "b"},
		{"learners do not count", members("a", "b", "x", "d?"), "d", 2, ""},
		{"two of five are away", members("a", "b", "c", "d", "x"), "d x", 4, "d"},
	} {
		remaining, away := votersWithout(c.members, "x", func(id string) bool { return !strings.Contains(c.away, id) })
		if remaining != c.remaining || strings.Join(away, " ") != c.missing {
			t.Errorf("%s: %d remain, away %q, want %d, %q", c.name, remaining, away, c.remaining, c.missing)
		}
	}
}

// A peer that may still be given a brick is not taken out: nothing keeps the replacement from its end.
func TestDeleteWaitsForReplacement(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	records := store.NewKind[transaction.Record](store.PrefixTransactions, 1)
	running := transaction.Record{
		Operation: volume.OpReplaceBrick, Version: 1, Peers: []string{id1, id2}, State: transaction.Stuck, Pivoted: true,
		Owner: transaction.Owner{Peer: id1}, Started: time.Now(),
	}
	r.commit(func() []store.Write { return []store.Write{records.Create("t1", running)} })
	for _, force := range []bool{false, true} {
		refused(t, r.c.Delete(t.Context(), id2, force), api.Conflict, "")
	}
	if p, _ := r.record(id2); p.Leaving {
		t.Error("a peer whose detach was refused is marked as leaving")
	}
}

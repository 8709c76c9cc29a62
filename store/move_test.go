package store_test

import (
	"net/url"
	"slices"
	"sync/atomic"
	"testing"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

// at returns the URL with another host.
func at(t *testing.T, host, raw string) []string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"https://" + host + ":" + u.Port()}
}

// A voter moves to another address: the others find it there, its data stays, and so it does after a restart.
func TestMove(t *testing.T) {
	ca := storetest.NewAuthority(t)
	first := storetest.NewPeer(t, ca, "peer-1")
	cfg := storetest.NewConfig(t, ca, "peer-2")
	listenPeer, listenClient := cfg.ListenPeerURLs[0], cfg.ListenClientURLs[0]
	cfg.ListenPeerURLs, cfg.ListenClientURLs = at(t, "0.0.0.0", listenPeer), at(t, "0.0.0.0", listenClient)
	cfg.AdvertisePeerURLs, cfg.AdvertiseClientURLs = at(t, "127.77.0.1", listenPeer), at(t, "127.77.0.1", listenClient)
	second := &storetest.Peer{Config: cfg, Store: storetest.Open(t, cfg)}
	storetest.JoinPeer(t, first, second)
	var id uint64
	var initial map[string][]string
	waitFor(t, "added", func() (ok bool) {
		var err error
		id, initial, err = first.Store.AddLearner(within(t), cfg.AdvertisePeerURLs)
		return err == nil
	})
	if err := second.Store.StartMember(within(t), store.StartMember{InitialCluster: initial}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "promoted", func() bool { return first.Store.Promote(within(t), id) == nil })
	commit(t, second.Store, volumes.Create("gv0", volume{}))

	newPeer, newClient := at(t, "127.77.0.2", listenPeer), at(t, "127.77.0.2", listenClient)
	if err := first.Store.UpdateMember(within(t), id, newPeer); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := second.Store.Readvertise(newPeer, newClient); err != nil {
			t.Fatal(err)
		}
	}
	moved := func() bool {
		members, err := first.Store.Members(within(t))
		i := slices.IndexFunc(members, func(m store.Member) bool { return m.ID == id })
		return err == nil && i >= 0 && slices.Equal(members[i].PeerURLs, newPeer) && slices.Equal(members[i].ClientURLs, newClient)
	}
	waitFor(t, "moved", moved)
	commit(t, second.Store, volumes.Create("gv1", volume{}))
	wantVolume(t, first.Store, "gv1")
	if err := second.Store.Close(); err != nil {
		t.Fatal(err)
	}
	second.Config.AdvertisePeerURLs, second.Config.AdvertiseClientURLs = newPeer, newClient
	second.Restart(t)
	storetest.WaitReady(t, second.Store)
	wantVolume(t, second.Store, "gv0")
	waitFor(t, "still moved", moved)

	for what, err := range map[string]error{
		"nobody's":  first.Store.UpdateMember(within(t), 17, at(t, "127.77.0.9", listenPeer)),
		"taken":     first.Store.UpdateMember(within(t), id, first.Config.ListenPeerURLs),
		"plaintext": first.Store.UpdateMember(within(t), id, []string{"http://127.0.0.1:1"}),
		"no port":   second.Store.Readvertise([]string{"https://127.0.0.1"}, newClient),
	} {
		if !api.IsKind(err, api.NotFound, api.Exists, api.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	commit(t, first.Store, volumes.Create("gv2", volume{}))
}

// A peer that is alone moves, too: nobody else could tell it where it is.
func TestMoveAlone(t *testing.T) {
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	listenPeer, listenClient := cfg.ListenPeerURLs[0], cfg.ListenClientURLs[0]
	cfg.ListenPeerURLs, cfg.ListenClientURLs = at(t, "0.0.0.0", listenPeer), at(t, "0.0.0.0", listenClient)
	cfg.AdvertisePeerURLs, cfg.AdvertiseClientURLs = at(t, "127.77.1.1", listenPeer), at(t, "127.77.1.1", listenClient)
	p := &storetest.Peer{Config: cfg, Store: storetest.Open(t, cfg)}
	commit(t, p.Store, volumes.Create("gv0", volume{}))
	newPeer, newClient := at(t, "127.77.1.2", listenPeer), at(t, "127.77.1.2", listenClient)
	if err := p.Store.Readvertise(newPeer, newClient); err != nil {
		t.Fatal(err)
	}
	wantVolume(t, p.Store, "gv0")
	commit(t, p.Store, volumes.Create("gv1", volume{}))
	members, err := p.Store.Members(within(t))
	if err != nil || len(members) != 1 {
		t.Fatalf("members %+v, %v", members, err)
	}
	if err := p.Store.UpdateMember(within(t), members[0].ID, newPeer); err != nil {
		t.Error(err)
	}
	waitFor(t, "the new client URL", func() bool {
		members, err := p.Store.Members(within(t))
		return err == nil && slices.Equal(members[0].ClientURLs, newClient)
	})
}

// A member that cannot start where it has moved to is started when it can, and can be closed until then.
func TestMoveLater(t *testing.T) {
	var room atomic.Int64
	room.Store(200 << 20)
	cfg := store.WithRoom(storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1"), room.Load)
	listenPeer, listenClient := cfg.ListenPeerURLs[0], cfg.ListenClientURLs[0]
	cfg.ListenPeerURLs, cfg.ListenClientURLs = at(t, "0.0.0.0", listenPeer), at(t, "0.0.0.0", listenClient)
	cfg.AdvertisePeerURLs, cfg.AdvertiseClientURLs = at(t, "127.77.2.1", listenPeer), at(t, "127.77.2.1", listenClient)
	p := &storetest.Peer{Config: cfg, Store: storetest.Open(t, cfg)}
	commit(t, p.Store, volumes.Create("gv0", volume{}))
	newPeer, newClient := at(t, "127.77.2.2", listenPeer), at(t, "127.77.2.2", listenClient)

	room.Store(50 << 20) // enough to run, too little to start
	if err := p.Store.Readvertise(newPeer, newClient); !api.IsKind(err, api.Unavailable) {
		t.Fatalf("a move without room: %v", err)
	}
	room.Store(200 << 20)
	wantVolume(t, p.Store, "gv0")
	commit(t, p.Store, volumes.Create("gv1", volume{}))

	room.Store(50 << 20)
	if err := p.Store.Readvertise(at(t, "127.77.2.3", listenPeer), at(t, "127.77.2.3", listenClient)); !api.IsKind(err, api.Unavailable) {
		t.Fatalf("a move without room: %v", err)
	}
	closeStore(t, p)
}

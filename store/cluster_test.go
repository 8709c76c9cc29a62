package store_test

import (
	"testing"

	"gd2/store"
	"gd2/store/storetest"
)

type poolRecord struct {
	ID string `json:"id"`
}

var pools = store.NewKind[poolRecord](store.PrefixPool, 1)

// A pool is recovered on one peer although the others live: nobody reads or writes in the other's store by mistake, until
// a peer is told to enter it.
func TestTwoStores(t *testing.T) {
	peers := storetest.Peers(t, 4)
	commit(t, peers[0].Store, pools.Create("", poolRecord{"storetest"}), volumes.Create("gv0", volume{}))
	for _, p := range peers {
		wantVolume(t, p.Store, "gv0")
	}
	lone := peers[0]
	if err := lone.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Recover(lone.Config, store.RecoverOptions{ForceNewPool: true}); err != nil {
		t.Fatal(err)
	}
	lone.Restart(t)
	storetest.WaitReady(t, lone.Store)
	commit(t, lone.Store, volumes.Create("here", volume{}))
	rest := peers[1:] // voters 2 and 3, and a client, all of which know the address of peer 1
	for i := range 12 {
		p := rest[i%len(rest)]
		commit(t, p.Store, volumes.Create(string(rune('a'+i)), volume{}))
		if err := p.Store.Sync(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	if lone.Store.Cluster() == peers[1].Store.Cluster() || lone.Store.Cluster() == 0 || peers[3].Store.Cluster() != peers[1].Store.Cluster() {
		t.Error("the stores have the same number")
	}
	if list, err := volumes.List(lone.Store); err != nil || len(list) != 2 {
		t.Errorf("the recovered store has %d volumes, %v", len(list), err)
	}
	for _, p := range rest {
		if err := p.Store.Sync(within(t)); err != nil {
			t.Fatal(err)
		}
		if list, err := volumes.List(p.Store); err != nil || len(list) != 13 {
			t.Errorf("%s has %d volumes, %v", p.Config.PeerID, len(list), err)
		}
	}
	// The client enters the recovered store, and stays there.
	client := peers[3]
	if err := client.Store.Reenter(within(t), lone.Config.ListenClientURLs); err != nil {
		t.Fatal(err)
	}
	wantVolume(t, client.Store, "here")
	waitFor(t, "the number is kept", func() bool { return client.Store.Cluster() == lone.Store.Cluster() })
	if err := client.Store.Close(); err != nil {
		t.Fatal(err)
	}
	client.Restart(t)
	wantVolume(t, client.Store, "here")
}

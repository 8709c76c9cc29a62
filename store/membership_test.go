package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

// within bounds the waits of one test; machines that run tests are often busy.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// wantVolume waits until a store has a volume, by a linearizable read.
func wantVolume(t *testing.T, s *store.Store, id string) {
	t.Helper()
	ctx := within(t)
	err := s.Sync(ctx)
	for api.IsKind(err, api.Unavailable) && ctx.Err() == nil {
		err = s.Sync(ctx) // it gives up after a few seconds without a quorum
	}
	if err != nil {
		t.Fatal(err)
	}
	get(t, s, id)
}

func TestJoin(t *testing.T) {
	ca := storetest.NewAuthority(t)
	first, second := storetest.NewPeer(t, ca, "peer-1"), storetest.NewPeer(t, ca, "peer-2")
	commit(t, first.Store, volumes.Create("gv0", volume{"gv0", 0}))
	for i := range 10 { // so that the revision goes back
		commit(t, second.Store, volumes.Create(fmt.Sprint("own", i), volume{}))
	}
	changed, stop := second.Store.Subscribe(store.PrefixVolumes)
	defer stop()

	// One that cannot be reached changes nothing.
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := second.Store.Join(short, store.Membership{ClusterID: "x", Endpoints: []string{"https://127.0.0.1:1"}})
	if !api.IsKind(err, api.Unavailable) {
		t.Errorf("a join to nobody ended with %v, want Unavailable", err)
	}
	commit(t, second.Store, volumes.Create("own", volume{}))
	<-changed

	start := time.Now()
	storetest.JoinPeer(t, first, second)
	t.Logf("join took %v", time.Since(start))
	if list, err := volumes.List(second.Store); err != nil || len(list) != 1 || list[0].ID != "gv0" {
		t.Errorf("after the join the volumes are %v, %v, want gv0 alone", list, err)
	}
	select {
	case <-changed:
	case <-within(t).Done():
		t.Error("the join was not signalled")
	}
	commit(t, second.Store, volumes.Create("gv1", volume{"gv1", 1}))
	wantVolume(t, first.Store, "gv1")

	// A restart finds the pool again, without a member of its own.
	if err := second.Store.Close(); err != nil {
		t.Fatal(err)
	}
	second.Restart(t)
	wantVolume(t, second.Store, "gv1")
	if dirs, _ := filepath.Glob(filepath.Join(second.Config.Dir, "member-*")); len(dirs) != 0 {
		t.Errorf("data of the former member is left: %v", dirs)
	}
	if _, err := os.Stat(filepath.Join(second.Config.Dir, "store.json")); err != nil {
		t.Error(err)
	}
}

func TestGrowLoseAndRestart(t *testing.T) {
	start := time.Now()
	peers := storetest.Peers(t, 4)
	t.Logf("a pool of 4 with 3 voters took %v", time.Since(start))
	members, err := peers[3].Store.Members(within(t))
	if err != nil || len(members) != 3 {
		t.Fatalf("members are %+v, %v, want 3", members, err)
	}
	st, err := peers[3].Store.Status(within(t))
	if err != nil || st.Leader != "peer-1" || len(st.Members) != 3 || st.Members[0].Role != "voter" || !peers[0].Store.IsLeader() {
		t.Errorf("status is %+v, %v, want the leader peer-1 and three voters", st, err)
	}
	commit(t, peers[3].Store, volumes.Create("gv0", volume{"gv0", 0}))

	// The leader goes: the others go on.
	start = time.Now()
	if err := peers[0].Store.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("close of the leader took %v", time.Since(start))
	start = time.Now()
	commit(t, peers[3].Store, volumes.Create("gv1", volume{"gv1", 1}))
	t.Logf("the first commit after it took %v", time.Since(start))
	wantVolume(t, peers[1].Store, "gv1")
	peers[0].Restart(t)
	wantVolume(t, peers[0].Store, "gv1")

	// All go, and come back one after the other.
	for i, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}} {
		storetest.CloseAll(peers)
		for n, p := range order {
			peers[p].Restart(t)
			if n == 0 && peers[p].Store.Waiting() == "" {
				t.Errorf("peer %d alone does not say what it waits for", p+1)
			}
		}
		for _, p := range peers {
			storetest.WaitReady(t, p.Store)
		}
		id := fmt.Sprint("again", i)
		if _, err := peers[order[0]].Store.Commit(within(t), []store.Write{volumes.Create(id, volume{})}); err != nil {
			t.Fatal(err)
		}
		for _, p := range peers {
			wantVolume(t, p.Store, id)
		}
	}
}

func TestVoterLeaves(t *testing.T) {
	peers := storetest.Peers(t, 3)
	ctx := within(t)
	storetest.RemoveVoter(t, peers[0], "peer-3")
	if err := peers[2].Store.StopMember(ctx); err != nil {
		t.Fatal(err)
	}
	commit(t, peers[2].Store, volumes.Create("gv0", volume{}))
	wantVolume(t, peers[0].Store, "gv0")

	// It comes back as another member, with a new directory.
	storetest.AddVoters(t, peers[0], peers[2])
	storetest.ShareEndpoints(t, peers)
	commit(t, peers[2].Store, volumes.Create("gv1", volume{}))
	wantVolume(t, peers[1].Store, "gv1")
}

func TestAloneCannotStop(t *testing.T) {
	if err := storetest.New(t).StopMember(within(t)); !api.IsKind(err, api.State) {
		t.Errorf("the only member was stopped with %v, want it refused", err)
	}
}

// TestFresh takes a voter out of its pool and lets it begin anew.
func TestFresh(t *testing.T) {
	peers := storetest.Peers(t, 3)
	commit(t, peers[2].Store, volumes.Create("gv0", volume{}))
	storetest.RemoveVoter(t, peers[0], "peer-3")
	for range 2 {
		if err := peers[2].Store.Fresh(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := peers[2].Store.Sync(within(t)); err != nil {
			t.Fatal(err)
		}
		if list, err := volumes.List(peers[2].Store); err != nil || len(list) != 0 {
			t.Errorf("a fresh store has %v, %v", list, err)
		}
		commit(t, peers[2].Store, volumes.Create("own", volume{}))
	}
	wantVolume(t, peers[0].Store, "gv0")
	storetest.JoinPeer(t, peers[0], peers[2])
	wantVolume(t, peers[2].Store, "gv0")
}

package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gd2/store/storetest"
)

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx := within(t)
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("not so after a long wait: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestRemovedWhileAway removes voters that are away, and whose colleagues are gone too when they come back.
func TestRemovedWhileAway(t *testing.T) {
	peers := storetest.Peers(t, 3)
	commit(t, peers[0].Store, volumes.Create("gv0", volume{}))
	old := peers[2]
	for round := range 2 {
		if err := old.Store.Close(); err != nil {
			t.Fatal(err)
		}
		storetest.RemoveVoter(t, peers[0], "peer-3")
		commit(t, peers[0].Store, volumes.Create([]string{"gv1", "gv2"}[round], volume{}))
		old.Restart(t)
		wantVolume(t, old.Store, []string{"gv1", "gv2"}[round])
		kept := func() []string {
			dirs, _ := filepath.Glob(filepath.Join(old.Config.Dir, "*member-*"))
			return dirs
		}
		waitFor(t, "one old directory is kept", func() bool {
			dirs := kept()
			return len(dirs) == 1 && filepath.Base(dirs[0])[:4] == "old-"
		})
		if _, err := os.Stat(filepath.Join(kept()[0], "member", "wal")); err != nil {
			t.Error(err)
		}
		storetest.AddVoters(t, peers[0], old)
		storetest.ShareEndpoints(t, peers)
	}
	// A restart keeps what was kept.
	if err := old.Store.Close(); err != nil {
		t.Fatal(err)
	}
	old.Restart(t)
	wantVolume(t, old.Store, "gv2")
	if dirs, _ := filepath.Glob(filepath.Join(old.Config.Dir, "old-member-*")); len(dirs) != 1 {
		t.Errorf("kept are %v", dirs)
	}
}

// TestLeaderIsRemoved removes the member that leads, from another peer.
func TestLeaderIsRemoved(t *testing.T) {
	peers := storetest.Peers(t, 3)
	if err := peers[1].Store.TransferLeadership(within(t)); err != nil || !peers[0].Store.IsLeader() {
		t.Fatalf("a follower gave away the lead: %v", err)
	}
	storetest.RemoveVoter(t, peers[1], "peer-1")
	if !peers[1].Store.IsLeader() && !peers[2].Store.IsLeader() {
		t.Error("nobody leads right after the leader was removed")
	}
	start := time.Now()
	commit(t, peers[1].Store, volumes.Create("gv0", volume{}))
	t.Logf("the first commit after the leader was removed took %v", time.Since(start))
	// Nobody has told peer-1, which finds it out.
	waitFor(t, "the removed leader is a client", func() bool {
		dirs, _ := filepath.Glob(filepath.Join(peers[0].Config.Dir, "old-member-*"))
		return len(dirs) == 1
	})
	wantVolume(t, peers[0].Store, "gv0")

	var leader *storetest.Peer
	for _, p := range peers[1:] {
		if p.Store.IsLeader() {
			leader = p
		}
	}
	if err := leader.Store.TransferLeadership(within(t)); err != nil || leader.Store.IsLeader() {
		t.Errorf("the lead was not handed over: %v", err)
	}
	if err := storetest.New(t).TransferLeadership(within(t)); err != nil {
		t.Errorf("a lone member has nobody to hand over to, and that is no error: %v", err)
	}
}

package store_test

import (
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

const mebibyte = 1 << 20

func big(i, size int) store.Write {
	return volumes.Create(fmt.Sprint("big", i), volume{Name: strings.Repeat("x", size)})
}

func smallStore(t *testing.T) *store.Store {
	t.Helper()
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	cfg.QuotaBytes = 16 * mebibyte
	return storetest.Open(t, cfg)
}

func status(t *testing.T, s *store.Store) api.StoreStatus {
	t.Helper()
	st, err := s.Status(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestNearlyFull fills the database up to where changes are refused, and deletes what fills it.
func TestNearlyFull(t *testing.T) {
	s := smallStore(t)
	n, err := 0, error(nil)
	for ; err == nil && n < 200; n++ {
		_, err = s.Commit(within(t), []store.Write{big(n, mebibyte/8)})
	}
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "of its quota of 16 MiB") {
		t.Fatalf("after %d times 128 KiB: %v", n, err)
	}
	waitFor(t, "the status tells it", func() bool {
		st := status(t, s)
		if len(st.Alarms) != 0 {
			t.Fatalf("the status is %+v", st)
		}
		if st.Healthy { // what it wastes was given up meanwhile
			_, _ = s.Commit(within(t), []store.Write{big(n, mebibyte/8)})
			n++
		}
		return !st.Healthy && strings.Contains(strings.Join(st.Warnings, "; "), "of its quota of 16 MiB")
	})
	if err := s.Sync(within(t)); err != nil {
		t.Fatal(err)
	}
	list, err := volumes.List(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		commit(t, s, volumes.Delete(v.ID, v.Revision))
	}
	waitFor(t, "changes are accepted again", func() bool {
		_, err := s.Commit(within(t), []store.Write{big(0, mebibyte/8)})
		return err == nil
	})
}

// TestAlarm brings etcd's own alarm about, and ends it.
func TestAlarm(t *testing.T) {
	s := smallStore(t)
	ctx := within(t)
	var err error
	for err == nil {
		_, err = store.Client(s).Put(ctx, "/gd2/groups/big", strings.Repeat("x", mebibyte))
	}
	if st := status(t, s); st.Healthy || len(st.Alarms) != 1 || st.Alarms[0] != "NOSPACE" {
		t.Fatalf("the status is %+v", st)
	}
	if _, err := store.Client(s).Delete(ctx, "/gd2/groups/big"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the alarm has ended", func() bool { return len(status(t, s).Alarms) == 0 })
	commit(t, s, volumes.Create("gv0", volume{}))
	if st := status(t, s); !st.Healthy || !strings.Contains(st.Health, "one voter") {
		t.Errorf("the status is %+v", st)
	}
}

// TestDropHistory lets the leader drop the history as soon as enough has come together, and not before.
func TestDropHistory(t *testing.T) {
	const keep, enough = 10, 20
	s := storetest.New(t)
	ctx := within(t)
	rev := commit(t, s, volumes.Create("gv0", volume{}))
	grow := func(to int64) {
		for rev < to {
			rev = commit(t, s, volumes.Update("gv0", volume{Size: int(rev)}, rev))
		}
		if err := s.WaitRevision(ctx, rev); err != nil {
			t.Fatal(err)
		}
	}
	at := func(old int64) error {
		_, err := store.Client(s).Get(ctx, volumes.Prefix()+"gv0", clientv3.WithRev(old))
		return err
	}
	first := rev
	grow(enough - 1)
	if dropped := store.DropHistory(ctx, s, keep, enough, 0); dropped != 0 || at(first) != nil {
		t.Errorf("dropped up to %d; %v", dropped, at(first))
	}
	grow(enough)
	dropped := store.DropHistory(ctx, s, keep, enough, 0)
	if dropped != enough-keep || at(first) == nil || at(dropped) != nil {
		t.Errorf("dropped up to %d; %v, %v", dropped, at(first), at(dropped))
	}
	if again := store.DropHistory(ctx, s, keep, enough, 0); again != dropped {
		t.Errorf("what is gone already: %d", again)
	}
	if elsewhere := store.DropHistory(ctx, s, keep, enough, rev+1); elsewhere != dropped {
		t.Errorf("after the change to another store: %d", elsewhere)
	}
	wantVolume(t, s, "gv0")
}

// TestDefragment lets all members of a pool waste space.
func TestDefragment(t *testing.T) {
	peers := storetest.Peers(t, 4)
	ctx := within(t)
	revs := map[int]int64{}
	for i := range 8 {
		revs[i] = commit(t, peers[3].Store, big(i, mebibyte-1000))
	}
	for i := range 8 {
		commit(t, peers[3].Store, volumes.Delete(fmt.Sprint("big", i), revs[i]))
	}
	rev := commit(t, peers[3].Store, volumes.Create("gv0", volume{}))
	if _, err := store.Client(peers[0].Store).Compact(ctx, rev); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "no member wastes space", func() bool {
		rev = commit(t, peers[3].Store, volumes.Update("gv0", volume{}, rev)) // a database sees what is empty when it writes
		for _, p := range peers {
			if p.Store.IsLeader() {
				if err := store.TidyUp(ctx, p.Store, mebibyte); err != nil {
					t.Error(err)
				}
			}
		}
		small := 0
		for _, m := range status(t, peers[3].Store).Members {
			if m.Reachable && m.DBBytes < 4*mebibyte {
				small++
			}
		}
		return small == 3
	})
	for _, p := range peers {
		wantVolume(t, p.Store, "gv0")
	}
}

// TestStatus describes a pool of three voters that loses one after the other.
func TestStatus(t *testing.T) {
	peers := storetest.Peers(t, 3)
	commit(t, peers[0].Store, volumes.Create("gv0", volume{}))
	for _, p := range peers {
		st := status(t, p.Store)
		if !st.Healthy || st.Leader != "peer-1" || len(st.Members) != 3 || st.QuotaBytes != store.DefaultQuotaBytes || st.DBInUseBytes == 0 ||
			st.Health != "3 of 3 voters can be reached: the loss of 1 more does no harm" {
			t.Errorf("all is well, and the status is %+v", st)
		}
		for _, m := range st.Members {
			if !m.Reachable || m.Leader != (m.PeerID == "peer-1") || m.Index == 0 || m.Lag > 10 || m.Role != "voter" {
				t.Errorf("all is well, and a member is %+v", m)
			}
		}
	}
	closeStore(t, peers[0])
	waitFor(t, "there is another leader", func() bool {
		st := status(t, peers[2].Store)
		return st.Leader != "" && st.Leader != "peer-1" && strings.Contains(strings.Join(st.Warnings, ";"), "voter peer-1 (https://")
	})
	closeStore(t, peers[1])
	waitFor(t, "the last one sees that there is no quorum", func() bool {
		st := status(t, peers[2].Store)
		return !st.Healthy && strings.Contains(st.Health, "no quorum: waiting for a quorum of the store: 1 of 3 members can be reached")
	})
	closeStore(t, peers[2])
	if _, err := peers[2].Store.Status(within(t)); !api.IsKind(err, api.Unavailable) {
		t.Errorf("the status of a closed store: %v", err)
	}
}

func closeStore(t *testing.T, p *storetest.Peer) {
	t.Helper()
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
}

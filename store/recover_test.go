package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

func wantPool(t *testing.T, s *store.Store, volumeCount int, secrets bool) {
	t.Helper()
	if err := s.Sync(within(t)); err != nil {
		t.Fatal(err)
	}
	if list, err := volumes.List(s); err != nil || len(list) != volumeCount {
		t.Errorf("there are %d volumes, %v, want %d", len(list), err, volumeCount)
	}
	if pool, ok, err := kind(store.PrefixPool).Get(s, ""); !ok || err != nil || pool.Value["id"] != "the-pool" {
		t.Errorf("the pool is %v, %v, %v", pool, ok, err)
	}
	if _, ok, _ := kind(store.PrefixSecrets).Get(s, "ca-key"); ok != secrets {
		t.Errorf("the key of the authority is there: %v, want %v", ok, secrets)
	}
	commit(t, s, volumes.Create(fmt.Sprint("after", s.Revision()), volume{}))
}

func recoverPeer(t *testing.T, p *storetest.Peer, opts store.RecoverOptions) store.Plan {
	t.Helper()
	plan, err := store.RecoverPlan(p.Config, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the plan is %+v", plan)
	start := time.Now()
	if err := store.Recover(p.Config, opts); err != nil {
		t.Fatal(err)
	}
	t.Logf("the recovery took %v", time.Since(start))
	if left, _ := filepath.Glob(filepath.Join(p.Config.Dir, "recover*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, kept := range plan.Kept {
		if _, err := os.Stat(filepath.Join(p.Config.Dir, kept)); err != nil {
			t.Error(err)
		}
	}
	p.Restart(t)
	storetest.WaitReady(t, p.Store)
	return plan
}

// TestRecoverFromBackup erases the directories of all peers.
func TestRecoverFromBackup(t *testing.T) {
	peers := storetest.Peers(t, 3)
	fillPool(t, peers[0].Store, 3)
	data, m := backup(t, peers[2].Store)
	file := filepath.Join(t.TempDir(), "backup.tar")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, peers[0].Store, volumes.Create("late", volume{}))
	if _, err := store.RecoverPlan(peers[0].Config, store.RecoverOptions{From: file}); !api.IsKind(err, api.State) {
		t.Errorf("a recovery while the daemon runs: %v", err)
	}
	storetest.CloseAll(peers)
	for _, p := range peers[1:] {
		if err := os.RemoveAll(p.Config.Dir); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := store.RecoverPlan(peers[0].Config, store.RecoverOptions{From: file})
	if err != nil || plan.SourceRevision != m.Revision || plan.LocalRevision <= m.Revision || len(plan.Kept) == 0 || plan.Volumes != 3 ||
		!strings.Contains(plan.Lost[0], "this peer alone knows of 1 newer revisions") {
		t.Errorf("the plan of a peer that knows more is %+v, %v", plan, err)
	}
	plan = recoverPeer(t, peers[1], store.RecoverOptions{From: file})
	if plan.LocalRevision != 0 || plan.ClusterID != "the-pool" || len(plan.Peers) != 1 {
		t.Errorf("the plan of an erased peer is %+v", plan)
	}
	wantPool(t, peers[1].Store, 3, true)

	// One peer was erased, the other still is a member of the lost store.
	peers[0].Restart(t)
	peers[2].Restart(t)
	for _, p := range []*storetest.Peer{peers[0], peers[2]} {
		for range 2 {
			if err := p.Store.Reenter(within(t), peers[1].Config.ListenClientURLs); err != nil {
				t.Fatal(err)
			}
		}
		wantPool(t, p.Store, 4+map[bool]int{true: 0, false: 1}[p == peers[0]], true)
	}
	storetest.AddVoters(t, peers[1], peers[0], peers[2])
	storetest.ShareEndpoints(t, []*storetest.Peer{peers[1], peers[0], peers[2]})
	closeStore(t, peers[1])
	commit(t, peers[0].Store, volumes.Create("again", volume{}))
	wantVolume(t, peers[2].Store, "again")
	if dirs, _ := filepath.Glob(filepath.Join(peers[0].Config.Dir, "old-member-*")); len(dirs) != 1 {
		t.Errorf("the data of the lost store is kept in %v", dirs)
	}
}

// TestForceNewPool loses the voters, and brings the pool back from what is left: a voter, a learner, a client with a
// snapshot, and a client with nothing but its copy. It is done twice.
func TestForceNewPool(t *testing.T) {
	for _, c := range []struct {
		name     string
		snapshot bool
		members  int
		survivor int
		secrets  bool
		source   string
	}{
		{"voter", false, 3, 1, true, "data of this peer's member"},
		{"learner", false, 2, 1, true, "data of this peer's member"},
		{"client with a snapshot", true, 1, 1, true, "local snapshot"},
		{"client", false, 1, 1, false, "copy of the records alone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ca := storetest.NewAuthority(t)
			peers := []*storetest.Peer{storetest.NewPeer(t, ca, "peer-1")}
			fillPool(t, peers[0].Store, 2)
			for i := 2; i <= max(c.members, 2); i++ {
				p := storetest.NewPeer(t, ca, fmt.Sprint("peer-", i))
				storetest.JoinPeer(t, peers[0], p)
				peers = append(peers, p)
			}
			switch c.members {
			case 3:
				storetest.AddVoters(t, peers[0], peers[1:]...)
			case 2:
				addLearner(t, peers[0], peers[1])
			}
			storetest.ShareEndpoints(t, peers)
			left := peers[c.survivor]
			if c.snapshot {
				if err := store.TakeSnapshot(within(t), left.Store); err != nil {
					t.Fatal(err)
				}
			}
			commit(t, peers[0].Store, volumes.Create("late", volume{}))
			wantVolume(t, left.Store, "late")
			if c.members == 2 {
				waitFor(t, "the learner is in sync", func() bool {
					for _, m := range status(t, peers[0].Store).Members {
						if m.Role == "learner" {
							return m.Reachable && m.Lag == 0
						}
					}
					return false
				})
			}
			storetest.CloseAll(peers)
			plan := recoverPeer(t, left, store.RecoverOptions{ForceNewPool: true})
			if !strings.Contains(plan.Source, c.source) || plan.Volumes != 3 {
				t.Errorf("the plan is %+v", plan)
			}
			wantPool(t, left.Store, 3, c.secrets)
			st := status(t, left.Store)
			if len(st.Members) != 1 || st.Leader != left.Config.PeerID {
				t.Errorf("the status is %+v", st)
			}
			closeStore(t, left)
			recoverPeer(t, left, store.RecoverOptions{ForceNewPool: true})
			wantPool(t, left.Store, 4, c.secrets)
		})
	}
}

func addLearner(t *testing.T, first, p *storetest.Peer) {
	t.Helper()
	_, initial, err := first.Store.AddLearner(within(t), p.Config.ListenPeerURLs)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Store.StartMember(within(t), store.StartMember{InitialCluster: initial}); err != nil {
		t.Fatal(err)
	}
}

// TestRecoverCutShort ends a recovery after its last step but before it has tidied up, or before its last step.
func TestRecoverCutShort(t *testing.T) {
	p := storetest.NewPeer(t, storetest.NewAuthority(t), "peer-1")
	fillPool(t, p.Store, 2)
	closeStore(t, p)
	dir := p.Config.Dir
	before, err := os.ReadFile(filepath.Join(dir, "store.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Recover(p.Config, store.RecoverOptions{ForceNewPool: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "aside-member-1"), filepath.Join(dir, "member-1")); err != nil {
		t.Fatal(err)
	}
	p.Restart(t)
	wantPool(t, p.Store, 2, true)
	closeStore(t, p)
	if _, err := os.Stat(filepath.Join(dir, "aside-member-1", "member", "wal")); err != nil {
		t.Error(err)
	}
	// As if the state had not been written: the old member goes on as it was.
	if err := os.Rename(filepath.Join(dir, "aside-member-1"), filepath.Join(dir, "member-1")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "store.json"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Restart(t)
	wantPool(t, p.Store, 2, true)
}

func TestRecoverRefuses(t *testing.T) {
	ca := storetest.NewAuthority(t)
	cfg := storetest.NewConfig(t, ca, "peer-1")
	for what, c := range map[string]struct {
		opts store.RecoverOptions
		kind api.Kind
	}{
		"neither":       {store.RecoverOptions{}, api.Invalid},
		"both":          {store.RecoverOptions{From: "x", ForceNewPool: true}, api.Invalid},
		"no such file":  {store.RecoverOptions{From: "/nonexistent"}, api.Invalid},
		"nothing there": {store.RecoverOptions{ForceNewPool: true}, api.NotFound},
	} {
		if err := store.Recover(cfg, c.opts); !api.IsKind(err, c.kind) {
			t.Errorf("%s: %v, want kind %s", what, err, c.kind)
		}
	}
	// After all that it can be opened, and a pool of others is not entered.
	s := storetest.Open(t, cfg)
	commit(t, s, kind(store.PrefixPool).Create("", record{"id": "mine"}), volumes.Create("gv0", volume{}))
	other := storetest.NewPeer(t, ca, "peer-2")
	if err := s.Reenter(within(t), other.Config.ListenClientURLs); !api.IsKind(err, api.Conflict) {
		t.Errorf("a store without a pool was entered: %v", err)
	}
	fillPool(t, other.Store, 1)
	if err := s.Reenter(within(t), other.Config.ListenClientURLs); !api.IsKind(err, api.Conflict) {
		t.Errorf("another pool was entered: %v", err)
	}
	get(t, s, "gv0")
}

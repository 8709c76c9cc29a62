package store_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

// record is any record, for those whose content does not matter to the store.
type record map[string]any

func kind(prefix string) store.Kind[record] { return store.NewKind[record](prefix, 1) }

// wantFile waits until a file has, or has not, the text.
func wantFile(t *testing.T, file, text string, present bool) []byte {
	t.Helper()
	ctx := within(t)
	for {
		data, err := os.ReadFile(file)
		if err == nil && bytes.Contains(data, []byte(text)) == present {
			return data
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: contains %q is not %v: %s, %v", file, text, present, data, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestLastKnownCopy lets one of three peers start alone.
func TestLastKnownCopy(t *testing.T) {
	peers := storetest.Peers(t, 4)
	s := peers[0].Store
	commit(t, s, volumes.Create("gv0", volume{"gv0", 7}), kind(store.PrefixLocks).Create("volume/gv0", record{"transaction": "t1"}),
		kind(store.PrefixSecrets).Create("ca-key", record{"key": "sesame"}), kind(store.PrefixTokens).Create("t", record{"token": "sesame"}),
		kind(store.PrefixTransactions).Create("t1", record{"state": "running"}),
		kind(store.PrefixTransactions).Create("t0", record{"state": "done", "ended": time.Now()}),
		kind(store.PrefixTransactions).Packed().Create("t00", record{"state": "done", "ended": time.Now(), "peers": strings.Repeat("peer ", 50)}))
	store.Raw(t, s, "/gd2/groups/odd", "<not JSON>\xff")
	for _, p := range []*storetest.Peer{peers[0], peers[3]} {
		data := wantFile(t, filepath.Join(p.Config.Dir, "copy.json"), "gv0", true)
		if bytes.Contains(data, []byte("sesame")) || bytes.Contains(data, []byte("txn/t0")) || !bytes.Contains(data, []byte("txn/t1")) {
			t.Errorf("the copy on disk has what it should not have, or lacks what it should: %s", data)
		}
		if fi, err := os.Stat(filepath.Join(p.Config.Dir, "copy.json")); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("the copy on disk is %v, %v", fi.Mode(), err)
		}
	}
	for _, p := range peers {
		if _, err := p.Store.Members(within(t)); err != nil { // each learns whom it would miss
			t.Fatal(err)
		}
	}
	storetest.CloseAll(peers)
	for _, i := range []int{0, 3} { // a member and a client
		p := peers[i]
		p.Config.NameOf = func(_ store.Reader, id string) string { return strings.Replace(id, "peer-", "node", 1) }
		start := time.Now()
		p.Restart(t)
		select {
		case <-p.Store.Loaded():
		default:
			t.Error("nothing is loaded after Open")
		}
		if rec := get(t, p.Store, "gv0"); !p.Store.Stale() || rec.Value.Size != 7 || rec.Revision == 0 {
			t.Errorf("without a quorum there is %+v, stale: %v", rec, p.Store.Stale())
		}
		t.Logf("open and read without a quorum took %v", time.Since(start))
		if _, ok, _ := kind(store.PrefixLocks).Get(p.Store, "volume/gv0"); !ok {
			t.Error("the lock is missing")
		}
		refusesWithoutQuorum(t, p.Store, i == 0)
	}
	for _, i := range []int{1, 2} {
		peers[i].Restart(t)
	}
	for _, p := range peers {
		storetest.WaitReady(t, p.Store)
		if rec, ok, err := kind(store.PrefixSecrets).Get(p.Store, "ca-key"); !ok || err != nil || p.Store.Stale() {
			t.Errorf("with a quorum the secrets are %v %v %v, stale: %v", rec, ok, err, p.Store.Stale())
		}
		wantVolume(t, p.Store, "gv0")
	}
}

func refusesWithoutQuorum(t *testing.T, s *store.Store, member bool) {
	t.Helper()
	start := time.Now()
	err := s.Sync(within(t))
	_, cerr := s.Commit(within(t), []store.Write{volumes.Create("gv1", volume{})})
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("the refusals took %v", took)
	}
	want := []string{"0 of 3 members can be reached, 2 are needed", "node1 (https://", "node2 (https://", "node3 (https://"}
	if member {
		want = []string{"1 of 3 members can be reached, 2 are needed", "node2 (https://", "node3 (https://"}
	}
	for _, err := range []error{err, cerr} {
		if !api.IsKind(err, api.Unavailable) {
			t.Fatalf("without a quorum: %v", err)
		}
	}
	for _, w := range want {
		if !strings.Contains(cerr.Error(), w) {
			t.Errorf("the refusal %q does not say %q", cerr, w)
		}
	}
}

// TestCopyIsNotUsed damages the copy on disk, or gives it to another pool.
func TestCopyIsNotUsed(t *testing.T) {
	ca := storetest.NewAuthority(t)
	peers := []*storetest.Peer{storetest.NewPeer(t, ca, "peer-1"), storetest.NewPeer(t, ca, "peer-2")}
	storetest.JoinPeer(t, peers[0], peers[1])
	commit(t, peers[0].Store, volumes.Create("gv0", volume{"gv0", 7}))
	wantVolume(t, peers[1].Store, "gv0")
	storetest.CloseAll(peers)
	client := peers[1]
	file := filepath.Join(client.Config.Dir, "copy.json")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(filepath.Join(peers[0].Config.Dir, "copy.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"half": good[:len(good)/2], "empty": nil, "changed": bytes.Replace(good, []byte(`"size":7`), []byte(`"size":8`), 1), "foreign": foreign,
	} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		client.Restart(t)
		if _, ok, _ := volumes.Get(client.Store, "gv0"); ok {
			t.Errorf("%s: the copy was used", name)
		}
		if err := client.Store.Close(); err != nil {
			t.Error(err)
		}
		if now, _ := os.ReadFile(file); !bytes.Equal(now, data) {
			t.Errorf("%s: a store that read nothing has replaced the copy", name)
		}
	}
	peers[0].Restart(t)
	client.Restart(t)
	wantVolume(t, client.Store, "gv0")
	wantFile(t, file, "gv0", true)
}

// TestCopyCannotBeWritten checks that a write that fails is tried again and harms nothing.
func TestCopyCannotBeWritten(t *testing.T) {
	p := storetest.NewPeer(t, storetest.NewAuthority(t), "peer-1")
	file := filepath.Join(p.Config.Dir, "copy.json")
	if err := os.MkdirAll(filepath.Join(file, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	commit(t, p.Store, volumes.Create("gv0", volume{"gv0", 7}))
	if err := p.Store.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.Config.Dir, ".copy.json*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	p.Restart(t)
	wantVolume(t, p.Store, "gv0")
}

func BenchmarkCopyToDisk(b *testing.B) {
	dir := b.TempDir()
	value, err := json.Marshal(map[string]any{"v": 1, "d": strings.Repeat("x", 2000)})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := store.WriteCopy(dir, 10000, value); err != nil {
			b.Fatal(err)
		}
	}
}

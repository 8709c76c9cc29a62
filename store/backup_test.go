package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

// fillPool writes what a pool has.
func fillPool(t *testing.T, s *store.Store, n int) {
	t.Helper()
	commit(t, s, kind(store.PrefixPool).Create("", record{"id": "the-pool"}),
		kind(store.PrefixSecrets).Create("ca-key", record{"key": "sesame"}),
		kind(store.PrefixPeers).Create("peer-1", record{"name": "node1"}))
	for i := range n {
		commit(t, s, volumes.Create(fmt.Sprint("gv", i), volume{"gv", i}))
	}
}

func backup(t *testing.T, s *store.Store) ([]byte, store.Manifest) {
	t.Helper()
	var b bytes.Buffer
	m, err := s.Snapshot(within(t), &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m
}

func TestBackup(t *testing.T) {
	peers := storetest.Peers(t, 4)
	fillPool(t, peers[0].Store, 3)
	for _, p := range peers {
		data, m := backup(t, p.Store)
		got, err := store.VerifyBackup(bytes.NewReader(data))
		if err != nil || got.SHA256 != m.SHA256 || got.Size != m.Size || got.Size < 4096 {
			t.Errorf("the backup is %+v, %v; it was made as %+v", got, err, m)
		}
		if m.ClusterID != "the-pool" || m.Volumes != 3 || len(m.Peers) != 1 || m.Revision < p.Store.Revision() || m.Created.IsZero() {
			t.Errorf("the manifest is %+v", m)
		}
		for what, bad := range map[string][]byte{
			"half": data[:len(data)/2], "nothing": nil, "no end": data[:len(data)-2048], "no tar": []byte("hello"),
			"a changed byte": append(append(bytes.Clone(data[:len(data)/2]), data[len(data)/2]^1), data[len(data)/2+1:]...),
		} {
			if _, err := store.VerifyBackup(bytes.NewReader(bad)); !api.IsKind(err, api.Invalid) {
				t.Errorf("%s of a backup: %v", what, err)
			}
		}
	}
	storetest.CloseAll(peers[1:])
	if _, err := peers[0].Store.Snapshot(within(t), &bytes.Buffer{}); !api.IsKind(err, api.Unavailable) {
		t.Errorf("a backup without a quorum: %v", err)
	}
}

func TestLocalSnapshots(t *testing.T) {
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	cfg.SnapshotEvery, cfg.SnapshotKeep = time.Second, 2
	s := storetest.Open(t, cfg)
	list := func() []string {
		files, _ := filepath.Glob(filepath.Join(cfg.Dir, "snapshots", "*"))
		return files
	}
	rev, seen := commit(t, s, volumes.Create("gv0", volume{})), map[string]bool{}
	waitFor(t, "there were four snapshots, of which two are kept", func() bool {
		rev = commit(t, s, volumes.Update("gv0", volume{}, rev))
		files := list()
		for _, f := range files {
			if filepath.Ext(f) == ".tar" {
				seen[f] = true
			}
		}
		return len(seen) >= 4 && len(files) == 2
	})
	for _, file := range list() {
		f, err := os.Open(file)
		if err != nil {
			continue // it was replaced just now
		}
		if m, err := store.VerifyBackup(f); err != nil || m.Volumes != 1 {
			t.Errorf("%s: %+v, %v", file, m, err)
		}
		if fi, err := f.Stat(); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, fi.Mode(), err)
		}
		_ = f.Close()
	}
	if st := status(t, s); st.LastSnapshot == "" || st.SnapshotAge > 60 {
		t.Errorf("the status names the snapshot of %q, %d s old", st.LastSnapshot, st.SnapshotAge)
	}
}

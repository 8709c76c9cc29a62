package store

import (
	"context"
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Client is the etcd client of a store, for tests that act behind its back.
func Client(s *Store) *clientv3.Client { return s.session.Load().client }

// Deaf runs do while the copy of the store is not fed.
func Deaf(t *testing.T, s *Store, do func()) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopFeed()
	do()
	s.startFeed(s.session.Load(), true)
}

// RunCommit runs a commit against a fake of etcd. known is the revision that the store had before.
func RunCommit(ctx context.Context, etcd txnRunner, known int64, writes []Write, guards ...Guard) (int64, error) {
	c, err := newCommit(writes, guards)
	if err != nil {
		return 0, err
	}
	return c.run(ctx, etcd, known, nil)
}

// TxnFunc is a fake of etcd.
type TxnFunc func() (*clientv3.TxnResponse, error)

func (f TxnFunc) txn(context.Context, []clientv3.Cmp, []clientv3.Op, []clientv3.Op) (*clientv3.TxnResponse, error) {
	return f()
}

// Raw puts any bytes under a key.
func Raw(t *testing.T, s *Store, key, value string) int64 {
	t.Helper()
	resp, err := Client(s).Put(t.Context(), key, value)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

// WriteCopy writes n records of the value as a copy on disk.
func WriteCopy(dir string, n int, value []byte) error {
	entries := make([]*entry, n)
	for i := range entries {
		entries[i] = &entry{key: fmt.Sprint(PrefixVolumes, i), value: value, rev: int64(i)}
	}
	return writeCopy(dir, copyHeader{ClusterID: "x"}, entries)
}

// TidyUp looks once after the databases of all members, which are wasteful from some size on.
func TidyUp(ctx context.Context, s *Store, wasteBytes int64) error {
	return s.tidyUp(ctx, limits{wasteBytes: wasteBytes})
}

// DropHistory drops the history but for keep revisions if there are drop of them.
func DropHistory(ctx context.Context, s *Store, keep, drop, dropped int64) int64 {
	return s.dropHistory(ctx, limits{keepRevisions: keep, dropRevisions: drop}, dropped)
}

// Words is what packed values refer to.
const Words = words

// Unpack returns the JSON of a value; MaxUnpacked bounds it.
func Unpack(value []byte) ([]byte, error) { return unpack(value) }

// MaxUnpacked is the most that a packed value may hold.
const MaxUnpacked = maxUnpacked

// TakeSnapshot makes a local snapshot.
func TakeSnapshot(ctx context.Context, s *Store) error { return s.snapshotOnce(ctx) }

// WithRoom lets the disk of a store have as many bytes left as room says.
func WithRoom(cfg Config, room func() int64) Config {
	cfg.room = func(string) (int64, error) { return room(), nil }
	return cfg
}

// MaxBehind is the number of changes that wait for the reader of a view.
const MaxBehind = maxBehind

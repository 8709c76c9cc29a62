package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

func TestGuards(t *testing.T) {
	s := storetest.New(t)
	rev := commit(t, s, volumes.Create("gv0", volume{"gv0", 0}))
	rev1 := commit(t, s, volumes.Create("gv1", volume{"gv1", 0}))
	for _, c := range []struct {
		name   string
		write  store.Write
		guards []store.Guard
		key    string // of the conflict; empty: it succeeds
	}{
		{"create what exists", volumes.Create("gv0", volume{}), nil, "/gd2/volumes/gv0"},
		{"update what does not exist", volumes.Update("gv9", volume{}, rev), nil, "/gd2/volumes/gv9"},
		{"update of an old revision", volumes.Update("gv1", volume{}, rev), nil, "/gd2/volumes/gv1"},
		{"delete of an old revision", volumes.Delete("gv1", rev), nil, "/gd2/volumes/gv1"},
		{"guard of an old revision", volumes.Create("gv2", volume{}), []store.Guard{volumes.MustBe("gv1", rev)}, "/gd2/volumes/gv1"},
		{"guard of what is gone", volumes.Create("gv2", volume{}), []store.Guard{volumes.MustBe("gv9", rev)}, "/gd2/volumes/gv9"},
		{"guard against what exists", volumes.Create("gv2", volume{}), []store.Guard{volumes.MustBeAbsent("gv0")}, "/gd2/volumes/gv0"},
		{"guards that hold", volumes.Create("gv2", volume{}), []store.Guard{volumes.MustBe("gv0", rev), volumes.MustBe("gv1", rev1), volumes.MustBeAbsent("gv9")}, ""},
		{"delete", volumes.Delete("gv1", rev1), nil, ""},
	} {
		before := s.Revision()
		got, err := s.Commit(t.Context(), []store.Write{c.write}, c.guards...)
		if c.key == "" {
			if err != nil || got != before+1 {
				t.Errorf("%s: revision %d, %v, want revision %d", c.name, got, err, before+1)
			}
			if err := s.WaitRevision(t.Context(), got); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !api.IsKind(err, api.Conflict) || api.AsError(err).Fields[store.FieldKey] != c.key {
			t.Errorf("%s: %v (%v), want a conflict about %s", c.name, err, api.AsError(err).Fields, c.key)
		}
		if err := s.Sync(t.Context()); err != nil || s.Revision() != before {
			t.Errorf("%s: something was written", c.name)
		}
	}
}

func TestCommitRefusesNonsense(t *testing.T) {
	s := storetest.New(t)
	big := volume{Name: strings.Repeat("x", 1<<20)}
	other := store.NewKind[volume]("/elsewhere/", 1)
	for _, c := range []struct {
		name   string
		writes []store.Write
		guards []store.Guard
		kind   api.Kind
	}{
		{"nothing", nil, nil, api.Internal},
		{"update without a revision", []store.Write{volumes.Update("a", volume{}, 0)}, nil, api.Internal},
		{"delete without a revision", []store.Write{volumes.Delete("a", 0)}, nil, api.Internal},
		{"guard without a revision", []store.Write{volumes.Create("a", volume{})}, []store.Guard{volumes.MustBe("b", 0)}, api.Internal},
		{"no id", []store.Write{volumes.Create("", volume{})}, nil, api.Internal},
		{"a newline", []store.Write{volumes.Create("a\nb", volume{})}, nil, api.Invalid},
		{"a long id", []store.Write{volumes.Create(strings.Repeat("x", 2000), volume{})}, nil, api.Invalid},
		{"the same record twice", []store.Write{volumes.Create("a", volume{}), volumes.Create("a", volume{})}, nil, api.Internal},
		{"guards that contradict", []store.Write{volumes.Create("a", volume{})}, []store.Guard{volumes.MustBe("a", 7)}, api.Internal},
		{"too large", []store.Write{volumes.Create("a", big)}, nil, api.TooLarge},
		{"a foreign prefix", []store.Write{other.Create("a", volume{})}, nil, api.Internal},
	} {
		if _, err := s.Commit(t.Context(), c.writes, c.guards...); !api.IsKind(err, c.kind) {
			t.Errorf("%s: %v, want an error of kind %s", c.name, err, c.kind)
		}
	}
	if list, err := volumes.List(s); err != nil || len(list) != 0 {
		t.Errorf("something was written: %v, %v", list, err)
	}
}

func TestCommitWithoutQuorum(t *testing.T) {
	peers := storetest.Peers(t, 3)
	storetest.CloseAll(peers[1:])
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("the request's deadline"))
	defer cancel()
	_, err := peers[0].Store.Commit(ctx, []store.Write{volumes.Create("gv0", volume{})})
	if !api.IsKind(err, api.Timeout, api.Unavailable) {
		t.Errorf("a commit without a quorum ended with %v", err)
	}
	if err := peers[0].Store.Sync(ctx); !api.IsKind(err, api.Unavailable) {
		t.Errorf("a linearizable read without a quorum ended with %v", err)
	}
}

// answer makes the answer of etcd to a refused transaction from the present records.
func answer(kvs ...*mvccpb.KeyValue) *clientv3.TxnResponse {
	resp := &etcdserverpb.TxnResponse{Header: &etcdserverpb.ResponseHeader{Revision: 100}}
	for _, kv := range kvs {
		resp.Responses = append(resp.Responses, &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponseRange{
			ResponseRange: &etcdserverpb.RangeResponse{Kvs: []*mvccpb.KeyValue{kv}},
		}})
	}
	return (*clientv3.TxnResponse)(resp)
}

// TestCommitOfUnknownOutcome goes through what a second try can find after a first one whose answer was lost.
func TestCommitOfUnknownOutcome(t *testing.T) {
	const key, gone = "/gd2/volumes/gv0", "/gd2/volumes/gone"
	ours := `{"v":1,"d":{"name":"gv0","size":1}}`
	update := []store.Write{volumes.Update("gv0", volume{"gv0", 1}, 5), volumes.Delete("gone", 6)}
	create := []store.Write{volumes.Create("gv0", volume{"gv0", 1})}
	kv := func(key, value string, rev int64) *mvccpb.KeyValue {
		return &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: rev}
	}
	for _, c := range []struct {
		name   string
		first  error
		writes []store.Write
		found  []*mvccpb.KeyValue
		rev    int64    // success
		kind   api.Kind // or this
	}{
		{"the first try had succeeded", rpctypes.ErrTimeout, update, []*mvccpb.KeyValue{kv(key, ours, 12)}, 12, ""},
		{"the create had succeeded", context.DeadlineExceeded, create, []*mvccpb.KeyValue{kv(key, ours, 12)}, 12, ""},
		{"our bytes, but the delete was not done", rpctypes.ErrTimeout, update, []*mvccpb.KeyValue{kv(key, ours, 12), kv(gone, "x", 6)}, 0, api.Conflict},
		{"the record is as we knew it", rpctypes.ErrTimeout, update, []*mvccpb.KeyValue{kv(key, "x", 5), kv(gone, "x", 9)}, 0, api.Conflict},
		{"changed before we began", rpctypes.ErrTimeout, update, []*mvccpb.KeyValue{kv(key, "x", 9)}, 0, api.Conflict},
		{"changed since", rpctypes.ErrTimeout, update, []*mvccpb.KeyValue{kv(key, "x", 20)}, 0, api.Timeout},
		{"removed since", rpctypes.ErrTimeout, update, nil, 0, api.Timeout},
		{"refused at the door, then changed", rpctypes.ErrTooManyRequests, update, []*mvccpb.KeyValue{kv(key, "x", 20)}, 0, api.Conflict},
		{"the same bytes of somebody else", rpctypes.ErrTooManyRequests, create, []*mvccpb.KeyValue{kv(key, ours, 12)}, 0, api.Conflict},
	} {
		tries := 0
		rev, err := store.RunCommit(t.Context(), store.TxnFunc(func() (*clientv3.TxnResponse, error) {
			if tries++; tries == 1 {
				return nil, c.first
			}
			return answer(c.found...), nil
		}), 10, c.writes, volumes.MustBeAbsent("lock"))
		if rev != c.rev || (c.kind == "") != (err == nil) || (err != nil && !api.IsKind(err, c.kind)) || tries != 2 {
			t.Errorf("%s: revision %d, %v after %d tries, want revision %d or kind %q", c.name, rev, err, tries, c.rev, c.kind)
		}
	}
}

func TestCommitGivesUp(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind api.Kind
	}{
		{rpctypes.ErrTimeout, api.Timeout}, {rpctypes.ErrTooManyRequests, api.Unavailable}, {rpctypes.ErrNoLeader, api.Unavailable},
		{rpctypes.ErrNoSpace, api.Unavailable}, {rpctypes.ErrRequestTooLarge, api.TooLarge}, {rpctypes.ErrEmptyKey, api.Internal},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := store.RunCommit(ctx, store.TxnFunc(func() (*clientv3.TxnResponse, error) { return nil, c.err }), 1,
			[]store.Write{volumes.Create("gv0", volume{})})
		cancel()
		if !api.IsKind(err, c.kind) {
			t.Errorf("%v: ended with %v, want kind %s", c.err, err, c.kind)
		}
	}
}

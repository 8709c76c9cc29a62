package store

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gd2/pkg/api"
)

const (
	// tryTimeout bounds one request to one member of the store, so that a member that hangs is left for the next.
	tryTimeout = 2 * time.Second
	// retryPause is the pause after a request that failed.
	retryPause = 50 * time.Millisecond
)

// txnRunner is what a commit needs of etcd.
type txnRunner interface {
	txn(ctx context.Context, cmps []clientv3.Cmp, then, orElse []clientv3.Op) (*clientv3.TxnResponse, error)
}

// etcdTxn is the txnRunner of a real client.
type etcdTxn struct{ client *clientv3.Client }

func (e etcdTxn) txn(ctx context.Context, cmps []clientv3.Cmp, then, orElse []clientv3.Op) (*clientv3.TxnResponse, error) {
	return e.client.Txn(ctx).If(cmps...).Then(then...).Else(orElse...).Commit()
}

// run tries until the outcome is known, ctx ends, or left is closed because this peer went over to another pool.
// known is a revision that the store had before the first try.
func (c *commit) run(ctx context.Context, etcd txnRunner, known int64, left <-chan struct{}) (int64, error) {
	cmps, puts, reads := c.compares(), c.puts(), c.reads()
	for {
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		resp, err := etcd.txn(try, cmps, puts, reads)
		cancel()
		switch {
		case err == nil && resp.Succeeded:
			return resp.Header.Revision, nil
		case err == nil:
			return c.refused(resp, known)
		case !retryable(err):
			return 0, c.failure(err)
		case !c.rehearsal && !certainlyNotDone(err) && c.ambiguous == nil:
			c.ambiguous = err
		}
		select {
		case <-ctx.Done():
			return 0, c.gaveUp(ctx, err)
		case <-left:
			return 0, errLeft()
		case <-time.After(retryPause):
		}
	}
}

// refused decides what it means that a condition did not hold. Without an earlier try of unknown outcome it is a
// conflict. With one, it may be that very try whose work we see.
func (c *commit) refused(resp *clientv3.TxnResponse, known int64) (int64, error) {
	present := make(map[string]*mvccpb.KeyValue, len(c.guards))
	for _, r := range resp.Responses {
		for _, kv := range r.GetResponseRange().GetKvs() {
			present[string(kv.Key)] = kv
		}
	}
	if c.ambiguous == nil {
		return 0, c.conflict(present)
	}
	if rev, ok := c.ours(present); ok {
		return max(rev, known), nil
	}
	if c.surelyNotOurs(present, known) {
		return 0, c.conflict(present)
	}
	return 0, api.Errorf(api.Timeout, "it is unknown whether the change was written: a first try ended with %q, and others have changed %s since",
		c.ambiguous, c.broken(present).key).With(FieldKey, c.broken(present).key)
}

// ours reports whether all written records are as this commit writes them, and by which revision.
func (c *commit) ours(present map[string]*mvccpb.KeyValue) (rev int64, ok bool) {
	for _, w := range c.writes {
		kv := present[w.key]
		if w.remove {
			if kv != nil {
				return 0, false
			}
			continue
		}
		if kv == nil || string(kv.Value) != string(w.value) || (rev != 0 && kv.ModRevision != rev) {
			return 0, false
		}
		rev = kv.ModRevision
	}
	return rev, true
}

// surelyNotOurs reports whether an earlier try can be excluded: a record that we write is untouched, or a condition
// had failed before the first try.
func (c *commit) surelyNotOurs(present map[string]*mvccpb.KeyValue, known int64) bool {
	for _, w := range c.writes {
		if kv := present[w.key]; kv != nil && kv.ModRevision == w.rev {
			return true
		}
	}
	for _, g := range c.guards {
		if kv := present[g.key]; kv != nil && kv.ModRevision != g.rev && kv.ModRevision <= known {
			return true
		}
	}
	return false
}

// broken returns the first condition that does not hold.
func (c *commit) broken(present map[string]*mvccpb.KeyValue) Guard {
	for _, g := range c.guards {
		if present[g.key].GetModRevision() != g.rev {
			return g
		}
	}
	return Guard{key: c.writes[0].key}
}

func (c *commit) conflict(present map[string]*mvccpb.KeyValue) error {
	g := c.broken(present)
	what := "was changed by someone else"
	switch {
	case g.rev == 0:
		what = "exists already"
	case present[g.key] == nil:
		what = "was removed by someone else"
	}
	return api.Errorf(api.Conflict, "record %s %s; nothing was written", g.key, what).With(FieldKey, g.key)
}

func (c *commit) failure(err error) error {
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		return api.Errorf(api.Unavailable, "the store's database has reached its quota: no change is accepted until space is freed")
	case errors.Is(err, rpctypes.ErrRequestTooLarge), errors.Is(err, rpctypes.ErrTooManyOps):
		return api.Errorf(api.TooLarge, "the store refuses a change of %d records: %v", len(c.writes), err)
	case c.ambiguous != nil:
		return api.Errorf(api.Timeout, "it is unknown whether the change was written: %v", err)
	}
	return api.Errorf(api.Internal, "the store refuses the change: %v", err)
}

func (c *commit) gaveUp(ctx context.Context, err error) error {
	if c.ambiguous == nil {
		return api.Errorf(api.Unavailable, "the store cannot be reached, nothing was written: %v (%v)", err, context.Cause(ctx))
	}
	return api.Errorf(api.Timeout, "it is unknown whether the change was written: %v (%v)", err, context.Cause(ctx))
}

// retryable reports whether another try, at another member perhaps, can succeed.
func retryable(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, rpctypes.ErrTooManyRequests) {
		return true // the caller's own context is checked beside this
	}
	switch code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted, codes.Unknown:
		return true
	}
	return false
}

// certainlyNotDone reports whether a failed try can have had no effect, because no member took it in.
func certainlyNotDone(err error) bool {
	return errors.Is(err, rpctypes.ErrTooManyRequests) || errors.Is(err, rpctypes.ErrNoLeader)
}

// isCompacted reports whether a revision was asked for that etcd has forgotten already.
func isCompacted(err error) bool { return errors.Is(err, rpctypes.ErrCompacted) }

// code returns the gRPC code of an error of etcd's client, which comes in two forms.
func code(err error) codes.Code {
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		return e.Code()
	}
	return status.Code(err)
}

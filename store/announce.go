package store

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

const (
	// minTTL is the shortest time to live of an announcement: a lease must outlive an election of a new leader.
	minTTL = 2 * time.Second
	// announcePause is the pause after an announcement was lost.
	announcePause = 200 * time.Millisecond
	// withdrawTimeout bounds the removal of an announcement at its end. If it fails the lease runs out by itself.
	withdrawTimeout = time.Second
)

// Announce writes a record, made by Kind.Create, that exists only as long as this call lasts: it is held by a lease of
// ttl that is kept alive, and vanishes ttl after this peer has died. It returns when ctx ends, having removed the
// record. Until then it writes the record again whenever it is lost: after the lease ran out because no quorum was in
// reach, after Join in the new pool, or when someone removed it. The record belongs to the caller alone: one that was
// left by an earlier run is replaced.
func (s *Store) Announce(ctx context.Context, w Write, ttl time.Duration) error {
	if w.err != nil {
		return w.err
	}
	if w.remove || ttl < minTTL {
		return api.Errorf(api.Internal, "announcement of %s with a time to live of %v: it needs a record to write and at least %v", w.key, ttl, minTTL)
	}
	for {
		sess := s.session.Load()
		err := s.announce(ctx, sess, w, ttl)
		if sess != s.session.Load() && s.ctx.Err() == nil && ctx.Err() == nil {
			continue // in another pool now: it must learn of this peer at once
		}
		if ctx.Err() == nil {
			s.log.WithError(err).WithField("key", w.key).Debug("an announcement was lost and is made again")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.ctx.Done():
			return errClosed()
		case <-time.After(announcePause):
		}
	}
}

// announce writes the record and keeps it until it is lost or ctx ends.
func (s *Store) announce(ctx context.Context, sess *session, w Write, ttl time.Duration) error {
	try, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	lease, err := sess.client.Grant(try, int64((ttl+time.Second-1)/time.Second))
	if err != nil {
		return err
	}
	defer withdraw(ctx, sess, lease.ID)
	changed, unsubscribe := s.Subscribe(w.key)
	defer unsubscribe()
	rev, err := putLeased(try, sess.client, w, lease.ID)
	if err != nil {
		return err
	}
	alive, err := sess.client.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	return s.keep(ctx, sess, w.key, rev, alive, changed)
}

// keep returns when the record of the key, written at revision rev, is lost or ctx ends.
func (s *Store) keep(ctx context.Context, sess *session, key string, rev int64, alive <-chan *clientv3.LeaseKeepAliveResponse, changed <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sess.left:
			return errLeft()
		case _, ok := <-alive:
			if !ok {
				return errors.New("its lease has run out")
			}
		case <-changed:
			if s.Revision() < rev {
				continue // the copy has not come to our own write yet
			}
			if _, ok := s.lookup(key); !ok {
				return errors.New("someone removed it")
			}
		}
	}
}

// putLeased writes the record with the lease, whatever was there. It is compared all the same, because a blind put
// could land late and outlive its lease's place.
func putLeased(ctx context.Context, client *clientv3.Client, w Write, lease clientv3.LeaseID) (int64, error) {
	rev := int64(0)
	for {
		resp, err := client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(w.key), "=", rev)).
			Then(clientv3.OpPut(w.key, string(w.value), clientv3.WithLease(lease))).
			Else(clientv3.OpGet(w.key)).Commit()
		if err != nil {
			return 0, err
		}
		if resp.Succeeded {
			return resp.Header.Revision, nil
		}
		rev = 0
		for _, kv := range resp.Responses[0].GetResponseRange().GetKvs() {
			rev = kv.ModRevision
		}
	}
}

// withdraw ends a lease, which removes its record at once. It must not hold up a peer that stops, and has nobody to ask
// in a pool that the peer has left.
func withdraw(ctx context.Context, sess *session, lease clientv3.LeaseID) {
	if sess.over() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	_, _ = sess.client.Revoke(ctx, lease)
}

// over reports whether this peer has left the session's pool.
func (s *session) over() bool {
	select {
	case <-s.left:
		return true
	default:
		return false
	}
}

package store

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

const (
	// readTimeout bounds one linearizable read, so that a member that hangs is left for the next.
	readTimeout = time.Second
	// nudgeAfter is the wait for the watch to bring a revision before etcd is asked how far the watch has come, upon which
	// it sends what it has held back (aside.go); the wait doubles up to nudgeMax.
	nudgeAfter = time.Millisecond
	nudgeMax   = 500 * time.Millisecond
)

// Sync waits until the copy in memory has every change that was committed, through any peer, before the call. It costs
// one round trip to a quorum and no write; calls at the same time share it. It fails when ctx ends, and after a few
// seconds without a quorum: kind Unavailable, with a message that says what the store waits for.
func (s *Store) Sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quorumPatience)
	defer cancel()
	for {
		if err := s.cutOff(); err != nil {
			return err
		}
		rev, sess, err := s.barrier.wait(ctx, s.currentRevision)
		if err == nil {
			err = s.waitRevision(ctx, rev, sess.left)
			if err == nil || ctx.Err() != nil || s.ctx.Err() != nil {
				return err
			}
			continue // this peer went over to another pool: ask that one
		}
		select {
		case <-ctx.Done():
			return s.noQuorum(err)
		case <-s.ctx.Done():
			return errClosed()
		case <-time.After(retryPause):
		}
	}
}

// currentRevision asks for the revision of the store by a linearizable read: one that a quorum has confirmed.
func (s *Store) currentRevision() (int64, *session, error) {
	sess, have := s.session.Load(), s.Revision()
	ctx, cancel := context.WithTimeout(s.ctx, readTimeout)
	defer cancel()
	resp, err := sess.client.Get(ctx, PrefixPool, clientv3.WithCountOnly())
	if err != nil {
		return 0, sess, err
	}
	if resp.Header.Revision < have {
		// The copy is ahead of the truth: the store was brought back from a backup. Its history must be read anew.
		select {
		case s.reload <- struct{}{}:
		default:
		}
	}
	return resp.Header.Revision, sess, nil
}

// WaitRevision waits until the copy in memory has the revision, such as one that Commit has returned.
func (s *Store) WaitRevision(ctx context.Context, rev int64) error {
	return s.waitRevision(ctx, rev, s.session.Load().left)
}

func (s *Store) waitRevision(ctx context.Context, rev int64, left <-chan struct{}) error {
	done, giveUp := s.mem.wait(rev)
	defer giveUp()
	pause := nudgeAfter
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return api.Errorf(api.Unavailable, "the copy of the store is at revision %d and did not reach %d in time: %v", s.Revision(), rev, context.Cause(ctx))
		case <-s.ctx.Done():
			return errClosed()
		case <-left:
			return errLeft()
		case <-timer.C:
			// Without a change below Root, as in a shared external etcd, nothing would tell that the copy is current.
			if nudge := s.nudge.Load(); nudge != nil {
				(*nudge)()
			}
			pause = min(2*pause, nudgeMax)
			timer.Reset(pause)
		}
	}
}

func errLeft() error {
	return api.Errorf(api.Unavailable, "this peer went over to another pool meanwhile")
}

func errClosed() error { return api.Errorf(api.Unavailable, "the store is closed") }

// barrier lets calls at the same time share one question. A call may not use an answer that was asked for before it,
// so those that come while one is under way wait for the next.
type barrier struct {
	mu   sync.Mutex
	busy bool
	next *round
}

// round is one question and its answer.
type round struct {
	done chan struct{}
	rev  int64
	sess *session // that was asked
	err  error
}

func (b *barrier) wait(ctx context.Context, ask func() (int64, *session, error)) (int64, *session, error) {
	b.mu.Lock()
	if b.next == nil {
		b.next = &round{done: make(chan struct{})}
	}
	r := b.next
	if !b.busy {
		b.busy = true
		go b.run(ask)
	}
	b.mu.Unlock()
	select {
	case <-r.done:
		return r.rev, r.sess, r.err
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
}

// run asks until no one waits.
func (b *barrier) run(ask func() (int64, *session, error)) {
	for {
		b.mu.Lock()
		r := b.next
		b.next = nil
		if r == nil {
			b.busy = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		r.rev, r.sess, r.err = ask()
		close(r.done)
	}
}

package store

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// loadPage is the number of records read in one request when everything is loaded.
	loadPage = 1000
	// loadTimeout bounds one such request.
	loadTimeout = 5 * time.Second
	// silence is the longest time without a word from the member that feeds the copy. It is asked for one before.
	silence = 6 * time.Second
	// feedPauseMin and feedPauseMax bound the pause after the feed of the copy has failed.
	feedPauseMin, feedPauseMax = 50 * time.Millisecond, time.Second
)

// feed keeps the copy in memory up to date until ctx ends: it loads everything once, then follows the changes from
// that revision on, and loads again only when the revisions in between are gone. loaded says that the copy was loaded
// from this session already.
func (s *Store) feed(ctx context.Context, sess *session, loaded bool) {
	pause := feedPauseMin
	for ctx.Err() == nil {
		start := time.Now()
		err := s.feedOnce(ctx, sess, &loaded)
		if ctx.Err() != nil {
			return
		}
		s.nowWaits(err)
		s.log.WithError(err).Debug("the copy of the store is not being fed")
		if time.Since(start) > feedPauseMax {
			pause = feedPauseMin // it went well for a while
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, feedPauseMax)
	}
}

// feedOnce loads if need be and follows until something goes wrong.
func (s *Store) feedOnce(ctx context.Context, sess *session, loaded *bool) error {
	if !*loaded {
		entries, rev, err := load(ctx, sess.client)
		if err != nil {
			return err
		}
		s.mem.replace(entries, rev)
		*loaded = true
	}
	s.readyOnce.Do(func() { close(s.ready) })
	s.loadedOnce.Do(func() { close(s.loaded) })
	err := s.follow(ctx, sess)
	if errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, errReload) {
		*loaded = false
	}
	return err
}

// load reads all records at one revision, linearizably.
func load(ctx context.Context, client *clientv3.Client) ([]*entry, int64, error) {
	var entries []*entry
	from, rev := Root, int64(0)
	for {
		page, cancel := context.WithTimeout(ctx, loadTimeout)
		resp, err := client.Get(page, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(Root)),
			clientv3.WithLimit(loadPage), clientv3.WithRev(rev))
		cancel()
		if err != nil {
			return nil, 0, err
		}
		if rev == 0 {
			rev = resp.Header.Revision
		}
		for _, kv := range resp.Kvs {
			entries = append(entries, &entry{key: string(kv.Key), value: kv.Value, rev: kv.ModRevision})
		}
		if !resp.More {
			return entries, rev, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

// errReload ends a watch because the copy must be loaded anew.
var errReload = errors.New("the store's history does not continue the one that was seen")

// follow applies the changes after the copy's revision as they come. etcd never splits one revision over two answers,
// so readers see each transaction whole.
func (s *Store) follow(ctx context.Context, sess *session) error {
	// A member that has lost its leader ends the watch, so that the client goes on at another.
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	changes := sess.client.Watch(ctx, Root, clientv3.WithPrefix(), clientv3.WithRev(s.mem.revision()+1), clientv3.WithProgressNotify(), clientv3.WithCreatedNotify())
	nudge := func() { // whoever waits asks again
		ctx, cancel := context.WithTimeout(ctx, nudgeMax) // it blocks while the client has no connection
		defer cancel()
		_ = sess.client.RequestProgress(ctx)
	}
	s.nudge.Store(&nudge)
	defer s.nudge.Store(nil)
	tick := time.NewTicker(silence / 3)
	defer tick.Stop()
	heard := time.Now()
	for {
		select {
		case <-tick.C:
			if time.Since(heard) > silence {
				return errors.New("the member that feeds the copy has fallen silent")
			}
			nudge()
		case <-s.reload:
			return errReload
		case resp, ok := <-changes:
			if !ok {
				return errors.New("the watch has ended")
			}
			if err := resp.Err(); err != nil {
				return err
			}
			s.setWaiting("") // also at the first answer, which says that the watch is set up
			s.take(resp)
			heard = time.Now()
		}
	}
}

// take applies one answer of the watch.
func (s *Store) take(resp clientv3.WatchResponse) {
	if resp.IsProgressNotify() {
		s.mem.apply(nil, resp.Header.Revision)
		return
	}
	if len(resp.Events) == 0 {
		return
	}
	list := make([]change, 0, len(resp.Events))
	for _, ev := range resp.Events {
		c := change{key: string(ev.Kv.Key)}
		if ev.Type == clientv3.EventTypePut {
			c.entry = &entry{key: c.key, value: ev.Kv.Value, rev: ev.Kv.ModRevision}
		}
		list = append(list, c)
	}
	// Not the revision of the header: a watch that catches up says there what the store has, not what it has sent.
	s.mem.apply(list, resp.Events[len(resp.Events)-1].Kv.ModRevision)
}

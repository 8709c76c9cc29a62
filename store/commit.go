package store

import (
	"context"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

const (
	// maxCommitBytes is the most that one Commit may write. etcd's own limit is maxRequestBytes; between the two is room
	// for the guards and the framing.
	maxCommitBytes = 1 << 20
	// maxCommitOps is the most writes and guards in one Commit. An external etcd has its own limit, 128 unless set.
	maxCommitOps = 1024
)

// Write is one change of a record, made by Kind.Create, Update or Delete. It always carries the revision that the
// record must have, so that no update is lost.
type Write struct {
	key    string
	value  []byte
	rev    int64 // the revision that the record must have; 0: it must not exist
	remove bool
	shown  []string // the fields whose values a Change may show
	typed  any      // the value before it became JSON, for Config.Derive
	err    error    // what was wrong when it was made; Commit returns it
}

// Key returns the key that is written.
func (w Write) Key() string { return w.key }

// Guard is a condition on a record that a Commit does not write, made by Kind.MustBe or MustBeAbsent.
type Guard struct {
	key string
	rev int64 // 0: it must not exist
	err error
}

// Key returns the key that is guarded.
func (g Guard) Key() string { return g.key }

// FieldKey names, in the error of a refused Commit, the key whose guard did not hold.
const FieldKey = "key"

// Commit writes all of writes in one raft commit, or none of them. Every write and guard must hold; if one does not,
// the error is of kind Conflict with the field "key", and nothing was written.
//
// A try whose outcome is unknown, such as a connection that broke, is repeated until ctx ends. If a repeated try finds
// exactly our own bytes, the first one had succeeded. An error of kind Timeout says that the outcome remained unknown.
//
// A change whose ctx has no deadline waits for a quorum. Otherwise one that is known to be missing ends it after a few
// seconds, with kind Unavailable and before the first try, and one that is lost meanwhile after commitPatience.
//
// A change that only adds is refused with kind Unavailable when the database is nearly full.
//
// What Config.Derive makes of the writes is written with them.
//
// On success it returns the revision of the written records. The copy in memory may not have it yet: see WaitRevision.
func (s *Store) Commit(ctx context.Context, writes []Write, guards ...Guard) (int64, error) {
	return s.commit(ctx, s.derive(ctx, writes), guards, false)
}

func (s *Store) commit(ctx context.Context, writes []Write, guards []Guard, rehearsal bool) (int64, error) {
	c, err := newCommit(writes, guards)
	if err != nil {
		return 0, err
	}
	c.rehearsal = rehearsal
	if _, bounded := ctx.Deadline(); bounded {
		if err := s.needQuorum(ctx); err != nil {
			return 0, err
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commitPatience)
		defer cancel()
	}
	if err := s.cutOff(); err != nil {
		return 0, err
	}
	if err := s.needSpace(c); err != nil {
		return 0, err
	}
	sess := s.session.Load()
	rev, err := c.run(ctx, etcdTxn{sess.client}, s.Revision(), sess.left)
	if err == nil && !rehearsal {
		s.growth.add(c.size)
	}
	return rev, err
}

// commit is one call of Commit: its conditions by key, and what became of the tries so far.
type commit struct {
	writes    []Write
	size      int     // bytes that are written
	guards    []Guard // of writes and guards together, one for each key
	ambiguous error   // the first try whose outcome is unknown
	rehearsal bool    // nothing is written
}

func newCommit(writes []Write, guards []Guard) (*commit, error) {
	c := &commit{writes: writes}
	size := 0
	for _, w := range writes {
		if w.err != nil {
			return nil, w.err
		}
		if err := c.demand(Guard{key: w.key, rev: w.rev}, true); err != nil {
			return nil, err
		}
		size += len(w.key) + len(w.value)
	}
	for _, g := range guards {
		if g.err != nil {
			return nil, g.err
		}
		if err := c.demand(g, false); err != nil {
			return nil, err
		}
	}
	if len(writes) == 0 {
		return nil, api.Errorf(api.Internal, "a commit without a write")
	}
	c.size = size
	if size > maxCommitBytes {
		return nil, api.Errorf(api.TooLarge, "the change writes %d bytes into %d records of the store, at most %d are allowed in one: the largest is %s",
			size, len(writes), maxCommitBytes, largest(writes))
	}
	if len(c.guards) > maxCommitOps {
		return nil, api.Errorf(api.TooLarge, "the change touches %d records of the store, at most %d are allowed in one", len(c.guards), maxCommitOps)
	}
	return c, nil
}

// demand adds a condition. Two conditions on one key must agree, and one key cannot be written twice.
func (c *commit) demand(g Guard, write bool) error {
	i := slices.IndexFunc(c.guards, func(h Guard) bool { return h.key == g.key })
	switch {
	case i < 0:
		c.guards = append(c.guards, Guard{key: g.key, rev: g.rev})
	case write:
		return api.Errorf(api.Internal, "a commit writes %s twice", g.key)
	case c.guards[i].rev != g.rev:
		return api.Errorf(api.Internal, "a commit demands both revision %d and %d of %s", c.guards[i].rev, g.rev, g.key)
	}
	return nil
}

func largest(writes []Write) string {
	w := slices.MaxFunc(writes, func(a, b Write) int { return len(a.value) - len(b.value) })
	return w.key
}

func (c *commit) compares() []clientv3.Cmp {
	cmps := make([]clientv3.Cmp, 0, len(c.guards))
	for _, g := range c.guards {
		cmps = append(cmps, clientv3.Compare(clientv3.ModRevision(g.key), "=", g.rev))
	}
	return cmps
}

// puts is what is written. Without it etcd only reads, which costs no raft entry and no revision.
func (c *commit) puts() []clientv3.Op {
	if c.rehearsal {
		return nil
	}
	ops := make([]clientv3.Op, 0, len(c.writes))
	for _, w := range c.writes {
		if w.remove {
			ops = append(ops, clientv3.OpDelete(w.key))
		} else {
			ops = append(ops, clientv3.OpPut(w.key, string(w.value)))
		}
	}
	return ops
}

// reads is what the etcd transaction answers when a condition does not hold: the present state of every key.
func (c *commit) reads() []clientv3.Op {
	ops := make([]clientv3.Op, 0, len(c.guards))
	for _, g := range c.guards {
		ops = append(ops, clientv3.OpGet(g.key))
	}
	return ops
}

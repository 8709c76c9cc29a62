package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// loadOption is the option that the load sets: each time to a value that nobody has set before.
const loadOption = "performance.cache-size"

// loadVolumes is how many names the clients of a load share.
const loadVolumes = 8

// load is clients that create, change, delete and read volumes through different peers, all at once, and note what they
// are told.
type load struct {
	pool    pool
	history history
	stop    context.CancelFunc
	running sync.WaitGroup
	serial  atomic.Int64   // makes values and brick folders that nobody has had before
	changes []atomic.Int64 // how many changes each peer has acknowledged; node1 has index 1
}

// startLoad starts two clients at each member of the pool. finish ends them.
func (p pool) startLoad() *load {
	ctx, stop := context.WithCancel(p.t.Context())
	l := &load{pool: p, history: history{began: time.Now()}, stop: stop, changes: make([]atomic.Int64, p.members+1)}
	for n := 1; n <= p.members; n++ {
		for i := range 2 {
			c, err := p.Peer(n).ClientWithin(10 * time.Second)
			p.must(err)
			l.running.Go(func() {
				defer c.Close()
				l.run(ctx, n, 2*n+i, c)
			})
		}
	}
	return l
}

// run is one client. It pauses after a failure: a daemon that is dead answers at once.
func (l *load) run(ctx context.Context, peer, who int, c *client.Client) {
	random := rand.New(rand.NewPCG(uint64(who), 3))
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for ctx.Err() == nil {
		in := asked{Op: opRead, Volume: fmt.Sprintf("load%d", random.IntN(loadVolumes))}
		switch n := random.IntN(10); {
		case n < 3:
			in.Op = opCreate
		case n < 6:
			in.Op, in.Value = opSet, fmt.Sprintf("%dMB", 4+l.serial.Add(1)) // the option takes 4 MB to 32 GB
		case n < 7:
			in.Op = opDelete
		}
		from := l.history.now()
		info, err := l.ask(in, c, random.IntN(l.pool.members)+1)
		l.history.add(who, from, in, learn(in, info, err), err)
		if err == nil && in.Op != opRead {
			l.changes[peer].Add(1)
		}
		if err != nil && !api.IsKind(err, api.NotFound, api.Exists) {
			<-pause.C
		}
	}
}

// ask puts one call to a daemon. The client's time is its only limit: a call that the test's end cuts off would be one
// more with an open outcome.
func (l *load) ask(in asked, c *client.Client, brick int) (api.VolumeInfo, error) {
	ctx := context.Background()
	switch in.Op {
	case opCreate:
		return c.VolumeCreate(ctx, api.VolumeCreateReq{
			Name: in.Volume, Flags: map[string]bool{api.FlagCreateBrickDir: true},
			Subvols: []api.SubvolReq{{Bricks: []api.BrickReq{{
				PeerID: l.pool.Peer(brick).Name, Path: fmt.Sprintf("/srv/%s-%d", in.Volume, l.serial.Add(1)),
			}}}},
		})
	case opSet:
		return c.VolumeSet(ctx, in.Volume, api.VolumeOptionReq{Options: map[string]string{loadOption: in.Value}})
	case opDelete:
		return api.VolumeInfo{}, c.VolumeDelete(ctx, in.Volume)
	}
	return c.Volume(ctx, in.Volume)
}

// waitMore waits until each of the peers has acknowledged n more changes.
func (l *load) waitMore(n int64, limit time.Duration, peers ...int) {
	l.pool.t.Helper()
	from := make([]int64, len(l.changes))
	for i := range l.changes {
		from[i] = l.changes[i].Load()
	}
	l.pool.eventually(limit, func(context.Context) error {
		for _, i := range peers {
			if got := l.changes[i].Load() - from[i]; got < n {
				return fmt.Errorf("%s has acknowledged %d of %d changes", l.pool.Peer(i).Name, got, n)
			}
		}
		return nil
	})
}

// acknowledged is how many changes a peer has acknowledged.
func (l *load) acknowledged(peer int) int64 { return l.changes[peer].Load() }

// end stops the clients and waits for them.
func (l *load) end() {
	l.stop()
	l.running.Wait()
}

// finish ends the load on a pool that is whole again, waits until nothing is half done, reads every volume through every
// peer and checks the history with these last reads in it: whatever was acknowledged must be there, on all peers alike.
func (l *load) finish(t *testing.T) {
	t.Helper()
	l.end()
	p := l.pool
	c := p.rest(1)
	p.eventually(60*time.Second, func(ctx context.Context) error {
		s, err := c.Status(ctx)
		if err == nil && len(s.Pending) > 0 {
			err = fmt.Errorf("transactions are not finished: %v", s.Pending)
		}
		return err
	})
	var first []api.VolumeInfo
	for n := 1; n <= p.members; n++ {
		for i := range loadVolumes {
			in := asked{Op: opRead, Volume: fmt.Sprintf("load%d", i)}
			from := l.history.now()
			info, err := p.rest(n).Volume(t.Context(), in.Volume)
			out := learn(in, info, err)
			if !out.Known || out.Refused {
				t.Fatalf("%s through %s: %v", in.Volume, p.Peer(n).Name, err)
			}
			l.history.add(0, from, in, out, err)
		}
		all, err := p.rest(n).Volumes(t.Context(), client.Filter{})
		p.must(err)
		if first == nil {
			first = all
		}
		if diff := cmp.Diff(first, all); diff != "" {
			t.Errorf("%s does not have the same volumes as node1:\n%s", p.Peer(n).Name, diff)
		}
	}
	l.history.check(t)
}

// TestHistory checks the judge: what a pool must not do is found, and what it may do is not.
func TestHistory(t *testing.T) {
	create, set := asked{Op: opCreate, Volume: "v"}, asked{Op: opSet, Volume: "v", Value: "1MB"}
	read := asked{Op: opRead, Volume: "v"}
	absent, there := told{Known: true}, told{Known: true, State: state{There: true}}
	withValue := told{Known: true, State: state{There: true, Value: "1MB"}}
	for name, c := range map[string]struct {
		calls []asked
		outs  []told
		good  bool
	}{
		"plain":            {[]asked{create, set, read}, []told{absent, there, withValue}, true},
		"lost change":      {[]asked{create, set, read}, []told{absent, there, there}, false},
		"lost volume":      {[]asked{create, read}, []told{absent, absent}, false},
		"made twice":       {[]asked{create, create}, []told{absent, absent}, false},
		"open, not done":   {[]asked{create, set, read}, []told{absent, {}, there}, true},
		"open, done later": {[]asked{create, set, read, read}, []told{absent, {}, there, withValue}, true},
		"open, undone":     {[]asked{create, set, read, read}, []told{absent, {}, withValue, there}, false},
	} {
		h := history{began: time.Now()}
		for i, in := range c.calls {
			h.add(1, h.now(), in, c.outs[i], nil)
		}
		if got := h.linearizable(); got != c.good {
			t.Errorf("%s: linearizable is %v, want %v", name, got, c.good)
		}
	}
	if out := learn(set, api.VolumeInfo{}, errors.New("cut off")); out.Known {
		t.Errorf("a call that was cut off: %+v", out)
	}
}

package peer_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
)

// pool is what a Quorum sees.
type quorumPool struct {
	mu     sync.Mutex
	size   int
	online int  // of the others, by the records
	cut    bool // the store is out of reach
	near   int  // of the others, who answer directly
	ratio  string
	wanted bool
}

func (p *quorumPool) set(f func(p *quorumPool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func (p *quorumPool) quorum(patience time.Duration) *peer.Quorum {
	first := func(n func() int) func(id string) bool {
		return func(id string) bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return id != "p0" && int(id[1]-'0') <= n()
		}
	}
	online, near := first(func() int { return p.online }), first(func() int { return p.near })
	failed := errors.New("not in reach")
	log := logrus.New()
	log.SetOutput(io.Discard)
	return peer.NewQuorum(peer.QuorumConfig{
		Self: "p0", Patience: patience, Log: logrus.NewEntry(log), Online: online,
		Peers: func() ([]*peer.Peer, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			var out []*peer.Peer
			for i := range p.size {
				out = append(out, &peer.Peer{ID: "p" + string(rune('0'+i))})
			}
			return out, nil
		},
		Sync: func(context.Context) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.cut {
				return failed
			}
			return nil
		},
		Knock: func(_ context.Context, q *peer.Peer) error {
			if near(q.ID) {
				return nil
			}
			return failed
		},
		Wanted: func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.wanted },
		Ratio:  func() string { p.mu.Lock(); defer p.mu.Unlock(); return p.ratio },
	})
}

// TestQuorumCount is glusterd's rule: more than half, or the share of the ratio, rounded up.
func TestQuorumCount(t *testing.T) {
	for _, tc := range []struct {
		size, others int
		ratio        string
		met          bool
		needed       int
	}{
		{1, 0, "", true, 1},
		{2, 0, "", false, 2},
		{3, 1, "", true, 2},
		{3, 0, "", false, 2},
		{4, 1, "", false, 3},
		{4, 1, "50%", true, 2},
		{4, 2, "51", true, 3},
		{3, 1, "80%", false, 3},
		{5, 2, "51%", true, 3},
		{5, 0, "0", true, 0},
	} {
		p := &quorumPool{size: tc.size, online: tc.others, ratio: tc.ratio, wanted: true}
		q := p.quorum(time.Hour)
		err := q.Refuse(t.Context())
		if (err == nil) != tc.met || q.Count() != (peer.Count{Active: tc.others + 1, Total: tc.size, Needed: tc.needed}) {
			t.Errorf("%d of %d with ratio %q: %v, %v", tc.others+1, tc.size, tc.ratio, q.Count(), err)
		}
		if err != nil && !api.IsKind(err, api.Unavailable) {
			t.Errorf("error of kind %v", api.AsError(err).Kind)
		}
	}
}

// TestQuorumOutOfTouch: a peer that cannot ask the store counts those that answer it, whatever the records say.
func TestQuorumOutOfTouch(t *testing.T) {
	p := &quorumPool{size: 5, online: 4, cut: true, near: 1, wanted: true}
	if err := p.quorum(time.Hour).Refuse(t.Context()); err == nil {
		t.Error("two of five are enough")
	}
	p.near = 2
	if err := p.quorum(time.Hour).Refuse(t.Context()); err != nil {
		t.Errorf("three of five are not enough: %v", err)
	}
}

// TestQuorumLostAndBack: nothing is known at first; a lack counts only once it has lasted; the return counts at once.
func TestQuorumLostAndBack(t *testing.T) {
	t.Parallel()
	p := &quorumPool{size: 3, online: 0, wanted: true}
	q := p.quorum(1500 * time.Millisecond)
	if q.Met() || q.Lost() {
		t.Error("something is known before the first count")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = q.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	began := time.Now()
	await := func(what string, ok func() bool) {
		t.Helper()
		for !ok() {
			select {
			case <-q.Changed():
			case <-time.After(20 * time.Second):
				t.Fatal(what)
			}
		}
	}
	await("the lack is not noticed", q.Lost)
	if took := time.Since(began); took < 1500*time.Millisecond {
		t.Errorf("lost after %v, without patience", took)
	}
	p.set(func(p *quorumPool) { p.online = 1 })
	await("the return is not noticed", q.Met)
	p.set(func(p *quorumPool) { p.wanted = false })
	await("what nobody asks for is still known", func() bool { return !q.Met() && !q.Lost() })
}

package peer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

// live is a pool of real stores, each with its sign of life and its voter loop.
type live struct {
	t     *testing.T
	peers []*storetest.Peer
	stop  map[string]func()

	mu sync.Mutex // of the stores in peers
}

// StartMember implements Remote.
func (l *live) StartMember(ctx context.Context, peerID string, cluster map[string][]string) error {
	return l.store(peerID).StartMember(ctx, store.StartMember{InitialCluster: cluster})
}

// StopMember implements Remote.
func (l *live) StopMember(ctx context.Context, peerID string) error {
	return l.store(peerID).StopMember(ctx)
}

func (l *live) store(id string) *store.Store {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.peers[slices.IndexFunc(l.peers, func(p *storetest.Peer) bool { return p.Config.PeerID == id })].Store
}

// run starts what a daemon does for the membership.
func (l *live) run(p *storetest.Peer) {
	ctx, cancel := context.WithCancel(l.t.Context())
	var wg sync.WaitGroup
	id, s := p.Config.PeerID, p.Store
	log := logrus.New()
	log.SetOutput(io.Discard)
	wg.Go(func() {
		_ = s.Announce(ctx, transaction.AliveKind.Create(id, transaction.Alive{Boot: id}), 2*time.Second)
	})
	wg.Go(func() {
		(&Voters{Self: id, Store: s, Remote: l, ReplaceAfter: time.Second, Log: logrus.NewEntry(log)}).Run(ctx)
	})
	l.stop[id] = func() { cancel(); wg.Wait() }
}

// members waits until the peers with these numbers vote, and nobody else.
func (l *live) voters(want ...int) {
	l.t.Helper()
	var names []string
	for _, n := range want {
		names = append(names, fmt.Sprintf("peer-%d", n))
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), 60*time.Second)
	defer cancel()
	for {
		members, err := l.store(names[0]).Members(ctx)
		var have []string
		for _, m := range members {
			if !m.Learner {
				have = append(have, m.PeerID)
			}
		}
		slices.Sort(have)
		if slices.Equal(have, names) {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			l.t.Fatalf("voters are %v, %v, want %v", have, err, names)
		}
	}
}

// A voter that dies is replaced; when it comes back it is a client, and takes over the next vote that is free.
func TestReplaceLive(t *testing.T) {
	l := &live{t: t, peers: storetest.Peers(t, 4), stop: map[string]func(){}}
	var writes []store.Write
	for _, p := range l.peers {
		writes = append(writes, Records.Create(p.Config.PeerID, &Peer{
			ID: p.Config.PeerID, StorePeerURLs: p.Config.ListenPeerURLs, StoreClientURLs: p.Config.ListenClientURLs,
		}))
	}
	if _, err := l.peers[0].Store.Commit(t.Context(), writes); err != nil {
		t.Fatal(err)
	}
	for _, p := range l.peers {
		l.run(p)
	}
	t.Cleanup(func() {
		for _, stop := range l.stop {
			stop()
		}
	})
	l.voters(1, 2, 3)
	l.kill(2)
	start := time.Now()
	l.voters(1, 2, 4)
	t.Logf("replaced %v after its death", time.Since(start).Round(100*time.Millisecond))

	back := l.peers[2]
	l.mu.Lock()
	back.Restart(t)
	l.mu.Unlock()
	storetest.WaitReady(t, back.Store)
	l.run(back)
	l.voters(1, 2, 4)
	l.kill(1)
	l.voters(1, 3, 4)
}

// kill ends a peer for good.
func (l *live) kill(i int) {
	l.t.Helper()
	l.stop[l.peers[i].Config.PeerID]()
	if err := l.peers[i].Store.Close(); err != nil {
		l.t.Fatal(err)
	}
}

func TestAbsences(t *testing.T) {
	var a absences
	here := func(ids ...string) func(string) bool { return func(id string) bool { return slices.Contains(ids, id) } }
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	a.note(pool("a b c"), here("a", "b", "c"), at(0))
	if d := a.next(at(0), time.Minute); d < time.Hour {
		t.Errorf("nobody is away, but the next is in %v", d)
	}
	a.note(pool("a b c"), here("a", "b"), at(10))
	a.note(pool("a b c"), here("a"), at(20))
	if a.of("a", at(30)) != 0 || a.of("b", at(30)) != 10*time.Second || a.of("c", at(30)) != 20*time.Second {
		t.Errorf("absences %v", a.since)
	}
	if d := a.next(at(30), time.Minute); d != 40*time.Second {
		t.Errorf("the next is in %v", d)
	}
	if d := a.next(at(75), time.Minute); d != 5*time.Second {
		t.Errorf("the next but one is in %v", d)
	}
	a.note(pool("a c"), here("a", "c"), at(40))
	a.note(pool("a c"), here("a"), at(50))
	if a.of("c", at(60)) != 10*time.Second || a.of("b", at(60)) != 0 {
		t.Errorf("absences after a return and a detach: %v", a.since)
	}
}

// The same hindrance is told once, and again after it was overcome; one that passes by itself is no warning.
func TestHindranceIsToldOnce(t *testing.T) {
	var out bytes.Buffer
	log := logrus.New()
	log.SetOutput(&out)
	v := &Voters{Log: logrus.NewEntry(log)}
	unhealthy := api.Errorf(api.Unavailable, "unhealthy cluster")
	for range 3 {
		if d := v.pause(t.Context(), true, unhealthy); d != time.Second {
			t.Errorf("pause %v", d)
		}
	}
	if d := v.pause(t.Context(), true, nil); d != votersBusy {
		t.Errorf("pause %v", d)
	}
	if d := v.pause(t.Context(), false, nil); d != votersIdle {
		t.Errorf("pause %v", d)
	}
	v.pause(t.Context(), true, unhealthy)
	v.pause(t.Context(), true, api.Errorf(api.Internal, "broken"))
	if text := out.String(); strings.Count(text, "level=info") != 2 || strings.Count(text, "level=warning") != 1 {
		t.Errorf("the log says\n%s", text)
	}
}

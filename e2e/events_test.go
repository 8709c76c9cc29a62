package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// reader collects the events that one reader of the streams was given.
type reader struct {
	mu     sync.Mutex
	events []api.Event
	err    error
	done   chan struct{}
}

func (r *reader) add(e api.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// until waits until an event has come, and returns all up to it.
func (r *reader) until(p pool, is func(api.Event) bool) []api.Event {
	p.t.Helper()
	var out []api.Event
	p.eventually(60*time.Second, func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.IndexFunc(r.events, is)
		if i < 0 {
			return fmt.Errorf("it is not among %d events; the reader says %w", len(r.events), r.err)
		}
		out = slices.Clone(r.events[:i+1])
		return nil
	})
	return out
}

// hop reads one stream after another with no help but HTTP: after every few events it hangs up and goes on at the next
// peer, with the id that it has seen last.
func (p pool) hop(ctx context.Context, r *reader, since string, every int) {
	defer close(r.done)
	for turn := 0; ctx.Err() == nil; turn++ {
		if err := p.hopOnce(ctx, r, turn%3+1, &since, every); err != nil {
			r.mu.Lock()
			r.err = err
			r.mu.Unlock()
			select {
			case <-time.After(100 * time.Millisecond): // a peer that is down is asked again
			case <-ctx.Done():
			}
		}
	}
}

func (p pool) hopOnce(ctx context.Context, r *reader, peer int, since *string, n int) error {
	socket := p.Peer(peer).Path(lab.Socket)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/v1/events/stream", http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Last-Event-ID", *since)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	in := bufio.NewReader(resp.Body)
	for n > 0 {
		line, err := in.ReadString('\n')
		if err != nil && (errors.Is(err, io.EOF) || ctx.Err() != nil) {
			return nil
		}
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			*since = value
		case "data":
			var e api.Event
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				return err
			}
			r.add(e)
			n--
		}
	}
	return nil
}

// cycle takes volumes through their lives, through a peer that stays up.
func (p pool) cycle(c *client.Client, name string, brick string) error {
	ctx := p.t.Context()
	host, path, _ := strings.Cut(brick, ":")
	peers, err := c.Peers(ctx, client.Filter{})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(peers, func(x api.Peer) bool { return x.Name == host })
	if i < 0 {
		return fmt.Errorf("no peer %s", host)
	}
	_, err = c.VolumeCreate(ctx, api.VolumeCreateReq{Name: name, Force: true,
		Subvols: []api.SubvolReq{{Bricks: []api.BrickReq{{PeerID: peers[i].ID, Path: path}}}}})
	if err == nil {
		_, err = c.VolumeStart(ctx, name, api.VolumeStartReq{})
	}
	if err == nil {
		_, err = c.VolumeStop(ctx, name, api.VolumeStopReq{})
	}
	if err == nil {
		err = c.VolumeDelete(ctx, name)
	}
	return err
}

// TestEventStream reads the streams of three peers with two readers, under a load of changes, while a brick and the
// daemon of a peer that serves them are killed: no event is missed, none comes twice, and all peers tell the same.
func TestEventStream(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	status := p.create("base", append([]string{"replica", "3"}, p.bricks("base", 3)...)...)
	c := p.rest(1)
	before, err := c.Events(t.Context(), api.EventQuery{Limit: 1})
	p.must(err)
	if len(before) != 1 {
		t.Fatalf("the newest event is %v", before)
	}
	since := before[0].ID

	ctx, stop := context.WithCancel(t.Context())
	hopper, follower := &reader{done: make(chan struct{})}, &reader{done: make(chan struct{})}
	go p.hop(ctx, hopper, since, 7)
	var endpoints []string
	for _, i := range []int{2, 3, 1} {
		endpoints = append(endpoints, "unix://"+p.Peer(i).Path(lab.Socket))
	}
	fc, err := client.New(client.Config{Endpoints: endpoints})
	p.must(err)
	defer fc.Close()
	go func() {
		defer close(follower.done)
		follower.err = fc.FollowEvents(ctx, api.EventQuery{Since: since}, func(e api.Event) error { follower.add(e); return nil })
	}()
	defer func() { stop(); <-hopper.done; <-follower.done }()

	// Changes all the time, whose bricks are on peers that stay up.
	const workers, rounds = 3, 6
	var load sync.WaitGroup
	for w := range workers {
		load.Go(func() {
			for i := range rounds {
				name := fmt.Sprintf("w%d-%d", w, i)
				if err := p.cycle(c, name, fmt.Sprintf("%s:/srv/%s", p.Peer(1+w%2*2).Name, name)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	p.must(p.Peer(1).Kill9(t.Context(), status.Bricks[0].Pid))
	hopper.until(p, func(e api.Event) bool { return e.Name == api.EventBrickUp && e.Data[api.DataVolumeName] == "base" })
	p.must(p.Peer(2).KillDaemon(t.Context()))
	hopper.until(p, func(e api.Event) bool {
		return e.Name == api.EventPeerDown && e.Data[api.DataPeerName] == p.Peer(2).Name
	})
	p.must(p.Peer(2).Start(t.Context()))
	up := func(e api.Event) bool { return e.Name == api.EventPeerUp && e.Data[api.DataPeerName] == p.Peer(2).Name }
	hopper.until(p, up)
	load.Wait()
	p.must(p.cycle(c, "last", p.Peer(1).Name+":/srv/last"))
	last := func(e api.Event) bool {
		return e.Name == api.EventVolumeDeleted && e.Data[api.DataVolumeName] == "last"
	}
	got := hopper.until(p, last)
	same(t, "the reader that follows", follower.until(p, last), got)
	p.waitOnline(3)
	for i := 1; i <= 3; i++ {
		list, err := p.rest(i).Events(t.Context(), api.EventQuery{Since: since})
		p.must(err)
		end := slices.IndexFunc(list, last)
		same(t, "the list of "+p.Peer(i).Name, list[:end+1], got)
	}

	// What was acknowledged happened once each, and in this order.
	for w := range workers {
		for i := range rounds {
			lives(t, got, fmt.Sprintf("w%d-%d", w, i))
		}
	}
	for name, n := range map[string]int{api.EventBrickDown: 1, api.EventBrickUp: 1, api.EventPeerDown: 1, api.EventPeerUp: 1, api.EventsLost: 0} {
		if found := count(got, name); found != n {
			t.Errorf("%s came %d times, want %d", name, found, n)
		}
	}
	p.eventsAreTold(since, got)
}

// same fails unless two readers were given the same events.
func same(t *testing.T, who string, a, b []api.Event) {
	t.Helper()
	for i := range min(len(a), len(b)) {
		if a[i].ID != b[i].ID || a[i].Name != b[i].Name {
			t.Errorf("%s has %s %s as event %d, the other reader %s %s", who, a[i].ID, a[i].Name, i, b[i].ID, b[i].Name)
			return
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s has %d events, the other reader %d", who, len(a), len(b))
	}
}

// lives fails unless a volume was created, started, stopped and deleted, each once, in one operation each.
func lives(t *testing.T, events []api.Event, volume string) {
	t.Helper()
	var names []string
	for _, e := range events {
		if e.Data[api.DataVolumeName] == volume && strings.HasPrefix(e.Name, "volume.") {
			names = append(names, e.Name)
		}
	}
	want := []string{api.EventVolumeCreated, api.EventVolumeStarted, api.EventVolumeStopped, api.EventVolumeDeleted}
	if !slices.Equal(names, want) {
		t.Errorf("volume %s has the events %v, want %v", volume, names, want)
	}
	var started, done []string
	for _, e := range events {
		if e.Data[api.DataVolumeName] == volume && e.Name == api.EventOperationStarted {
			started = append(started, e.Data[api.DataOperationID])
		}
		if e.Data[api.DataVolumeName] == volume && e.Name == api.EventOperationDone {
			done = append(done, e.Data[api.DataOperationID])
		}
	}
	if len(started) != 4 || !slices.Equal(started, done) {
		t.Errorf("volume %s has the operations %v started and %v done", volume, started, done)
	}
}

func count(events []api.Event, name string) int {
	n := 0
	for _, e := range events {
		if e.Name == name {
			n++
		}
	}
	return n
}

// eventsAreTold looks at the same events through glustercli, on another peer.
func (p pool) eventsAreTold(since string, events []api.Event) {
	p.t.Helper()
	var list []api.Event
	p.must(json.Unmarshal([]byte(p.cliOn(3, "events", "list", "--since", since, "--name", "volume.*", "--volume", "last", "-o", "json")), &list))
	if len(list) != 4 || list[3].ID != events[len(events)-1].ID {
		p.t.Errorf("glustercli lists %v", list)
	}
	if out := p.cliOn(3, "events", "list", "--limit", "5", "--no-headers"); strings.Count(out, "\n") != 5 {
		p.t.Errorf("glustercli lists\n%s", out)
	}
}

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// TestPowerCut cuts the power of all peers at once, of a pool of three, five and seven, and starts them in three
// different orders, one after the other. What a peer can serve by itself it serves at once, without waiting for others.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	const most = 7
	p := newLab(t, lab.Options{Peers: most + 1})
	client := p.Peer(most + 1)
	p.startAll(most)
	for n := 1; n <= most; n++ {
		if n > 1 {
			p.cli("peer", "probe", p.Peer(n).Name)
		}
		p.members = n
		own := fmt.Sprintf("own%d", n)
		p.create(own, p.Peer(n).Name+":/srv/"+own)
		p.fill(client, n)
		if n == 3 || n == 5 || n == most {
			p.waitOnline(n)
			p.waitVoters(map[bool]int{true: 3, false: 5}[n < 7])
			for i, order := range orders(n) {
				p.cutAndStart(client, order, i == 0)
			}
		}
	}
}

// orders are three orders of n peers: the voters, who are the first ones, first, last, and in between.
func orders(n int) [][]int {
	var up []int
	for i := 1; i <= n; i++ {
		up = append(up, i)
	}
	down := slices.Clone(up)
	slices.Reverse(down)
	mixed := slices.Clone(up)
	slices.SortStableFunc(mixed, func(a, b int) int { return a%2 - b%2 })
	return [][]int{up, down, mixed}
}

// fill writes a file into a peer's own volume.
func (p pool) fill(client *lab.Peer, n int) {
	p.t.Helper()
	own := fmt.Sprintf("own%d", n)
	dir, err := client.Mount(p.t.Context(), p.Peer(n).Name, own)
	p.must(err)
	p.must(os.WriteFile(filepath.Join(dir, "before"), []byte(own), 0o644))
	p.must(client.Unmount(p.t.Context(), own))
}

// cutAndStart cuts the power of all members and starts them in an order. What the first of them says is checked, if
// asked for, at the cost of the time that it takes to find out that it is alone.
func (p pool) cutAndStart(client *lab.Peer, order []int, words bool) {
	p.t.Helper()
	serial := fmt.Sprintf("%dMB", time.Now().Unix()%1000+4) // more than the machine's memory no client starts with
	p.cli("volume", "set", "own1", loadOption, serial)
	p.noted(serial)
	p.cutAll(order)
	began, quorum := time.Now(), 0
	for i, n := range order {
		p.must(p.Peer(n).Launch(p.t.Context()))
		p.serves(client, n)
		if words && i == 0 {
			p.waits(n)
		}
		if quorum == 0 && p.ready(n) {
			quorum = i + 1
		}
	}
	for _, n := range order {
		p.must(p.Peer(n).WaitReady(p.t.Context()))
	}
	p.waitOnline(p.members)
	if out := p.cliOn(order[0], "volume", "get", "own1", loadOption); !strings.Contains(out, serial) {
		p.t.Errorf("order %v: the change of before is not there: %s", order, out)
	}
	p.cliOn(order[0], "volume", "reset", "own1", loadOption)
	p.t.Logf("order %v: quorum after %d peers; whole after %v", order, quorum, time.Since(began).Round(100*time.Millisecond))
}

// noted waits until every member has a change in its copy of the records on disk, which it writes a second later.
func (p pool) noted(change string) {
	p.t.Helper()
	p.eventually(30*time.Second, func(context.Context) error {
		for n := 1; n <= p.members; n++ {
			text, err := os.ReadFile(p.Peer(n).Path("/var/lib/glusterd2/store/copy.json"))
			if err != nil {
				return err
			}
			if !strings.Contains(string(text), change) {
				return fmt.Errorf("node%d has not noted %s", n, change)
			}
		}
		return nil
	})
}

// cutAll cuts the power of all peers at the same time.
func (p pool) cutAll(peers []int) {
	p.t.Helper()
	errs := make([]error, len(peers))
	var all sync.WaitGroup
	for i, n := range peers {
		all.Go(func() { errs[i] = p.Peer(n).PowerCut(p.t.Context()) })
	}
	all.Wait()
	p.must(errors.Join(errs...))
}

// serves mounts the volume whose only brick a peer has, through that peer, and reads and writes it.
func (p pool) serves(client *lab.Peer, n int) {
	p.t.Helper()
	own, began := fmt.Sprintf("own%d", n), time.Now()
	var dir string
	p.eventually(20*time.Second, func(ctx context.Context) (err error) {
		dir, err = client.Mount(ctx, p.Peer(n).Name, own)
		return err
	})
	text, err := os.ReadFile(filepath.Join(dir, "before"))
	p.must(err)
	if string(text) != own {
		p.t.Errorf("%s holds %q", own, text)
	}
	p.must(os.WriteFile(filepath.Join(dir, "after"), text, 0o644))
	p.must(client.Unmount(p.t.Context(), own))
	if took := time.Since(began); took > 10*time.Second {
		p.t.Errorf("node%d served after %v only", n, took)
	}
}

// ready tells whether a peer says that it can serve requests.
func (p pool) ready(n int) bool {
	p.t.Helper()
	c, err := p.Peer(n).ClientWithin(5 * time.Second)
	p.must(err)
	defer c.Close()
	h, err := c.Ready(p.t.Context())
	return err == nil && h.OK
}

// waits checks what a peer says that waits for others: everywhere where an administrator looks, and to who wants a
// change.
func (p pool) waits(n int) {
	p.t.Helper()
	p.saysNoQuorum(n)
	out, err := p.Peer(n).CLI(p.t.Context(), "status")
	if said := strings.ToLower(fmt.Sprint(out, err)); !strings.Contains(said, "waiting") || !strings.Contains(said, "quorum") {
		p.t.Errorf("status of node%d: %s", n, said)
	}
	text, err := os.ReadFile(p.Peer(n).DaemonLog())
	p.must(err)
	if !strings.Contains(string(text), "waiting for") {
		p.t.Errorf("node%d does not log what it waits for", n)
	}
	p.refused(n, []string{"quorum"}, "volume", "set", "own1", loadOption, "4MB")
}

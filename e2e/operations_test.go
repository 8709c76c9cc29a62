package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestPeerDownDelete deletes a volume while a peer that holds a brick of it is down: the operation waits, is listed, cannot be
// cancelled any more, and ends by itself when the peer is back.
func TestPeerDownDelete(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	for _, name := range []string{"gv0", "gv1"} {
		p.cli(append([]string{"volume", "create", name, "replica", "3"}, p.bricks(name, 3)...)...)
	}
	c := p.rest(1)
	p.killNode3()

	patience, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	err := c.VolumeDelete(patience, "gv0")
	pending, ok := client.IsPending(err)
	if !ok {
		t.Fatalf("delete while a peer is down: %v; want an operation that goes on", err)
	}
	p.waitsForPeer(pending.ID)
	if out := p.cli("status"); !strings.Contains(out, pending.ID) || !strings.Contains(out, "is forward") {
		t.Errorf("status does not tell of the operation:\n%s", out)
	}
	if _, err := c.VolumeStart(t.Context(), "gv0", api.VolumeStartReq{}); !api.IsKind(err, api.Conflict) {
		t.Errorf("a volume that is being deleted can be started: %v", err)
	}
	if _, err := c.OperationCancel(t.Context(), pending.ID); !api.IsKind(err, api.State) {
		t.Errorf("cancel of what can only go on: %v", err)
	}
	p.cli("volume", "delete", "gv1", "force") // for peers that are gone for good

	p.must(p.Peer(3).Start(t.Context()))
	if _, err := p.rest(3).Wait(t.Context(), pending.ID); err != nil {
		t.Errorf("the peer is back: %v", err)
	}
	for i := 1; i <= 3; i++ {
		if vols, err := p.rest(i).Volumes(t.Context(), client.Filter{}); err != nil || len(vols) > 0 {
			t.Errorf("node%d still has %v, %v", i, vols, err)
		}
	}
	p.noneRuns()
}

// killNode3 ends the daemon of node3 and waits until the others know.
func (p pool) killNode3() {
	p.t.Helper()
	p.must(p.Peer(3).KillDaemon(p.t.Context()))
	p.eventually(30*time.Second, func(ctx context.Context) error {
		peers, err := p.rest(1).Peers(ctx, client.Filter{})
		if err == nil && slices.ContainsFunc(peers, func(q api.Peer) bool { return q.Name == "node3" && q.Online }) {
			err = errors.New("node3 is still taken for alive")
		}
		return err
	})
}

// waitsForPeer checks that an operation is listed, through another peer, as one that waits for node3.
func (p pool) waitsForPeer(id string) {
	p.t.Helper()
	list, err := p.rest(2).Operations(p.t.Context(), client.OperationFilter{State: "pending", Volume: "gv0"})
	p.must(err)
	if len(list.Operations) != 1 || list.Operations[0].ID != id {
		p.t.Fatalf("pending are %+v, want %s", list.Operations, id)
	}
	o := list.Operations[0]
	if o.State != api.OperationForward || !o.Forward || o.Reversible || len(o.PeerErrors) != 1 || o.RequestedBy == nil {
		p.t.Errorf("%+v", o)
	}
}

// noneRuns checks that no brick runs on any peer, and that nothing is pending.
func (p pool) noneRuns() {
	p.t.Helper()
	for _, peer := range p.Peers() {
		out, err := peer.Run(p.t.Context(), "pgrep", "-c", "-x", "glusterfsd")
		var exit *lab.ExitError
		if strings.TrimSpace(out) != "0" || !errors.As(err, &exit) {
			p.t.Errorf("%s runs %s bricks: %v", peer.Name, strings.TrimSpace(out), err)
		}
	}
	s, err := p.rest(1).Status(p.t.Context())
	p.must(err)
	if len(s.Pending) > 0 {
		p.t.Errorf("pending: %+v", s.Pending)
	}
}

// flakyProxy listens on the loopback and passes bytes to a peer's socket. Of 100 pieces that a client sends it cuts the connection at
// five: before the piece is passed on, or some moments after, so that the answer is lost or comes in part.
type flakyProxy struct {
	net.Listener
	socket string
	cuts   *atomic.Int32
	open   sync.WaitGroup
}

func newFlakyProxy(t *testing.T, socket string, cuts *atomic.Int32) *flakyProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flakyProxy{Listener: l, socket: socket, cuts: cuts}
	f.open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.open.Go(func() { f.pass(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		f.open.Wait()
	})
	return f
}

func (f *flakyProxy) pass(from net.Conn) {
	to, err := net.Dial("unix", f.socket)
	if err != nil {
		_ = from.Close()
		return
	}
	end := func() { _, _ = from.Close(), to.Close() }
	f.open.Go(func() {
		_, _ = io.Copy(from, to)
		end()
	})
	defer end()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		cut := rand.IntN(100) < 5
		if cut {
			f.cuts.Add(1)
		}
		if cut && rand.IntN(3) == 0 {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
		if cut {
			<-time.After(time.Duration(rand.IntN(120)) * time.Millisecond)
			return
		}
	}
}

// fate is what a client knows of one of its volumes.
type fate struct {
	created, deleted bool // acknowledged
	asked            bool // to be deleted
}

// TestFlakyClients lets 16 clients make 200 creates and deletes through three peers chosen at random, over connections of which 5 %
// are cut. Every acknowledged volume exists exactly once; of the others there is no brick folder, attribute, process, lock or record.
//
// A volume that was deleted leaves its brick folders with their marks, as glusterd does: they may hold files. So folders are looked
// for of volumes that were made, whether or not they were deleted since, and there must be none of all others.
func TestFlakyClients(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	var cuts atomic.Int32
	var endpoints []string
	for i := 1; i <= 3; i++ {
		endpoints = append(endpoints, "http://"+newFlakyProxy(t, p.Peer(i).Path(lab.Socket), &cuts).Addr().String())
	}
	const clients, requests = 16, 200
	var mu sync.Mutex
	fates, done := map[string]fate{}, 0
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for k := 0; ; k++ {
				mu.Lock()
				more := done < requests
				done += 1 + k%2
				mu.Unlock()
				if !more {
					return
				}
				name := fmt.Sprintf("v%02d-%02d", i, k)
				f := p.flaky(endpoints, name, k%2 == 1)
				mu.Lock()
				fates[name] = f
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("%d volumes, %d connections cut", len(fates), cuts.Load())
	if cuts.Load() == 0 {
		t.Fatal("no connection was cut")
	}
	p.eventually(60*time.Second, func(ctx context.Context) error {
		list, err := p.rest(1).Operations(ctx, client.OperationFilter{State: "pending"})
		if err == nil && len(list.Operations) > 0 {
			err = fmt.Errorf("%d operations have not ended: %+v", len(list.Operations), list.Operations[0])
		}
		return err
	})
	p.checkFates(fates)
	for _, v := range p.volumesOn(1) { // which proves that no lock is left on them
		p.must(p.rest(2).VolumeDelete(t.Context(), v.Name))
	}
	if left := p.volumesOn(3); len(left) > 0 {
		t.Errorf("left over: %+v", left)
	}
	p.noneRuns()
}

// flaky makes a volume, and deletes it if that is wanted, each through endpoints in a random order.
func (p pool) flaky(endpoints []string, name string, remove bool) (f fate) {
	c, err := client.New(client.Config{Endpoints: shuffled(endpoints)})
	if err != nil {
		p.t.Error(err)
		return f
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	sub := api.SubvolReq{Type: "replicate", ReplicaCount: 3}
	for i := 1; i <= 3; i++ {
		sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: p.Peer(i).Name, Path: "/srv/" + name})
	}
	v, err := c.VolumeCreate(ctx, api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{sub}, Force: true})
	if f.created = err == nil && v.Name == name; !f.created && !api.IsKind(err, api.Unavailable) {
		p.t.Errorf("create %s: %+v, %v", name, v, err)
	}
	if !remove {
		return f
	}
	f.asked = true
	err = c.VolumeDelete(ctx, name)
	if f.deleted = err == nil; !f.deleted && f.created && !api.IsKind(err, api.Unavailable) {
		p.t.Errorf("delete %s: %v", name, err)
	}
	return f
}

func shuffled(list []string) []string {
	out := slices.Clone(list)
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (p pool) volumesOn(n int) []api.VolumeInfo {
	p.t.Helper()
	vols, err := p.rest(n).Volumes(p.t.Context(), client.Filter{})
	p.must(err)
	return vols
}

// checkFates compares what the clients know with the records and the brick folders of every peer.
func (p pool) checkFates(fates map[string]fate) {
	p.t.Helper()
	ids := map[string]string{}
	for _, v := range p.volumesOn(1) {
		ids[v.Name] = v.ID
	}
	for i := 1; i <= 3; i++ {
		vols := p.volumesOn(i)
		if len(vols) != len(ids) {
			p.t.Errorf("node%d has %d volumes, node1 %d", i, len(vols), len(ids))
		}
		for _, v := range vols {
			if ids[v.Name] != v.ID {
				p.t.Errorf("volume %s is %s on node%d and %s on node1", v.Name, v.ID, i, ids[v.Name])
			}
		}
		p.checkFolders(i, fates, ids)
	}
	for name, f := range fates {
		_, there := ids[name]
		if f.created && !f.asked && !there {
			p.t.Errorf("%s was acknowledged and is gone", name)
		}
		if f.deleted && there {
			p.t.Errorf("%s was deleted and is there", name)
		}
	}
}

// checkFolders looks for brick folders on a peer: each belongs to a volume that was made, and bears its id.
func (p pool) checkFolders(n int, fates map[string]fate, ids map[string]string) {
	p.t.Helper()
	dirs, err := os.ReadDir(p.Peer(n).Path("/srv"))
	p.must(err)
	seen := map[string]bool{}
	for _, d := range dirs {
		f, known := fates[d.Name()]
		id, there := ids[d.Name()]
		if !known || !there && !f.created && !f.deleted {
			p.t.Errorf("node%d has the folder %s, of no volume that was made", n, d.Name())
			continue
		}
		seen[d.Name()] = true
		mark := make([]byte, 16)
		size, err := unix.Getxattr(filepath.Join(p.Peer(n).Path("/srv"), d.Name()), "trusted.glusterfs.volume-id", mark)
		if got, _ := uuid.FromBytes(mark); err != nil || size != 16 || there && got.String() != id {
			p.t.Errorf("node%d: %s bears the id %s, %v; its volume is %q", n, d.Name(), got, err, id)
		}
	}
	for name := range ids {
		if !seen[name] {
			p.t.Errorf("node%d has no folder of volume %s", n, name)
		}
	}
}

package diagnose

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/brick"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// rig is the commands of the peers p1 to p3 over one store, of which p3 is away, and a started volume gv of one brick on
// each. Their processes are in memory.
type rig struct {
	t     *testing.T
	store *store.Store
	peers map[string]*Commands
	c     *Commands // those of p1

	mu      sync.Mutex
	options map[string]string // what was asked of Options
	asked   []string          // brick operations, "PEER PROC NAME"
	replies map[string]gfrpc.Dict
	refuses map[string]bool // bricks that answer with a failure without a number, by path
	down    map[string]bool // bricks that do not run, by path
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, store: storetest.New(t), peers: map[string]*Commands{}, options: map[string]string{}, replies: map[string]gfrpc.Dict{},
		refuses: map[string]bool{}, down: map[string]bool{}}
	v := &volume.Volume{ID: "v1", Name: "gv", State: volume.Started, Options: map[string]string{}}
	var writes []store.Write
	for i, id := range []string{"p1", "p2", "p3"} {
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: "name-" + id, Host: "host-" + id}))
		if id != "p3" {
			writes = append(writes, transaction.AliveKind.Create(id, transaction.Alive{}))
		}
		b := volume.Brick{ID: "b-" + id, PeerID: id, Path: "/bricks/" + id, Client: i}
		v.Subvols = append(v.Subvols, volume.Subvol{Type: api.SubvolDistribute, Bricks: []volume.Brick{b}})
	}
	r.commit(append(writes, volume.Records.Create("gv", v))...)
	daemons := []Daemon{{Kind: api.ProcessSelfHeal, Name: "Self-heal Daemon", Serves: (*volume.Volume).NeedsSelfHeal, Reach: func(string) (brick.Reach, error) {
		return brick.Reach{Pid: 8, Socket: "socket of shd"}, nil
	}}, {Kind: api.ProcessQuota, Name: "Quota Daemon", Serves: (*volume.Volume).HasQuota, Reach: func(string) (brick.Reach, error) {
		return brick.Reach{Pid: 9, Socket: "socket of quotad"}, nil
	}}}
	for _, id := range []string{"p1", "p2", "p3"} {
		asker := ask.New(ask.Config{PeerID: id, Store: r.store, Call: r.call})
		r.peers[id] = New(Config{PeerID: id, Store: r.store, Asker: asker, Bricks: r, Options: r, BrickOp: r.brickOp, Daemons: daemons, Dump: r.dump, DumpClients: r.dumpClients(id), RotateLog: r.rotateLog, Xattr: r.xattr})
	}
	r.c = r.peers["p1"]
	return r
}

func (r *rig) commit(writes ...store.Write) {
	r.t.Helper()
	if rev, err := r.store.Commit(r.t.Context(), writes); err != nil {
		r.t.Fatal(err)
	} else if err := r.store.WaitRevision(r.t.Context(), rev); err != nil {
		r.t.Fatal(err)
	}
}

// dumpClients are the clients of a peer: p2 has two at 10.0.0.7, p1 has one that came by the loopback.
func (r *rig) dumpClients(id string) func(string, func(netip.Addr) bool, uint32) int {
	return func(volumeName string, meant func(netip.Addr) bool, pid uint32) int {
		clients := map[string][]string{"p1": {"127.0.0.1"}, "p2": {"10.0.0.7", "10.0.0.7"}}
		n := 0
		for _, a := range clients[id] {
			if meant(netip.MustParseAddr(a)) {
				n++
			}
		}
		return n
	}
}

func (r *rig) call(ctx context.Context, peerID string, req ask.Request) (json.RawMessage, error) {
	return r.peers[peerID].cfg.Asker.Serve(ctx, req)
}

// Reach implements Bricks: the socket is named after the brick.
func (r *rig) Reach(s brick.Spec) (brick.Reach, error) {
	if r.down[s.Path] {
		return brick.Reach{}, api.Errorf(api.Unavailable, "the brick does not run")
	}
	return brick.Reach{Pid: 7, Socket: "socket of " + s.Path}, nil
}

func (r *rig) brickOp(_ context.Context, socket string, proc uint32, name string, input []byte, _ gfrpc.Dict) (gfrpc.Dict, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, err := gfrpc.ParseDict(input)
	if err != nil {
		return nil, err
	}
	r.asked = append(r.asked, fmt.Sprintf("%s: %d of %s for %s", socket, proc, name, d.String("volname")))
	at := strings.TrimPrefix(socket, "socket of ")
	if r.refuses[at] {
		return nil, api.Errorf(api.Internal, "%s refuses", at).With(gfrpc.FieldErrno, "0")
	}
	reply, ok := r.replies[at]
	if !ok {
		return nil, api.Errorf(api.Unavailable, "nobody listens at %s", socket)
	}
	return reply, nil
}

func (r *rig) dump(_ context.Context, at brick.Reach, dir string, parts []string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, fmt.Sprintf("dump of %d to %q: %q", at.Pid, dir, parts))
	return fmt.Sprintf("/dumps/%d", at.Pid), nil
}

func (r *rig) rotateLog(_ context.Context, at brick.Reach, when time.Time) (log, old string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, "rotate "+at.Socket)
	return "/log", fmt.Sprintf("/log.%d", when.Unix()), nil
}

func (r *rig) xattr(_ context.Context, volumeName, path, name string) (string, error) {
	r.asked = append(r.asked, "xattr "+name+" of "+path+" of "+volumeName)
	return "one\ntwo\n", nil
}

// SetOptions implements Options.
func (r *rig) SetOptions(_ context.Context, _ string, req api.VolumeOptionReq) (api.VolumeInfo, error) {
	r.change(func(v *volume.Volume) {
		for k, val := range req.Options {
			v.Options[k] = val
		}
	})
	return api.VolumeInfo{}, nil
}

// ResetOptions implements Options.
func (r *rig) ResetOptions(_ context.Context, _ string, req api.VolumeOptionResetReq) (api.VolumeInfo, error) {
	r.change(func(v *volume.Volume) {
		for _, k := range req.Options {
			delete(v.Options, k)
		}
	})
	return api.VolumeInfo{}, nil
}

func (r *rig) change(modify func(v *volume.Volume)) {
	r.t.Helper()
	rec, _, err := volume.Records.Get(r.store, "gv")
	if err != nil {
		r.t.Fatal(err)
	}
	v := *rec.Value
	v.Options = map[string]string{}
	for k, val := range rec.Value.Options {
		v.Options[k] = val
	}
	modify(&v)
	r.commit(volume.Records.Update("gv", &v, rec.Revision))
}

// refused fails the test unless err is of the kind, and of the field if one is given.
func refused(t *testing.T, err error, kind api.Kind, field string) {
	t.Helper()
	e := api.AsError(err)
	if e == nil || e.Kind != kind || field != "" && e.Fields[api.FieldField] != field {
		t.Errorf("error %v, want one of kind %s about %q", err, kind, field)
	}
}

package devices

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDisks are the devices of all peers: who has taken each, by peer id and path.
type fakeDisks struct {
	mu    sync.Mutex
	taken map[string]string
	size  uint64
	fail  error
}

// fakeHost is what one peer can do with them.
type fakeHost struct {
	*fakeDisks
	peerID string
}

var _ Host = fakeHost{}

func (h fakeHost) Look(_ context.Context, d device.Device, wipe bool) (Measure, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if owner := h.taken[h.peerID+d.Name]; owner != "" && owner != d.ID && (owner != "ext4" || !wipe) {
		return Measure{}, api.Errorf(api.State, "device %s holds %s", d.Name, owner)
	}
	return Measure{Size: h.size, Unit: 4}, nil
}

func (h fakeHost) Take(ctx context.Context, d device.Device, wipe bool) (Measure, error) {
	if _, err := h.Look(ctx, d, wipe); err != nil {
		return Measure{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken[h.peerID+d.Name] = d.ID
	return Measure{Size: h.size, Unit: 4, UUID: "u", Mounts: "/run/" + h.peerID}, h.fail
}

func (h fakeHost) Release(_ context.Context, d device.Device) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.peerID + d.Name; h.taken[at] == d.ID {
		delete(h.taken, at)
	}
	return nil
}

func (h fakeHost) Measure(context.Context, device.Device) (Measure, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Measure{Size: h.size, Mounts: "/run/" + h.peerID}, h.fail
}

func (h fakeHost) Rescan(ctx context.Context, d device.Device) (Measure, error) {
	return h.Measure(ctx, d)
}

// rig is commands on a pool of three peers.
type rig struct {
	t     *testing.T
	c     *Commands // those of p1
	disks *fakeDisks
	pool  *transactiontest.Pool
	moves []volumes.PlannedMove
	no    error // why they cannot be made
	leave volumes.Leave
}

var _ Moves = (*rig)(nil)

// Plan implements Moves.
func (r *rig) Plan(_ context.Context, leave volumes.Leave, _ volumes.How) ([]volumes.PlannedMove, error) {
	r.leave = leave
	return r.moves, r.no
}

// May implements Moves.
func (r *rig) May(context.Context, *volume.Volume, string) error { return r.no }

// State implements Moves.
func (r *rig) State(_ context.Context, e *device.Evacuation) string { return e.Waits }

func newRig(t *testing.T) *rig {
	t.Helper()
	disks := &fakeDisks{taken: map[string]string{}, size: 1000}
	ops := map[string]Operations{}
	pool := transactiontest.NewPool(t, transactiontest.Config{Registry: func(peerID string) *transaction.Registry {
		r := transaction.NewRegistry()
		ops[peerID] = Register(r, fakeHost{disks, peerID})
		return r
	}})
	log := logrus.New()
	log.SetOutput(io.Discard)
	st := pool.Store("p1")
	for i, id := range pool.Peers() {
		host := fmt.Sprintf("n%d", i+1)
		commit(t, st, peer.Records.Create(id, &peer.Peer{ID: id, Name: host, Host: host, PeerAddress: host + ":24008", ClientAddress: host + ":24007"}))
	}
	r := &rig{t: t, disks: disks, pool: pool}
	askers := map[string]*ask.Asker{}
	for _, id := range pool.Peers() {
		askers[id] = ask.New(ask.Config{PeerID: id, Store: pool.Store(id), Call: func(ctx context.Context, to string, req ask.Request) (json.RawMessage, error) {
			return askers[to].Serve(ctx, req)
		}})
		c := New(Config{
			Store: pool.Store(id), Engine: pool.Engine(id), Ops: ops[id], Host: fakeHost{disks, id}, Asker: askers[id], Moves: r, PeerID: id, Log: logrus.NewEntry(log),
		})
		if id == "p1" {
			r.c = c
		}
	}
	return r
}

func commit(t testing.TB, s *store.Store, writes ...store.Write) {
	t.Helper()
	rev, err := s.Commit(t.Context(), writes)
	if err == nil {
		err = s.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) add(peerName, path string) api.Device {
	r.t.Helper()
	d, err := r.c.Add(r.t.Context(), peerName, api.DeviceAddReq{Device: path, Tags: map[string]string{"tier": "ssd"}})
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// refused demands an error of a kind, about a field if that is not empty, with a text.
func refused(t *testing.T, err error, kind api.Kind, field, text string) {
	t.Helper()
	e := api.AsError(err)
	if err == nil || e.Kind != kind || field != "" && e.Fields[api.FieldField] != field || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v (%+v), want %s about %q with %q", err, e, kind, field, text)
	}
}

func TestAdd(t *testing.T) {
	r := newRig(t)
	d := r.add("n2", "/dev/sdb")
	if d.PeerID != "p2" || d.Provisioner != api.ProvisionerLVM || d.TotalSize != 1000 || d.FreeSize != 1000 || d.State != api.DeviceEnabled || d.Used {
		t.Errorf("%+v", d)
	}
	if len(r.disks.taken) != 1 || r.disks.taken["p2/dev/sdb"] != d.ID {
		t.Errorf("%v", r.disks.taken)
	}
	r.add("n1", "/dev/sdb")
	list, err := r.c.List(t.Context(), "")
	if err != nil || len(list) != 2 || list[0].Hostname != "n1" || list[1].ID != d.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := r.c.List(t.Context(), "n2"); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	for _, name := range []string{"/dev/sdb", "dev/sdb", d.ID} {
		if got, err := r.c.Get(t.Context(), "p2", name); err != nil || got.ID != d.ID {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	_, err = r.c.Get(t.Context(), "p2", "/dev/sdz")
	refused(t, err, api.NotFound, "", "/dev/sdz")
}

func TestAddRefuses(t *testing.T) {
	r := newRig(t)
	r.add("n2", "/dev/sdb")
	r.disks.taken["p3/dev/sdc"] = "ext4"
	for _, tt := range []struct {
		peer  string
		req   api.DeviceAddReq
		kind  api.Kind
		field string
		text  string
	}{
		{"n9", api.DeviceAddReq{Device: "/dev/sdb"}, api.NotFound, "", "n9"},
		{"n2", api.DeviceAddReq{Device: "/dev/sdb"}, api.Exists, "", "in use already"},
		{"n2", api.DeviceAddReq{Device: "/dev/sdb/x"}, api.Invalid, "device", "overlaps"},
		{"n2", api.DeviceAddReq{Device: "dev/sdb"}, api.Invalid, "device", "absolute"},
		{"n2", api.DeviceAddReq{Device: "/dev/../etc"}, api.Invalid, "device", "absolute"},
		{"n2", api.DeviceAddReq{Device: "/dev/sd b"}, api.Invalid, "device", "absolute"},
		{"n2", api.DeviceAddReq{Device: "/x", Provisioner: "zfs"}, api.Invalid, "provisioner", "loop"},
		{"n2", api.DeviceAddReq{Device: "/x", Tags: map[string]string{"a b": "c"}}, api.Invalid, "tags", "a b"},
		{"n3", api.DeviceAddReq{Device: "/dev/sdc", Wipe: "/dev/sdd"}, api.Invalid, "wipe", "repeat the path"},
		{"n3", api.DeviceAddReq{Device: "/x", Wipe: "/x", Provisioner: "loop"}, api.Invalid, "wipe", "empty the directory"},
		{"n3", api.DeviceAddReq{Device: "/dev/sdc"}, api.State, "", "holds ext4"},
	} {
		_, err := r.c.Add(t.Context(), tt.peer, tt.req)
		refused(t, err, tt.kind, tt.field, tt.text)
	}
	if len(r.disks.taken) != 2 {
		t.Errorf("taken: %v", r.disks.taken)
	}
	_, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := r.c.Add(ctx, "n3", api.DeviceAddReq{Device: "/dev/sdc"})
		return err
	})
	refused(t, err, api.State, "", "holds ext4")
	if _, err := r.c.Add(t.Context(), "n3", api.DeviceAddReq{Device: "/dev/sdc", Wipe: "/dev/sdc"}); err != nil {
		t.Error(err)
	}
}

func TestAddUndone(t *testing.T) {
	r := newRig(t)
	r.disks.fail = api.Errorf(api.State, "no")
	_, err := r.c.Add(t.Context(), "n2", api.DeviceAddReq{Device: "/dev/sdb"})
	refused(t, err, api.State, "", "no")
	if len(r.disks.taken) != 0 {
		t.Errorf("left: %v", r.disks.taken)
	}
}

func TestEdit(t *testing.T) {
	r := newRig(t)
	r.add("n2", "/dev/sdb")
	d, err := r.c.Edit(t.Context(), "n2", "/dev/sdb", api.DeviceEditReq{State: api.DeviceDisabled, Tags: map[string]string{"tier": "", "rack": "a"}})
	if err != nil || d.State != api.DeviceDisabled || len(d.Tags) != 1 || d.Tags["rack"] != "a" {
		t.Errorf("%+v, %v", d, err)
	}
	r.disks.size = 2000
	if d, err = r.c.Edit(t.Context(), "n2", "/dev/sdb", api.DeviceEditReq{Rescan: true}); err != nil || d.TotalSize != 2000 || d.State != api.DeviceDisabled {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = r.c.Edit(t.Context(), "n2", "/dev/sdb", api.DeviceEditReq{State: "broken"})
	refused(t, err, api.Invalid, "state", "enabled, disabled or failed")
	_, err = r.c.Edit(t.Context(), "n2", "/dev/sdb", api.DeviceEditReq{})
	refused(t, err, api.Invalid, "state", "nothing to change")
}

func TestRemove(t *testing.T) {
	r := newRig(t)
	d := r.add("n2", "/dev/sdb")
	v := &volume.Volume{ID: "v", Name: "gv0", Subvols: []volume.Subvol{{Type: api.SubvolDistribute, Replica: 1, Bricks: []volume.Brick{
		{ID: "b", PeerID: "p2", Path: "/b", Device: d.ID, Size: 300, Cost: 400}}}}}
	commit(t, r.c.Store, volume.Records.Create("gv0", v))
	if got, err := r.c.Get(t.Context(), "n2", d.ID); err != nil || got.FreeSize != 600 || got.Bricks != 1 || !got.Used {
		t.Errorf("%+v, %v", got, err)
	}
	refused(t, r.c.Remove(t.Context(), "n2", "/dev/sdb", true), api.State, "", "holds 1 bricks")
	rec, _, err := volume.Records.Get(r.c.Store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	commit(t, r.c.Store, volume.Records.Delete("gv0", rec.Revision))
	if err := r.c.Remove(t.Context(), "n2", "/dev/sdb", false); err != nil || len(r.disks.taken) != 0 {
		t.Errorf("%v, left %v", err, r.disks.taken)
	}
	refused(t, r.c.Remove(t.Context(), "n2", "/dev/sdb", false), api.NotFound, "", "/dev/sdb")
	r.add("n2", "/dev/sdb")
	if err := r.c.Remove(t.Context(), "n2", "/dev/sdb", true); err != nil || len(r.disks.taken) != 1 {
		t.Errorf("by force: %v, %v", err, r.disks.taken)
	}
}

// Every operation on devices, proved by the harness.
func TestSweep(t *testing.T) {
	disks := &fakeDisks{taken: map[string]string{}, size: 1000}
	cfg := transactiontest.Config{Registry: func(peerID string) *transaction.Registry {
		r := transaction.NewRegistry()
		Register(r, fakeHost{disks, peerID})
		return r
	}}
	subject := func(pool *transactiontest.Pool, d device.Device, plan transaction.Plan[any], others ...string) transactiontest.Subject {
		return transactiontest.Subject{Plan: plan, World: func() string {
			disks.mu.Lock()
			defer disks.mu.Unlock()
			rec, ok, err := device.Records.Get(pool.Store("p1"), d.ID)
			text := fmt.Sprint(disks.taken["p2"+d.Name] == d.ID, ok, err)
			if ok {
				text += fmt.Sprint(rec.Value.State, rec.Value.Size)
			}
			for _, id := range others {
				rec, _, err := device.Records.Get(pool.Store("p1"), id)
				text += fmt.Sprint(rec.Value.State, rec.Value.Evacuation != nil, err)
			}
			return text
		}}
	}
	made := func(t testing.TB, pool *transactiontest.Pool, n int) store.Record[*device.Device] {
		d := &device.Device{ID: fmt.Sprintf("d%d", n), PeerID: "p2", Name: fmt.Sprintf("/dev/%d", n), Provisioner: api.ProvisionerLVM, State: api.DeviceEnabled, Size: 1}
		disks.mu.Lock()
		disks.taken["p2"+d.Name] = d.ID
		disks.mu.Unlock()
		commit(t, pool.Store("p1"), device.Records.Create(d.ID, d))
		rec, _, err := device.Records.Get(pool.Store("p1"), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	added := func(prefix string) transactiontest.Case {
		return func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			d := device.Device{ID: fmt.Sprintf("d%d", n), PeerID: "p2", Name: fmt.Sprintf("/dev/%s%d", prefix, n), Provisioner: api.ProvisionerLVM, State: api.DeviceEnabled}
			st := pool.Store("p1")
			p, ok, err := peer.Records.Get(st, "p2")
			if !ok && err == nil {
				commit(t, st, peer.Records.Create("p2", &peer.Peer{ID: "p2", Name: "n2", Host: "n2"}))
				p, _, err = peer.Records.Get(st, "p2")
			}
			if err != nil {
				t.Fatal(err)
			}
			params := addParams{Device: d, Host: "n2", PeerRevision: p.Revision}
			if prefix != "instead" {
				return subject(pool, d, addPlan(params).Erase())
			}
			old := made(t, pool, n+1000)
			params.Mark = markParams{Revisions: map[string]int64{}}
			params.Mark.add(old, device.Evacuation{Bricks: 1, To: d.ID})
			return subject(pool, d, addPlan(params).Erase(), old.ID)
		}
	}
	transactiontest.Sweep(t, cfg, map[string]transactiontest.Case{
		"device.add@1": added("instead"), "device.adopt@1": added("adopted"),
		"device.edit@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := made(t, pool, n)
			changed := *rec.Value
			changed.State = api.DeviceDisabled
			return subject(pool, changed, editPlan(editParams{Device: changed, Revision: rec.Revision, Rescan: true}).Erase())
		},
		"device.mark@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := made(t, pool, n)
			changed := *rec.Value
			changed.State, changed.Evacuation = api.DeviceDisabled, &device.Evacuation{Bricks: 1}
			return subject(pool, changed, markPlan(markParams{Devices: []device.Device{changed}, Revisions: map[string]int64{rec.ID: rec.Revision}}).Erase())
		},
		"device.remove@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := made(t, pool, n)
			return subject(pool, *rec.Value, removePlan(rec, 0, false, nil).Erase())
		},
	})
}

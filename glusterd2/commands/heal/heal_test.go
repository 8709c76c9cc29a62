package heal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/brickop"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// rig is the commands of the peers p1 to p3 over one store, and a started volume gv of two sets of three copies. Their
// daemons and tools are in memory.
type rig struct {
	t       *testing.T
	c       *Commands
	askers  map[string]*ask.Asker
	store   *store.Store
	options map[string]string

	mu    sync.Mutex
	asked []string
	dumb  map[string]bool // peers whose daemon begins nothing
	tool  error
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, store: storetest.New(t), askers: map[string]*ask.Asker{}, options: map[string]string{}, dumb: map[string]bool{}}
	v := &volume.Volume{ID: "v1", Name: "gv", State: volume.Started, Options: map[string]string{}}
	plain := &volume.Volume{ID: "v2", Name: "plain", State: volume.Started, Subvols: []volume.Subvol{{Type: api.SubvolDistribute}}}
	ec := &volume.Volume{ID: "v3", Name: "ec", State: volume.Started, Subvols: []volume.Subvol{{Type: api.SubvolDisperse}}, Options: map[string]string{optionDisperse: "off"}}
	writes := []store.Write{volume.Records.Create("plain", plain), volume.Records.Create("ec", ec)}
	for s := range 2 {
		sub := volume.Subvol{Type: api.SubvolReplicate, Replica: 3}
		for i, id := range []string{"p1", "p2", "p3"} {
			sub.Bricks = append(sub.Bricks, volume.Brick{ID: fmt.Sprintf("b%d%s", s, id), PeerID: id, Path: fmt.Sprintf("/b%d", s), Arbiter: s == 1 && i == 2})
		}
		v.Subvols = append(v.Subvols, sub)
	}
	for _, id := range []string{"p1", "p2", "p3"} {
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: "name-" + id, Host: "host-" + id}))
		if id != "p3" {
			writes = append(writes, transaction.AliveKind.Create(id, transaction.Alive{}))
		}
	}
	rev, err := r.store.Commit(t.Context(), append(writes, volume.Records.Create("gv", v)))
	if err == nil {
		err = r.store.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"p3", "p2", "p1"} {
		r.askers[id] = ask.New(ask.Config{PeerID: id, Store: r.store, Call: func(ctx context.Context, to string, req ask.Request) (json.RawMessage, error) {
			return r.askers[to].Serve(ctx, req)
		}})
		r.c = New(Config{PeerID: id, Store: r.store, Asker: r.askers[id], Daemon: fakeDaemon{r, id}, Tool: r, Options: r})
	}
	return r
}

func (r *rig) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, fmt.Sprintf(format, args...))
}

func (r *rig) HealInfo(_ context.Context, volumeName, kind string) ([]api.BrickHealInfo, error) {
	return []api.BrickHealInfo{{Name: &volumeName, Status: &kind}}, nil
}

func (r *rig) Resolve(_ context.Context, volumeName string, args ...string) (string, error) {
	return volumeName + " " + strings.Join(args, " "), r.tool
}

func (r *rig) ReadyForGranular(context.Context, string) error { return r.tool }

func (r *rig) SetOptions(_ context.Context, name string, req api.VolumeOptionReq) (api.VolumeInfo, error) {
	for k, v := range req.Options {
		r.options[name+" "+k] = v
	}
	return api.VolumeInfo{}, nil
}

func (r *rig) SwitchGranular(_ context.Context, name string, on bool) (api.VolumeInfo, error) {
	r.note("granular %s %v", name, on)
	return api.VolumeInfo{}, nil
}

// fakeDaemon is the self-heal daemon of one peer: it begins on its own bricks, and counts as many entries as its number.
type fakeDaemon struct {
	r      *rig
	peerID string
}

func (d fakeDaemon) place() int { return int(d.peerID[1] - '1') }

func (d fakeDaemon) Heal(_ context.Context, volumeName string, subvols []string, full bool) (map[brickop.BrickPlace]brickop.HealStatus, error) {
	d.r.note("%s heal %s %v full=%v", d.peerID, volumeName, subvols, full)
	out := map[brickop.BrickPlace]brickop.HealStatus{}
	for i := range subvols {
		for n := range 3 {
			out[brickop.BrickPlace{Subvol: i, Brick: n}] = brickop.HealStatus{Text: "Brick is remote"}
		}
		out[brickop.BrickPlace{Subvol: i, Brick: d.place()}] = brickop.HealStatus{Text: "by " + d.peerID, Started: !d.r.dumb[d.peerID]}
	}
	return out, nil
}

func (d fakeDaemon) Pending(_ context.Context, _ string, subvols []string) (map[brickop.BrickPlace]uint64, error) {
	out := map[brickop.BrickPlace]uint64{}
	for i := range subvols {
		out[brickop.BrickPlace{Subvol: i, Brick: d.place()}] = uint64(d.place() + 1)
	}
	return out, nil
}

func (d fakeDaemon) Crawls(context.Context, string, []string) (map[brickop.BrickPlace][]api.HealCrawl, error) {
	return map[brickop.BrickPlace][]api.HealCrawl{{Brick: d.place()}: {{Type: "INDEX"}}}, nil
}

func refused(t *testing.T, err error, kind api.Kind, field string) {
	t.Helper()
	if e := api.AsError(err); e == nil || e.Kind != kind || e.Fields[api.FieldField] != field {
		t.Errorf("error %v, want one of kind %s about %q", err, kind, field)
	}
}

// An index heal is asked of every peer, a full one of one peer for each set: of the next one if that begins nothing.
func TestHeal(t *testing.T) {
	r := newRig(t)
	got, err := r.c.Heal(t.Context(), "gv", kindIndex)
	if err != nil || len(got) != 6 || !got[0].Started || !got[4].Started || got[2].Started || !strings.Contains(got[2].Status, "offline") {
		t.Errorf("index: %+v, %v", got, err)
	}
	r.asked, r.dumb["p2"] = nil, true
	got, err = r.c.Heal(t.Context(), "gv", kindFull)
	if err != nil || !got[0].Started || got[1].Started || !got[3].Started || got[5].Status != "the set is gone through from host-p1:/b1" {
		t.Errorf("full: %+v, %v", got, err)
	}
	slices.Sort(r.asked)
	if want := []string{
		"p1 heal gv [gv-replicate-0] full=true", "p1 heal gv [gv-replicate-1] full=true",
		"p2 heal gv [gv-replicate-0] full=true", "p2 heal gv [gv-replicate-1] full=true",
	}; !slices.Equal(r.asked, want) {
		t.Errorf("asked %q", r.asked)
	}
	r.dumb["p1"] = true
	_, err = r.c.Heal(t.Context(), "gv", kindIndex)
	refused(t, err, api.Unavailable, "")
	_, err = r.c.Heal(t.Context(), "gv", "some")
	refused(t, err, api.Invalid, "type")
	_, err = r.c.Heal(t.Context(), "plain", kindIndex)
	refused(t, err, api.State, "")
	_, err = r.c.Heal(t.Context(), "ec", kindIndex)
	refused(t, err, api.State, "")
	plan, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := r.c.Heal(ctx, "gv", kindFull)
		return err
	})
	if err != nil || len(plan.Steps[0].Peers) != 2 || len(plan.Warnings) != 1 {
		t.Errorf("plan %+v, %v", plan, err)
	}
}

func TestFigures(t *testing.T) {
	r := newRig(t)
	counts, err := r.c.Count(t.Context(), "gv", "name-p2:/b1")
	if err != nil || len(counts) != 3 || counts[0].Entries != 1 || counts[1].Entries != 2 || counts[2].Error == "" || counts[0].Brick != "host-p1:/b1" {
		t.Errorf("counts of a set: %+v, %v", counts, err)
	}
	_, err = r.c.Count(t.Context(), "gv", "name-p2:/b9")
	refused(t, err, api.NotFound, "replica")
	stats, err := r.c.Statistics(t.Context(), "gv")
	if err != nil || len(stats) != 6 || len(stats[1].Crawls) != 1 || len(stats[4].Crawls) != 0 || stats[4].Error != "" || stats[5].Error == "" {
		t.Errorf("statistics: %+v, %v", stats, err)
	}
	if info, err := r.c.Info(t.Context(), "gv", "info-summary"); err != nil || *info[0].Status != "info-summary" {
		t.Errorf("info: %+v, %v", info, err)
	}
}

func TestResolve(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		operation string
		req       api.SplitBrainReq
		said      string
	}{
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/d/f"}, "gv bigger-file /d/f"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "gfid:2a3ab5f1-65db-408f-8ba4-30e587debccb"}, "gv bigger-file gfid:2a3ab5f1-65db-408f-8ba4-30e587debccb"},
		{api.SplitBrainSource, api.SplitBrainReq{HostName: "name-p1", BrickName: "/b1"}, "gv source-brick host-p1:/b1"},
		{api.SplitBrainSource, api.SplitBrainReq{HostName: "p1", BrickName: "/b0", FileName: "/f"}, "gv source-brick host-p1:/b0 /f"},
	} {
		if got, err := r.c.Resolve(t.Context(), "gv", c.operation, c.req); err != nil || got.Message != c.said {
			t.Errorf("%s %+v: %+v, %v", c.operation, c.req, got, err)
		}
	}
	for _, c := range []struct {
		operation string
		req       api.SplitBrainReq
		kind      api.Kind
		field     string
	}{
		{"smallest", api.SplitBrainReq{FileName: "/f"}, api.Invalid, "operation"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{}, api.Invalid, "filename"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "--xml"}, api.Invalid, "filename"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/a//b"}, api.Invalid, "filename"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/a\nb"}, api.Invalid, "filename"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/" + strings.Repeat("x", maxPath)}, api.Invalid, "filename"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "gfid:../../etc"}, api.Invalid, "filename"},
		{api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/f", HostName: "p1", BrickName: "/b0"}, api.Invalid, "brickname"},
		{api.SplitBrainSource, api.SplitBrainReq{HostName: "p1", BrickName: "/b7"}, api.NotFound, "brickname"},
		{api.SplitBrainSource, api.SplitBrainReq{HostName: "p3", BrickName: "/b1"}, api.Invalid, "brickname"}, // the arbiter
		{api.SplitBrainLatestMtime, api.SplitBrainReq{FileName: "/f"}, api.Unavailable, ""},                   // p3 is away
	} {
		_, err := r.c.Resolve(t.Context(), "gv", c.operation, c.req)
		refused(t, err, c.kind, c.field)
	}
	_, err := r.c.Resolve(t.Context(), "ec", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/f"})
	refused(t, err, api.State, "")
}

// The daemons count for copies only.
func TestCountOfDispersed(t *testing.T) {
	r := newRig(t)
	_, err := r.c.Count(t.Context(), "ec", "")
	refused(t, err, api.State, "")
	_, err = r.c.Statistics(t.Context(), "ec")
	refused(t, err, api.State, "")
	if !strings.Contains(err.Error(), "info summary") {
		t.Errorf("what counts instead is not said: %v", err)
	}
	if len(r.asked) != 0 {
		t.Errorf("asked %q", r.asked)
	}
}

func TestSwitch(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	for _, name := range []string{"gv", "ec"} {
		if _, err := r.c.Switch(ctx, name, true); err != nil {
			t.Error(err)
		}
	}
	if r.options["gv "+optionReplicate] != "on" || r.options["ec "+optionDisperse] != "on" {
		t.Errorf("options %v", r.options)
	}
	_, err := r.c.Switch(ctx, "plain", false)
	refused(t, err, api.State, "")
	r.tool = api.Errorf(api.State, "bricks could be down")
	_, err = r.c.Granular(ctx, "gv", true)
	refused(t, err, api.State, "")
	if _, err = r.c.Granular(ctx, "gv", false); err != nil || !slices.Equal(r.asked, []string{"granular gv false"}) {
		t.Errorf("%v, options %v", err, r.options)
	}
	_, err = r.c.Granular(ctx, "ec", false)
	refused(t, err, api.State, "")
}

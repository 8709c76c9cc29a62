package quotas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeHost is the directories of all volumes and their limits, in memory. A directory's gfid is "gfid of <path>".
type fakeHost struct {
	mu     sync.Mutex
	dirs   map[string]volume.Limit // by volume and path
	broken error
	meet   func() // what happens when limits are applied, the next time
}

func key(volumeName, path string) string { return volumeName + ":" + path }

func newFakeHost(volumeName string, paths ...string) *fakeHost {
	h := &fakeHost{dirs: map[string]volume.Limit{}}
	h.add(volumeName, paths...)
	return h
}

func (h *fakeHost) add(volumeName string, paths ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, path := range paths {
		h.dirs[key(volumeName, path)] = volume.Limit{GFID: "gfid of " + path, Path: path}
	}
}

func (h *fakeHost) Find(_ context.Context, volumeName, path string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.dirs[key(volumeName, path)]
	if !ok {
		return "", api.Errorf(api.NotFound, "directory %s does not exist", path)
	}
	return d.GFID, nil
}

func (h *fakeHost) Set(_ context.Context, volumeName string, l volume.Limit) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.dirs[key(volumeName, l.Path)]
	switch {
	case h.broken != nil:
		return h.broken
	case !ok:
		return api.Errorf(api.NotFound, "directory %s does not exist", l.Path)
	case d.GFID != l.GFID:
		return api.Errorf(api.State, "another directory")
	}
	h.dirs[key(volumeName, l.Path)] = l
	return nil
}

func (h *fakeHost) Apply(ctx context.Context, volumeName string, limits []volume.Limit) error {
	if meet := h.meet; meet != nil {
		h.meet = nil
		meet()
	}
	for _, l := range limits {
		if err := h.Set(ctx, volumeName, l); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// text is the limits of a volume as one line each.
func (h *fakeHost) text(volumeName string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, k := range slices.Sorted(maps.Keys(h.dirs)) {
		if d := h.dirs[k]; strings.HasPrefix(k, volumeName+":") && !empty(d) {
			raw, _ := json.Marshal(d)
			out = append(out, string(raw))
		}
	}
	return strings.Join(out, "\n")
}

// fakeLocal says that every directory holds 4 MB in 3 files and 2 directories.
type fakeLocal struct{ err error }

func (l fakeLocal) Use(_ context.Context, _ string, gfids []string, _ bool) (map[string]quota.Use, error) {
	out := map[string]quota.Use{}
	for _, id := range gfids {
		out[id] = quota.Use{Path: strings.TrimPrefix(id, "gfid of "), Bytes: 4 << 20, Files: 3, Dirs: 2}
	}
	return out, l.err
}

func (fakeLocal) Crawls(string) map[string]api.QuotaCrawl {
	return map[string]api.QuotaCrawl{"b1": {Brick: "h:/b", State: api.CrawlDone, Entries: 7}}
}

// rig is the commands of one peer.
type rig struct {
	t     *testing.T
	pool  *transactiontest.Pool
	store *store.Store
	host  *fakeHost
	c     *Commands
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, host: newFakeHost("gv", "/", "/a", "/b")}
	var ops Operations
	r.pool = transactiontest.NewPool(t, transactiontest.Config{Registry: func(string) *transaction.Registry {
		registry := transaction.NewRegistry()
		ops = Register(registry, r.host)
		return registry
	}})
	r.store = r.pool.Store("p1")
	table, err := xlator.Load()
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	asker := ask.New(ask.Config{PeerID: "p1", Store: r.store, Call: func(context.Context, string, ask.Request) (json.RawMessage, error) {
		return nil, errors.New("nobody is asked")
	}})
	r.c = New(Config{
		PeerID: "p1", Store: r.store, Engine: r.pool.Engine("p1"), Ops: ops, Host: r.host, Local: fakeLocal{}, Asker: asker, Table: table,
		Log: logrus.NewEntry(log),
	})
	r.commit(peer.Records.Create("p1", &peer.Peer{ID: "p1", Host: "h"}))
	r.commit(volume.Records.Create("gv", testVolume("gv")))
	return r
}

func testVolume(name string) *volume.Volume {
	return &volume.Volume{
		ID: "id-" + name, Name: name, State: volume.Started, Options: map[string]string{"user.x": "y"},
		Subvols: []volume.Subvol{{Type: api.SubvolDistribute, Replica: 1, Bricks: []volume.Brick{{ID: "b1", PeerID: "p1", Path: "/b"}}}},
	}
}

func (r *rig) commit(writes ...store.Write) {
	r.t.Helper()
	commit(r.t, r.store, writes...)
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

func refused(t *testing.T, what string, err error, kind api.Kind, part string) {
	t.Helper()
	if err == nil || !api.IsKind(err, kind) || !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %v, want a %s error with %q", what, err, kind, part)
	}
}

func TestLimits(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, err := r.c.SetLimit(ctx, "gv", api.QuotaLimitReq{Path: "/a", HardLimit: "10MB"})
	refused(t, "limit without quota", err, api.State, "not enabled")
	q, err := r.c.Enable(ctx, "gv")
	if err != nil || !q.Enabled || q.DeemStatfs != "on" || len(q.Crawls) != 1 || q.Crawls[0].Entries != 7 {
		t.Fatalf("%+v, %v", q, err)
	}
	_, err = r.c.Enable(ctx, "gv")
	refused(t, "enable twice", err, api.State, "already")
	half := 50
	l, err := r.c.SetLimit(ctx, "gv", api.QuotaLimitReq{Path: "/a", HardLimit: "10MB"})
	if err != nil || l.HardLimit != 10<<20 || l.SoftLimitPercent != 80 || l.Used != 4<<20 || l.Available != 6<<20 || l.SoftExceeded {
		t.Errorf("%+v, %v", l, err)
	}
	l, err = r.c.SetLimit(ctx, "gv", api.QuotaLimitReq{Path: "/a", Type: api.QuotaObjects, HardLimit: "5", SoftLimit: &half})
	if err != nil || l.SoftLimit != 2 || l.Used != 5 || !l.SoftExceeded || !l.HardExceeded {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err = r.c.SetLimit(ctx, "gv", api.QuotaLimitReq{Path: "/b", HardLimit: "1GB"}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		typ  string
		path []string
		n    int
	}{{"", nil, 2}, {api.QuotaUsage, []string{"/b"}, 1}, {api.QuotaObjects, nil, 1}} {
		if list, err := r.c.Limits(ctx, "gv", c.typ, c.path); err != nil || len(list) != c.n {
			t.Errorf("%+v: %+v, %v", c, list, err)
		}
	}
	_, err = r.c.Limits(ctx, "gv", api.QuotaObjects, []string{"/b"})
	refused(t, "list of a directory without", err, api.NotFound, "/b")
	if err := r.c.RemoveLimit(ctx, "gv", api.QuotaRemoveReq{Path: "/a"}); err != nil {
		t.Error(err)
	}
	refused(t, "remove twice", r.c.RemoveLimit(ctx, "gv", api.QuotaRemoveReq{Path: "/a"}), api.NotFound, "no usage limit")
	delete(r.host.dirs, key("gv", "/b")) // the directory is gone, its record can go too
	if err := r.c.RemoveLimit(ctx, "gv", api.QuotaRemoveReq{Path: "/b"}); err != nil {
		t.Error(err)
	}
	if q, err = r.c.Disable(ctx, "gv"); err != nil || q.Enabled || r.host.text("gv") != "" {
		t.Errorf("%+v, %v, left %s", q, err, r.host.text("gv"))
	}
	rec, err := r.c.find(ctx, "gv")
	if err != nil || rec.Value.Options[volume.OptionQuotaStatfs] != "" || rec.Value.Options["user.x"] != "y" || rec.Value.QuotaVersion != 1 {
		t.Errorf("%+v, %v", rec.Value, err)
	}
}

func TestLimitRefusals(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if _, err := r.c.Enable(ctx, "gv"); err != nil {
		t.Fatal(err)
	}
	tooMuch := 101
	for what, c := range map[string]struct {
		req  api.QuotaLimitReq
		kind api.Kind
		part string
	}{
		"relative":     {api.QuotaLimitReq{Path: "a", HardLimit: "1MB"}, api.Invalid, "absolute"},
		"dots":         {api.QuotaLimitReq{Path: "/a/../b", HardLimit: "1MB"}, api.Invalid, "plain"},
		"slash":        {api.QuotaLimitReq{Path: "/a/", HardLimit: "1MB"}, api.Invalid, "plain"},
		"newline":      {api.QuotaLimitReq{Path: "/a\n", HardLimit: "1MB"}, api.Invalid, "control"},
		"long":         {api.QuotaLimitReq{Path: "/" + strings.Repeat("x", 5000), HardLimit: "1MB"}, api.Invalid, "4096"},
		"size":         {api.QuotaLimitReq{Path: "/a", HardLimit: "lots"}, api.Invalid, "10GB"},
		"zero":         {api.QuotaLimitReq{Path: "/a", HardLimit: "0"}, api.Invalid, "at least 1"},
		"huge":         {api.QuotaLimitReq{Path: "/a", HardLimit: "99999999PB"}, api.Invalid, "10GB"},
		"objects":      {api.QuotaLimitReq{Path: "/a", Type: api.QuotaObjects, HardLimit: "1MB"}, api.Invalid, "number of files"},
		"type":         {api.QuotaLimitReq{Path: "/a", Type: "inodes", HardLimit: "1"}, api.Invalid, "usage or objects"},
		"percent":      {api.QuotaLimitReq{Path: "/a", HardLimit: "1MB", SoftLimit: &tooMuch}, api.Invalid, "0 to 100"},
		"no directory": {api.QuotaLimitReq{Path: "/none", HardLimit: "1MB"}, api.NotFound, "/none"},
	} {
		_, err := r.c.SetLimit(ctx, "gv", c.req)
		refused(t, what, err, c.kind, c.part)
	}
	if text := r.host.text("gv"); text != "" {
		t.Errorf("the refusals have set limits: %s", text)
	}
	_, err := r.c.Enable(ctx, "none")
	refused(t, "no volume", err, api.NotFound, "none")
	rec, err := r.c.find(ctx, "gv")
	if err != nil {
		t.Fatal(err)
	}
	stopped := *rec.Value
	stopped.State = volume.Stopped
	r.commit(volume.Records.Update("gv", &stopped, rec.Revision))
	_, err = r.c.SetLimit(ctx, "gv", api.QuotaLimitReq{Path: "/a", HardLimit: "1MB"})
	refused(t, "stopped", err, api.State, "not started")
	_, err = r.c.Disable(ctx, "gv")
	refused(t, "disable of a stopped volume", err, api.State, "not started")
}

// A limit that cannot be set leaves nothing behind, and that of many directories goes a batch at a time.
func TestFailuresAndBatches(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if _, err := r.c.Enable(ctx, "gv"); err != nil {
		t.Fatal(err)
	}
	r.host.broken = api.Errorf(api.Internal, "no")
	if _, err := r.c.SetLimit(ctx, "gv", api.QuotaLimitReq{Path: "/a", HardLimit: "1MB"}); err == nil {
		t.Error("a limit that could not be set is accepted")
	}
	r.host.mu.Lock()
	r.host.broken = nil
	r.host.mu.Unlock()
	kind := volume.Limits("id-gv")
	var writes []store.Write
	for i := range batch + 100 {
		path := fmt.Sprintf("/many/%d", i)
		r.host.add("gv", path)
		l := volume.Limit{GFID: "gfid of " + path, Path: "/before/" + path, Usage: &volume.Bound{Hard: 1}}
		if writes = append(writes, kind.Create(l.GFID, l)); len(writes) == 300 {
			r.commit(writes...)
			writes = nil
		}
	}
	if q, err := r.c.Disable(ctx, "gv"); err != nil || q.Enabled {
		t.Errorf("%+v, %v", q, err)
	}
	if left, err := kind.List(r.store); err != nil || len(left) > 0 {
		t.Errorf("%d limits are left, %v", len(left), err)
	}
}

// A quota whose limits are gone is switched off, whatever else is changed of its volume meanwhile.
func TestDisableMeetsOthers(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if _, err := r.c.Enable(ctx, "gv"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.SetLimit(ctx, "gv", api.QuotaLimitReq{Path: "/a", HardLimit: "1MB"}); err != nil {
		t.Fatal(err)
	}
	r.host.meet = func() {
		rec, err := r.c.find(ctx, "gv")
		if err != nil {
			t.Error(err)
			return
		}
		changed := *rec.Value
		changed.Metadata = map[string]string{"a": "b"}
		r.commit(volume.Records.Update("gv", &changed, rec.Revision))
	}
	if q, err := r.c.Disable(ctx, "gv"); err != nil || q.Enabled || r.host.text("gv") != "" {
		t.Errorf("%+v, %v, left %s", q, err, r.host.text("gv"))
	}
	if rec, err := r.c.find(ctx, "gv"); err != nil || rec.Value.Metadata["a"] != "b" {
		t.Errorf("%+v, %v", rec.Value, err)
	}
}

// What a brick that comes later gets: the limits of now.
func TestFinish(t *testing.T) {
	r := newRig(t)
	kind := volume.Limits("id-gv")
	r.commit(kind.Create("gfid of /a", volume.Limit{GFID: "gfid of /a", Path: "/a", Usage: &volume.Bound{Hard: 7, Soft: volume.SoftDefault}}))
	if err := Finish(r.store, r.host)(t.Context(), quota.Target{VolumeID: "id-gv", VolumeName: "gv"}); err != nil {
		t.Fatal(err)
	}
	if text := r.host.text("gv"); !strings.Contains(text, `"hard":7`) {
		t.Errorf("limits of the host: %s", text)
	}
}

func TestVolumesOfAPeer(t *testing.T) {
	r := newRig(t)
	if list := Volumes(r.store, "p1"); len(list) != 0 {
		t.Errorf("without quota: %v", list)
	}
	if _, err := r.c.Enable(t.Context(), "gv"); err != nil {
		t.Fatal(err)
	}
	if list := Volumes(r.store, "p1"); len(list) != 1 || list[0].Name != "gv" {
		t.Errorf("%v", list)
	}
	if list := Volumes(r.store, "p2"); len(list) != 0 {
		t.Errorf("a peer without bricks: %v", list)
	}
}

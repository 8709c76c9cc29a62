package rest

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	"gd2/pkg/api"
	"gd2/transaction"
)

// fake is all services. It answers with values as empty as the real ones may be, notes what it was asked, and fails with
// err when that is set.
type fake struct {
	mu    sync.Mutex
	calls []string
	err   error
	// hold, when set, is called by Volumes.Create with its context.
	hold     func(context.Context) error
	level    string
	backup   []string // the parts that Pool.Backup writes
	unready  bool
	measured Measurements
	tail     Next // what a stream of events reads
	asked    transaction.Query
	kept     map[string]transaction.Answer // by the id of the key
	prints   map[string]string
	repeat   transaction.Repeat // what is known of other keys
	waited   time.Duration
	result   json.RawMessage // of operations
}

func (f *fake) services() Services {
	return Services{
		Volumes: fakeVolumes{f}, Bricks: fakeBricks{f}, Replacing: fakeReplacing{f}, Rebalance: fakeBricks{f}, Diagnosis: fakeDiagnosis{f}, Processes: fakeProcesses{f}, State: fakeProcesses{f}, Healing: fakeHealing{f}, Peers: fakePeers{f}, Devices: fakeDevices{f}, Pool: fakePool{f},
		Shrink:  fakeBricks{f},
		Cluster: fakeCluster{f}, OptionHelp: fakeCluster{f}, Quotas: fakeQuotas{f},
		Operations: fakeOperations{f}, Planner: fakePlanner{f}, Events: fakeEvents{f}, Webhooks: fakeWebhooks{f},
		System: f, Metrics: f, Renamer: fakeVolumes{f}, Heketi: fakeHeketi{f},
	}
}

func (f *fake) call(what ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := ""
	for i, w := range what {
		if i > 0 {
			text += " "
		}
		text += w
	}
	f.calls = append(f.calls, text)
	return f.err
}

func (f *fake) called(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.calls, what)
}

func (f *fake) PeerID() string    { return "peer-1" }
func (f *fake) ClusterID() string { return "pool-1" }
func (f *fake) Version() string   { return "1.2.3" }
func (f *fake) Status(context.Context) (api.PoolStatus, error) {
	return api.PoolStatus{ClusterID: "pool-1", Peers: []api.Peer{{ID: "peer-1"}}}, f.call("status")
}
func (f *fake) Live(context.Context) api.Health { return api.Health{OK: true} }
func (f *fake) Ready(context.Context) api.Health {
	return api.Health{OK: !f.unready, Checks: []api.Check{{Name: "disk", OK: true}, {Name: "store", OK: !f.unready, Message: "no quorum"}}}
}
func (f *fake) LogLevel() string { return f.level }
func (f *fake) SetLogLevel(l string) error {
	if l != "debug" {
		return api.FieldErrorf("level", "no level is called %q", l)
	}
	f.level = l
	return nil
}
func (f *fake) Measure(context.Context) Measurements { return f.measured }

type fakeVolumes struct{ f *fake }

func info(name string) api.VolumeInfo {
	return api.VolumeInfo{ID: "v1", Name: name, Type: api.Replicate, Subvols: []api.SubvolInfo{{Name: "s0", Bricks: []api.BrickInfo{{ID: "b0"}}}}}
}

func (v fakeVolumes) Create(ctx context.Context, r api.VolumeCreateReq) (api.VolumeInfo, error) {
	if v.f.hold != nil {
		if err := v.f.hold(ctx); err != nil {
			return api.VolumeInfo{}, err
		}
	}
	return info(r.Name), v.f.call("create", r.Name)
}
func (v fakeVolumes) List(_ context.Context, key, value string) ([]api.VolumeInfo, error) {
	return nil, v.f.call("list", key, value)
}
func (v fakeVolumes) Get(_ context.Context, name string) (api.VolumeInfo, error) {
	return info(name), v.f.call("get", name)
}
func (v fakeVolumes) Delete(_ context.Context, name string, force bool) error {
	if force {
		return v.f.call("delete by force", name)
	}
	return v.f.call("delete", name)
}
func (v fakeVolumes) Start(_ context.Context, name string, r api.VolumeStartReq) (api.VolumeInfo, error) {
	if r.ForceStartBricks {
		return info(name), v.f.call("start force", name)
	}
	return info(name), v.f.call("start", name)
}
func (v fakeVolumes) Stop(_ context.Context, name string, _ api.VolumeStopReq) (api.VolumeInfo, error) {
	return info(name), v.f.call("stop", name)
}
func (v fakeVolumes) Edit(_ context.Context, name string, _ api.VolumeEditReq) (api.VolumeInfo, error) {
	return info(name), v.f.call("edit", name)
}
func (v fakeVolumes) Bricks(_ context.Context, name string) ([]api.BrickStatus, error) {
	return []api.BrickStatus{{Info: api.BrickInfo{ID: "b0"}, Port: 49152}}, v.f.call("bricks", name)
}
func (v fakeVolumes) Status(_ context.Context, name string) (api.VolumeStatus, error) {
	return api.VolumeStatus{Info: info(name), Daemons: []api.DaemonStatus{{Name: "glustershd"}}}, v.f.call("volume status", name)
}
func (v fakeVolumes) Options(_ context.Context, name string) ([]api.VolumeOption, error) {
	return nil, v.f.call("options", name)
}
func (v fakeVolumes) Option(_ context.Context, name, option string) (api.VolumeOption, error) {
	return api.VolumeOption{Name: option}, v.f.call("option", name, option)
}
func (v fakeVolumes) SetOptions(_ context.Context, name string, _ api.VolumeOptionReq) (api.VolumeInfo, error) {
	return info(name), v.f.call("set", name)
}
func (v fakeVolumes) ResetOptions(_ context.Context, name string, _ api.VolumeOptionResetReq) (api.VolumeInfo, error) {
	return info(name), v.f.call("reset", name)
}
func (v fakeVolumes) Groups(context.Context) ([]api.OptionGroup, error) {
	return []api.OptionGroup{{Name: "virt"}}, v.f.call("groups")
}
func (v fakeVolumes) CreateGroup(_ context.Context, r api.OptionGroupReq) (api.OptionGroup, error) {
	return r.OptionGroup, v.f.call("create group", r.Name)
}
func (v fakeVolumes) DeleteGroup(_ context.Context, name string) error {
	return v.f.call("delete group", name)
}

type fakePeers struct{ f *fake }

func (p fakePeers) List(_ context.Context, key, value string) ([]api.Peer, error) {
	return []api.Peer{{ID: "peer-1"}}, p.f.call("peers", key, value)
}
func (p fakePeers) Get(_ context.Context, id string) (api.Peer, error) {
	return api.Peer{ID: id}, p.f.call("peer", id)
}
func (p fakePeers) Add(context.Context, api.PeerAddReq) (api.Peer, error) {
	return api.Peer{ID: "peer-2"}, p.f.call("add peer")
}
func (p fakePeers) Edit(_ context.Context, id string, _ api.PeerEditReq) (api.Peer, error) {
	return api.Peer{ID: id}, p.f.call("edit peer", id)
}
func (p fakePeers) Delete(_ context.Context, id string, force bool) error {
	if force {
		return p.f.call("delete peer by force", id)
	}
	return p.f.call("delete peer", id)
}
func (p fakePeers) Token(context.Context, api.PeerTokenReq) (api.PeerToken, error) {
	return api.PeerToken{Token: "t", ExpiresAt: "2026-01-02T03:04:05Z"}, p.f.call("token")
}
func (p fakePeers) Join(_ context.Context, r api.PeerJoinReq) (api.Peer, error) {
	return api.Peer{ID: "peer-1"}, p.f.call("join", r.Token)
}

func (p fakePeers) Reset(_ context.Context, r api.PeerResetReq) (api.Peer, error) {
	if r.Force {
		return api.Peer{ID: "peer-1"}, p.f.call("reset by force")
	}
	return api.Peer{ID: "peer-1"}, p.f.call("reset")
}

type fakePool struct{ f *fake }

func (p fakePool) Status(context.Context) (api.Pool, error) {
	return api.Pool{ClusterID: "pool-1", Members: []api.PoolMember{{Name: "node1"}}}, p.f.call("pool")
}
func (p fakePool) Snapshots(context.Context) ([]api.PoolSnapshot, error) {
	return []api.PoolSnapshot{{File: "/s/1.tar"}}, p.f.call("snapshots")
}
func (p fakePool) Backup(_ context.Context, w io.Writer) error {
	for _, part := range p.f.backup {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	return p.f.call("backup")
}

type fakeCluster struct{ f *fake }

func (c fakeCluster) Options(context.Context) ([]api.ClusterOption, error) {
	return []api.ClusterOption{{Key: "cluster.op-version", Value: "100000"}}, c.f.call("cluster options")
}
func (c fakeCluster) OptionHelp(_ context.Context, name string) ([]api.OptionHelp, error) {
	return []api.OptionHelp{{Name: name, Xlators: []string{}}}, c.f.call("option help " + name)
}
func (c fakeCluster) SetOptions(context.Context, api.ClusterOptionReq) ([]api.ClusterOption, error) {
	return nil, c.f.call("set cluster options")
}

type fakeOperations struct{ f *fake }

func (o fakeOperations) Repeated(_ context.Context, k transaction.Key) (transaction.Repeat, error) {
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	a, ok := o.f.kept[k.ID]
	switch {
	case !ok:
		return o.f.repeat, nil
	case o.f.prints[k.ID] != k.Print:
		return transaction.Repeat{}, api.Errorf(api.KeyReused, "another request")
	}
	return transaction.Repeat{Answer: &a}, nil
}
func (o fakeOperations) Remember(_ context.Context, k transaction.Key, a transaction.Answer) error {
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	if o.f.kept == nil {
		o.f.kept, o.f.prints = map[string]transaction.Answer{}, map[string]string{}
	}
	o.f.kept[k.ID], o.f.prints[k.ID] = a, k.Print
	return nil
}

func (o fakeOperations) Find(_ context.Context, q transaction.Query) ([]api.Operation, bool, error) {
	o.f.asked = q
	return []api.Operation{{ID: "t1", Result: json.RawMessage(`{"id":"v1"}`)}}, q.Limit == 1, o.f.call("operations")
}
func (o fakeOperations) Get(_ context.Context, id string) (api.Operation, error) {
	return api.Operation{ID: id, Operation: "volume-create", State: "unwinding", Result: o.f.result}, o.f.call("operation", id)
}
func (o fakeOperations) Wait(ctx context.Context, id string) error {
	at, _ := ctx.Deadline()
	o.f.waited = time.Until(at)
	return o.f.call("wait", id)
}
func (o fakeOperations) Retry(_ context.Context, id string) (api.Operation, error) {
	return api.Operation{ID: id}, o.f.call("retry", id)
}
func (o fakeOperations) Abandon(_ context.Context, id string) (api.Operation, error) {
	return api.Operation{ID: id}, o.f.call("abandon", id)
}
func (o fakeOperations) Cancel(_ context.Context, id string) (api.Operation, error) {
	return api.Operation{ID: id}, o.f.call("cancel", id)
}
func (o fakeOperations) Logs(_ context.Context, id string) (api.OperationLogs, error) {
	return api.OperationLogs{Lines: []api.OperationLogLine{{PeerID: "peer-1"}}}, o.f.call("logs", id)
}

// fakePlanner runs the call and says what it asked for.
type fakePlanner struct{ f *fake }

func (p fakePlanner) Plan(ctx context.Context, run func(ctx context.Context) error) (api.OperationPlan, error) {
	before := len(p.f.calls)
	if err := run(ctx); err != nil {
		return api.OperationPlan{}, err
	}
	return api.OperationPlan{Operation: p.f.calls[before]}, p.f.call("plan")
}

var (
	_ Planner       = fakePlanner{}
	_ Volumes       = fakeVolumes{}
	_ Bricks        = fakeBricks{}
	_ Peers         = fakePeers{}
	_ Pool          = fakePool{}
	_ Cluster       = fakeCluster{}
	_ Operations    = fakeOperations{}
	_ System        = (*fake)(nil)
	_ MetricsSource = (*fake)(nil)
)

func (v fakeVolumes) Rename(_ context.Context, name string, r api.VolumeRenameReq) (api.VolumeInfo, error) {
	return info(r.Name), v.f.call("rename", name, r.Name)
}

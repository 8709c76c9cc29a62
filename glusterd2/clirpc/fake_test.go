package clirpc

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon is what lies below the edge: it remembers what it was asked, and answers what the test wants.
type daemon struct {
	world
	mu    sync.Mutex
	asked []any
	noted []string // in the history of commands
	fail  error    // of the next change
	waits int

	waiting string // for a quorum: then only what is known is told

	volumes []api.VolumeInfo
	status  api.VolumeStatus
	peers   []api.Peer
	options []api.VolumeOption
	pool    []api.ClusterOption
	help    []api.OptionHelp
}

func (d *daemon) ask(what ...any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what...)
	err := d.fail
	d.fail = nil
	return err
}

func (d *daemon) find(name string) (api.VolumeInfo, error) {
	for _, v := range d.volumes {
		if v.Name == name {
			return v, nil
		}
	}
	return api.VolumeInfo{}, api.Errorf(api.NotFound, "volume %s does not exist", name).With(volumeField, name)
}

type fakeVolumes struct{ *daemon }

func (f fakeVolumes) Create(_ context.Context, req api.VolumeCreateReq) (api.VolumeInfo, error) {
	return api.VolumeInfo{ID: "an-id", Name: req.Name}, f.ask(req)
}
func (f fakeVolumes) Known(context.Context) ([]api.VolumeInfo, error) { return f.volumes, nil }
func (f fakeVolumes) KnownAfter(_ context.Context, name string) (v api.VolumeInfo, ok bool, err error) {
	for _, one := range f.volumes {
		if one.Name > name && (!ok || one.Name < v.Name) {
			v, ok = one, true
		}
	}
	return v, ok, nil
}
func (f fakeVolumes) KnownStatus(_ context.Context, name string) (api.VolumeStatus, error) {
	v, err := f.find(name)
	st := f.status
	st.Info = v
	return st, err
}
func (f fakeVolumes) Get(_ context.Context, name string) (api.VolumeInfo, error) { return f.find(name) }
func (f fakeVolumes) Delete(_ context.Context, name string, force bool) error {
	return f.ask("delete", name, force)
}
func (f fakeVolumes) Start(_ context.Context, name string, req api.VolumeStartReq) (api.VolumeInfo, error) {
	if err := f.ask("start", name, req); err != nil {
		return api.VolumeInfo{}, err
	}
	return f.find(name)
}
func (f fakeVolumes) Stop(_ context.Context, name string, req api.VolumeStopReq) (api.VolumeInfo, error) {
	if err := f.ask("stop", name, req); err != nil {
		return api.VolumeInfo{}, err
	}
	return f.find(name)
}
func (f fakeVolumes) Options(context.Context, string) ([]api.VolumeOption, error) {
	return f.options, nil
}
func (f fakeVolumes) Option(_ context.Context, _, option string) (api.VolumeOption, error) {
	for _, o := range f.options {
		if o.Name == option {
			return o, nil
		}
	}
	return api.VolumeOption{}, api.FieldErrorf("options", "no option %s", option).With(optionField, option)
}
func (f fakeVolumes) SetOptions(_ context.Context, name string, req api.VolumeOptionReq) (api.VolumeInfo, error) {
	if err := f.ask("set", name, req); err != nil {
		return api.VolumeInfo{}, err
	}
	return f.find(name)
}
func (f fakeVolumes) ResetOptions(_ context.Context, name string, req api.VolumeOptionResetReq) (api.VolumeInfo, error) {
	if err := f.ask("reset", name, req); err != nil {
		return api.VolumeInfo{}, err
	}
	return f.find(name)
}
func (f fakeVolumes) OptionHelp(context.Context, string) ([]api.OptionHelp, error) {
	return f.help, nil
}
func (f fakeVolumes) Expand(_ context.Context, name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	if err := f.ask("expand", name, req); err != nil {
		return api.VolumeExpandResp{}, err
	}
	v, err := f.find(name)
	return api.VolumeExpandResp{VolumeInfo: v}, err
}

type fakeCluster struct{ *daemon }

func (f fakeCluster) Options(context.Context) ([]api.ClusterOption, error) { return f.pool, nil }
func (f fakeCluster) SetOptions(_ context.Context, req api.ClusterOptionReq) ([]api.ClusterOption, error) {
	return f.pool, f.ask("set all", req)
}

type fakePeers struct{ *daemon }

func (f fakePeers) Known(context.Context) ([]api.Peer, error) { return f.peers, nil }
func (f fakePeers) Get(_ context.Context, id string) (api.Peer, error) {
	for _, p := range f.peers {
		if p.ID == id || p.Name == id {
			return p, nil
		}
	}
	return api.Peer{}, api.Errorf(api.NotFound, "no peer %s", id)
}
func (f fakePeers) Add(_ context.Context, req api.PeerAddReq) (api.Peer, error) {
	return api.Peer{}, f.ask("add", req)
}
func (f fakePeers) Delete(_ context.Context, id string, force bool) error {
	return f.ask("detach", id, force)
}

// Wait implements Operations: everything has ended.
func (d *daemon) Wait(context.Context, string) (api.Operation, error) {
	d.waits++
	return api.Operation{State: api.OperationDone}, nil
}

// newServer is an edge above d.
func newServer(d *daemon) *Server {
	log := logrus.New()
	log.SetOutput(io.Discard)
	v, w := fakeVolumes{d}, &d.world
	return New(Config{
		Peers: fakePeers{d}, Volumes: v, Options: v, Cluster: fakeCluster{d}, Bricks: v, Operations: d, Tools: fakeTools{d},
		Shrink: fakeTasks{d, w}, Replacing: fakeTasks{d, w}, Rebalance: fakeTasks{d, w}, Healing: fakeHealing{d, w},
		Diagnosis: fakeDiagnosis{d, w}, Processes: fakeDiagnosis{d, w}, Quotas: fakeQuotas{d, w}, State: fakeQuotas{d, w}, Files: fakeQuotas{d, w},
		Waiting: func() string { return d.waiting },
		Sync:    func(context.Context) error { return nil },
		Written: func(option string) bool { return option == "a.d" },
		PeerID:  "me", WorkDir: "/var/lib/glusterd", Log: logrus.NewEntry(log), Patience: 5 * time.Second,
		History: func(command string, failed error) { d.noted = append(d.noted, fmt.Sprintf("%s: %v", command, failed)) },
	})
}

// said is an answer as the command gluster decodes it.
type said struct {
	ret, errno int32
	text       string
	dict       gfrpc.Dict
}

// call calls a procedure of the whole program.
func call(t *testing.T, s *Server, procedure uint32, in map[string]string) said {
	t.Helper()
	args := new(gfrpc.Writer).Opaque(gfrpc.Strings(in).Marshal()).Bytes()
	res, err := s.Service().Procedures[procedure](t.Context(), gfrpc.NewReader(args))
	if err != nil {
		t.Fatal(err)
	}
	r := gfrpc.NewReader(res)
	out := said{ret: r.Int32(), errno: r.Int32(), text: r.String(1 << 20)}
	if out.dict, err = gfrpc.ParseDict(r.Opaque(1 << 20)); err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	return out
}

type fakeTools struct{ d *daemon }

func (f fakeTools) CopyFile(_ context.Context, source string) error { return f.d.ask("copy", source) }

func (f fakeTools) Execute(_ context.Context, name string, args []string) ([]string, error) {
	return []string{"one\n", "two\n"}, f.d.ask(name, args)
}

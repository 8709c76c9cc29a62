package selfheal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
	"gd2/glusterd2/portmap"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/sunrpc"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}

// Levels and Fire make a peer hear its daemon's log.
func (p *peer) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

func (p *peer) Fire(e *logrus.Entry) error {
	if strings.Contains(e.Message, "hangs") {
		p.hung.Store(true)
	}
	return nil
}

// peer is what a brick needs of a daemon: a port map and volfiles, served on port 24007 of a loopback address that no
// other test has.
type peer struct {
	id     string
	host   string
	dir    string
	layout brick.Layout
	ports  *portmap.Map
	bricks *brick.Host

	mu      sync.Mutex
	volumes map[string]*volume.Volume
	astray  bool // volfiles name a host where nobody is
	lib     *volgen.Library
	stop    func()
	hung    atomic.Bool // the daemon has hung, as glustershd does now and then
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	dir := bricktest.FS(t)
	p := &peer{
		id: uuid.NewString(), dir: dir, volumes: map[string]*volume.Volume{},
		layout: brick.Layout{RunDir: filepath.Join(dir, "run"), LogDir: filepath.Join(dir, "log"), WorkDir: filepath.Join(dir, "lib")},
	}
	p.serve(t)
	p.bricks = brick.NewHost(brick.Config{
		PeerID: p.id, Layout: p.layout, SignIns: p.ports, Ports: brick.NewPorts(0, 0), Log: quiet(),
	})
	return p
}

// serve answers on the peer's address until the test ends or p.stop is called; then it can be called again.
func (p *peer) serve(t *testing.T) {
	t.Helper()
	l := p.listen(t)
	table, err := xlator.Load()
	if err != nil {
		t.Fatal(err)
	}
	p.ports = portmap.New()
	p.lib = volgen.NewLibrary(volgen.LibraryConfig{
		Source: p, Table: table, Dir: filepath.Join(p.dir, "lib", "vols"), PeerID: p.id, PidFile: p.layout.SelfHealPidFile,
	})
	srv := sunrpc.New(sunrpc.Config{Volfiles: volfiles{p.lib}, Portmap: p.ports, Volumes: p, Log: quiet()})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { srv.ServeConn(ctx, c, sunrpc.OriginOf(c)) })
		}
	})
	p.stop = sync.OnceFunc(func() { _ = l.Close(); cancel(); wg.Wait() })
	t.Cleanup(p.stop)
}

func (p *peer) listen(t *testing.T) net.Listener {
	t.Helper()
	for range 100 {
		host := p.host
		if host == "" {
			host = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(256), 1+rand.IntN(250))
		}
		l, err := net.Listen("tcp4", host+":24007")
		if err == nil {
			p.host = host
			return l
		}
	}
	t.Fatal("no loopback address is free on port 24007")
	return nil
}

// add makes and starts a replica 2 volume with both bricks here.
func (p *peer) add(t *testing.T, vol string) *volume.Volume {
	t.Helper()
	v := &volume.Volume{
		ID: uuid.NewString(), Name: vol, Transport: api.TransportTCP, State: volume.Started, Options: map[string]string{},
		Auth: volume.Auth{Username: uuid.NewString(), Password: uuid.NewString()},
	}
	set := volume.Subvol{Type: api.SubvolReplicate, Replica: 2}
	var specs []brick.Spec
	for i := range 2 {
		path := filepath.Join(p.dir, fmt.Sprintf("%s-b%d", vol, i))
		set.Bricks = append(set.Bricks, volume.Brick{ID: uuid.NewString(), PeerID: p.id, Path: path, Client: i})
		specs = append(specs, brick.Spec{VolumeName: vol, Host: p.host, Path: path})
		where := brick.Where{VolumeName: vol, Host: p.host, PeerID: p.id, Path: path}
		err := brick.Prepare(t.Context(), brick.System{}, brick.PrepareReq{Where: where, VolumeID: v.ID, Mark: "m"})
		if err != nil {
			t.Fatal(err)
		}
	}
	v.Subvols = []volume.Subvol{set}
	p.mu.Lock()
	p.volumes[vol] = v
	p.mu.Unlock()
	if _, err := p.bricks.StartAll(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.bricks.StopAll(context.Background(), specs), p.bricks.Close()); err != nil {
			t.Error(err)
		}
	})
	return v
}

// wanted returns volumes as SetDesired takes them.
func (p *peer) wanted(t *testing.T, vols ...*volume.Volume) []selfheal.Volume {
	t.Helper()
	var out []selfheal.Volume
	for _, v := range vols {
		s, err := p.lib.Spec("shd/"+v.Name, volgen.Requester{Local: true})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, selfheal.Volume{Name: v.Name, Volfile: s.Text})
	}
	return out
}

// The peer is the source of the volfiles.
func (p *peer) Volume(name string) (*volume.Volume, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.volumes[name]
	return v, ok
}
func (p *peer) Host(string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.astray {
		return "127.255.255.254"
	}
	return p.host
}

// lead makes volfiles name a host where nobody is, or the right one again.
func (p *peer) lead(astray bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.astray = astray
}

func (p *peer) Servers() []string              { return nil }
func (p *peer) PoolOptions() map[string]string { return nil }
func (p *peer) VolumeID(name string) (string, error) {
	return "", errors.New("not asked for here: " + name)
}

type volfiles struct{ lib *volgen.Library }

func (v volfiles) Spec(key string, who sunrpc.Requester) (sunrpc.Spec, error) {
	s, err := v.lib.Spec(key, volgen.Requester{Local: true, Addr: netip.Addr{}, Peer: who.Peer})
	return sunrpc.Spec{Text: s.Text, Servers: s.Servers, PidFile: s.PidFile, MinClientOpVersion: s.ClientOpVersion}, err
}

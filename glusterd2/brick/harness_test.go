package brick_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
	"gd2/glusterd2/portmap"
	"gd2/glusterd2/sunrpc"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"

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

// peer is what a brick needs of a daemon: a port map and volfiles, served on port 24007 of a loopback address that no
// other test has.
type peer struct {
	id     string
	host   string
	dir    string
	layout brick.Layout
	ports  *portmap.Map
	lib    *volgen.Library
	rpc    *sunrpc.Server
	bricks *brick.Host
	// mux is how bricks that are started share processes.
	mux brick.Multiplex
	// address is where bricks listen; empty means everywhere.
	address string

	mu      sync.Mutex
	volumes map[string]*volume.Volume
	stop    func()
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	dir := bricktest.FS(t)
	p := &peer{
		id: uuid.NewString(), dir: dir, volumes: map[string]*volume.Volume{},
		layout: brick.Layout{RunDir: filepath.Join(dir, "run"), LogDir: filepath.Join(dir, "log"), WorkDir: filepath.Join(dir, "lib")},
	}
	p.serve(t)
	p.bricks = p.newHost()
	return p
}

// newHost returns a Host as a daemon that just started has it.
func (p *peer) newHost() *brick.Host {
	return brick.NewHost(brick.Config{
		PeerID: p.id, Layout: p.layout, Address: p.address, SignIns: p.ports, Ports: brick.NewPorts(0, 0), Log: quiet(), BrickOp: gfrpc.BrickOp, Attachments: p.rpc,
		Multiplex: func() brick.Multiplex { return p.mux },
		Volfile: func(s brick.Spec) (string, error) {
			spec, err := p.lib.Spec(volgen.BrickKey(s.VolumeName, s.Host, s.Path), volgen.Requester{Local: true})
			return spec.Text, err
		},
	})
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
	p.lib = volgen.NewLibrary(volgen.LibraryConfig{Source: p, Table: table, Dir: filepath.Join(p.dir, "lib", "vols"), PeerID: p.id})
	p.rpc = sunrpc.New(sunrpc.Config{Volfiles: volfiles{p.lib}, Portmap: p.ports, Volumes: p, Log: quiet()})
	srv := p.rpc
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

// add makes a distribute volume of one brick for each name and returns what is needed to run the bricks.
func (p *peer) add(t *testing.T, vol string, names ...string) (*volume.Volume, []brick.Spec) {
	t.Helper()
	v := &volume.Volume{
		ID: uuid.NewString(), Name: vol, Transport: api.TransportTCP, State: volume.Started, Options: map[string]string{},
		Auth: volume.Auth{Username: uuid.NewString(), Password: uuid.NewString()},
	}
	var specs []brick.Spec
	for i, name := range names {
		path := filepath.Join(p.dir, name)
		v.Subvols = append(v.Subvols, volume.Subvol{Type: api.SubvolDistribute, Replica: 1,
			Bricks: []volume.Brick{{ID: uuid.NewString(), PeerID: p.id, Path: path, Client: i}}})
		specs = append(specs, brick.Spec{VolumeName: vol, Host: p.host, Path: path})
		if err := brick.Prepare(t.Context(), brick.System{}, p.prepareReq(v, path)); err != nil {
			t.Fatal(err)
		}
	}
	p.mu.Lock()
	p.volumes[vol] = v
	p.mu.Unlock()
	t.Cleanup(func() {
		if err := errors.Join(p.bricks.StopAll(context.Background(), specs), p.bricks.Close()); err != nil {
			t.Error(err)
		}
	})
	return v, specs
}

func (p *peer) prepareReq(v *volume.Volume, path string) brick.PrepareReq {
	return brick.PrepareReq{Where: p.where(v.Name, path), VolumeID: v.ID, Mark: "mark-" + v.ID}
}

func (p *peer) where(vol, path string) brick.Where {
	return brick.Where{VolumeName: vol, Host: p.host, PeerID: p.id, Path: path}
}

// The peer is the source of the volfiles.
func (p *peer) Volume(name string) (*volume.Volume, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.volumes[name]
	return v, ok
}
func (p *peer) Host(string) string             { return p.host }
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

package bricktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/portmap"
	"gd2/glusterd2/sunrpc"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
)

// Peer is what bricks and self-heal daemons need of a daemon: a port map and volfiles, served on port 24007 of a loopback address
// that no other test has. It is the source of the volfiles.
type Peer struct {
	ID string
	// Name is the address, which volfiles name the peer by.
	Name   string
	Dir    string
	Layout brick.Layout
	Ports  *portmap.Map
	Lib    *volgen.Library
	RPC    *sunrpc.Server
	// Stop ends what Serve began.
	Stop func()

	mu      sync.Mutex
	volumes map[string]*volume.Volume
	astray  bool
}

// NewPeer returns a peer that serves until the test ends.
func NewPeer(t *testing.T) *Peer {
	t.Helper()
	dir := FS(t)
	p := &Peer{
		ID: uuid.NewString(), Dir: dir, volumes: map[string]*volume.Volume{},
		Layout: brick.Layout{RunDir: filepath.Join(dir, "run"), LogDir: filepath.Join(dir, "log"), WorkDir: filepath.Join(dir, "lib")},
	}
	p.Serve(t)
	return p
}

// Serve answers on the peer's address until the test ends or Stop is called; then it can be called again, and the peer has
// forgotten its ports, as a daemon that starts.
func (p *Peer) Serve(t *testing.T) {
	t.Helper()
	l := p.listen(t)
	table, err := xlator.Load()
	if err != nil {
		t.Fatal(err)
	}
	p.Ports = portmap.New()
	p.Lib = volgen.NewLibrary(volgen.LibraryConfig{
		Source: p, Table: table, Dir: filepath.Join(p.Dir, "lib", "vols"), PeerID: p.ID, PidFile: p.Layout.SelfHealPidFile,
	})
	srv := sunrpc.New(sunrpc.Config{Volfiles: volfiles{p.Lib}, Portmap: p.Ports, Volumes: p, Log: Quiet()})
	p.RPC = srv
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
	p.Stop = sync.OnceFunc(func() { _ = l.Close(); cancel(); wg.Wait() })
	t.Cleanup(p.Stop)
}

func (p *Peer) listen(t *testing.T) net.Listener {
	t.Helper()
	for range 100 {
		name := p.Name
		if name == "" {
			name = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(256), 1+rand.IntN(250))
		}
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", name+":24007")
		if err == nil {
			p.Name = name
			return l
		}
	}
	t.Fatal("no loopback address is free on port 24007")
	return nil
}

// Where names a brick of the peer.
func (p *Peer) Where(vol, path string) brick.Where {
	return brick.Where{VolumeName: vol, Host: p.Name, PeerID: p.ID, Path: path}
}

// Add makes a started volume whose bricks are all on the peer, in directories below its own, and prepares these. It returns what
// is needed to run them.
func (p *Peer) Add(t *testing.T, name string, subvols ...volume.Subvol) (*volume.Volume, []brick.Spec) {
	t.Helper()
	v := &volume.Volume{
		ID: uuid.NewString(), Name: name, Transport: api.TransportTCP, State: volume.Started, Options: map[string]string{},
		Auth: volume.Auth{Username: uuid.NewString(), Password: uuid.NewString()}, Subvols: subvols,
	}
	var specs []brick.Spec
	for _, sub := range subvols {
		for i := range sub.Bricks {
			b := &sub.Bricks[i]
			b.ID, b.PeerID, b.Path, b.Client = uuid.NewString(), p.ID, filepath.Join(p.Dir, b.Path), len(specs)
			specs = append(specs, brick.Spec{VolumeName: name, Host: p.Name, Path: b.Path})
			req := brick.PrepareReq{Where: p.Where(name, b.Path), VolumeID: v.ID, Mark: Mark(v)}
			if err := brick.Prepare(t.Context(), brick.System{}, req); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.volumes[name] = v
	return v, specs
}

// Mark is the mark that Add prepares the bricks of a volume with.
func Mark(v *volume.Volume) string { return "mark-" + v.ID }

// StopAtEnd stops bricks when the test ends.
func StopAtEnd(t *testing.T, host *brick.Host, specs []brick.Spec) {
	t.Helper()
	t.Cleanup(func() {
		if err := errors.Join(host.StopAll(context.Background(), specs), host.Close()); err != nil {
			t.Error(err)
		}
	})
}

// Volume is of volgen.Source, as the methods below.
func (p *Peer) Volume(name string) (*volume.Volume, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.volumes[name]
	return v, ok
}

// Host returns where volfiles say that a peer is: this one, or nobody.
func (p *Peer) Host(string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.astray {
		return "127.255.255.254"
	}
	return p.Name
}

// Lead makes volfiles name a host where nobody is, or the right one again.
func (p *Peer) Lead(astray bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.astray = astray
}

// Servers are none.
func (p *Peer) Servers() []string { return nil }

// PoolOptions are none.
func (p *Peer) PoolOptions() map[string]string { return nil }

// VolumeID fails: no client asks for it here.
func (p *Peer) VolumeID(name string) (string, error) {
	return "", errors.New("not asked for here: " + name)
}

type volfiles struct{ lib *volgen.Library }

func (v volfiles) Spec(key string, who sunrpc.Requester) (sunrpc.Spec, error) {
	s, err := v.lib.Spec(key, volgen.Requester{Local: true, Peer: who.Peer})
	return sunrpc.Spec{Text: s.Text, Servers: s.Servers, PidFile: s.PidFile, MinClientOpVersion: s.ClientOpVersion}, err
}

// Quiet returns a log that nobody reads.
func Quiet() *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}

package sunrpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/glusterd2/portmap"
	"gd2/glusterd2/sunrpc"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// volfiles are texts by key; a local requester is served "trusted " before the text. It counts what it is asked.
type volfiles struct {
	mu    sync.Mutex
	specs map[string]sunrpc.Spec
	fail  map[string]error
	asked map[string]int
}

func (v *volfiles) Spec(key string, who sunrpc.Requester) (sunrpc.Spec, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[key]++
	if err := v.fail[key]; err != nil {
		return sunrpc.Spec{}, err
	}
	spec, ok := v.specs[key]
	switch {
	case key == "panic":
		panic("volfile of the test")
	case !ok:
		return spec, api.Errorf(api.NotFound, "no volfile %q", key)
	case who.Local:
		spec.Text = "trusted " + spec.Text
	}
	return spec, nil
}

func (v *volfiles) set(key string, spec sunrpc.Spec) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.specs[key] = spec
}

// count returns how often the key was asked for since the last time.
func (v *volfiles) count(key string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.asked[key]
	delete(v.asked, key)
	return n
}

type volumes map[string]string

func (v volumes) VolumeID(name string) (string, error) {
	if id, ok := v[name]; ok {
		return id, nil
	}
	return "", api.Errorf(api.NotFound, "volume %s does not exist", name)
}

// lab is a Server behind a Mux on a loopback port, closed when the test ends.
type lab struct {
	*sunrpc.Server
	specs  *volfiles
	ports  *portmap.Map
	events chan gfrpc.Dict
	addr   string
	mux    *sunrpc.Mux
}

func quiet() *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}

func owner(uid uint32) sunrpc.SocketOwner {
	return func(netip.AddrPort, netip.AddrPort) (uint32, bool) { return uid, true }
}

func newLab(t *testing.T, change func(*sunrpc.Config)) *lab {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newLabOn(t, l, change, sunrpc.MuxConfig{})
}

func newLabOn(t *testing.T, l net.Listener, change func(*sunrpc.Config), mc sunrpc.MuxConfig) *lab {
	t.Helper()
	b := &lab{
		specs: &volfiles{specs: map[string]sunrpc.Spec{}, fail: map[string]error{}, asked: map[string]int{}},
		ports: portmap.New(), events: make(chan gfrpc.Dict, 10), addr: l.Addr().String(),
	}
	cfg := sunrpc.Config{
		Volfiles: b.specs, Portmap: b.ports, Volumes: volumes{"rep3": "2d16acb2-bf15-4d69-b6f9-889df550f6ed"},
		Events:      func(_ context.Context, _ int32, d gfrpc.Dict) { b.events <- d },
		SocketOwner: owner(0), Log: quiet(),
	}
	if change != nil {
		change(&cfg)
	}
	b.Server = sunrpc.New(cfg)
	mc.RPC, mc.Log = b.ServeConn, quiet()
	b.mux = sunrpc.NewMux(l, mc)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.mux.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := b.Connections(); n != 0 {
			t.Errorf("%d connections left", n)
		}
	})
	return b
}

// dial connects a client that is closed when the test ends.
func (b *lab) dial(t *testing.T) *gfrpc.Client {
	t.Helper()
	c, err := gfrpc.Dial(t.Context(), "tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw connects a bare socket that is closed when the test ends.
func (b *lab) raw(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return nc
}

// exchange sends bytes and returns the record that comes back, mark included.
func exchange(t *testing.T, nc net.Conn, send []byte) []byte {
	t.Helper()
	if _, err := nc.Write(send); err != nil {
		t.Fatal(err)
	}
	return receive(t, nc)
}

func receive(t *testing.T, nc net.Conn) []byte {
	t.Helper()
	mark := make([]byte, 4)
	if _, err := io.ReadFull(nc, mark); err != nil {
		t.Fatal(err)
	}
	rec := make([]byte, int(mark[1])<<16|int(mark[2])<<8|int(mark[3]))
	if _, err := io.ReadFull(nc, rec); err != nil {
		t.Fatal(err)
	}
	return append(mark, rec...)
}

// ended waits until the other side closes.
func ended(t *testing.T, nc net.Conn) {
	t.Helper()
	if n, err := nc.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatal("more came where the connection should have closed")
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("connection stayed open")
	}
}

func call(t *testing.T, c *gfrpc.Client, p gfrpc.Program, proc uint32, args *gfrpc.Writer) *gfrpc.Reader {
	t.Helper()
	res, err := c.Call(t.Context(), p, proc, args.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return gfrpc.NewReader(res)
}

func portOf(t *testing.T, c *gfrpc.Client, brick string) (ret, port int32) {
	t.Helper()
	r := call(t, c, gfrpc.ProgramPortmap, gfrpc.ProcPortByBrick, new(gfrpc.Writer).String(brick))
	ret = r.Int32()
	r.Int32()
	r.Int32()
	port = r.Int32()
	if r.Err() != nil || len(r.Rest()) != 0 {
		t.Fatalf("answer to PORTBYBRICK: %v, %d bytes too many", r.Err(), len(r.Rest()))
	}
	return ret, port
}

func signIn(t *testing.T, c *gfrpc.Client, brick string, port, pid int32) (ret, errno int32) {
	t.Helper()
	r := call(t, c, gfrpc.ProgramPortmap, gfrpc.ProcSignIn, new(gfrpc.Writer).String(brick).Int32(port).Int32(pid))
	return r.Int32(), r.Int32()
}

func getSpec(t *testing.T, c *gfrpc.Client, key string) string {
	t.Helper()
	got, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return got.Text
}

package sunrpc_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"gd2/glusterd2/sunrpc"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/pkg/gfrpc/gfrpctest"
)

// Half a call must not hold a connection for ever; silence between calls may.
func TestHalfACallTimesOut(t *testing.T) {
	b := newLab(t, func(c *sunrpc.Config) { c.Limits.RecordTimeout = 10 * time.Millisecond })
	ping := gfrpctest.Call(t, "DUMP.PING")
	idle, half := b.raw(t), b.raw(t)
	exchange(t, idle, ping)
	exchange(t, half, ping)
	if _, err := half.Write(ping[:20]); err != nil {
		t.Fatal(err)
	}
	ended(t, half)
	exchange(t, idle, ping)
}

func TestHostileRecords(t *testing.T) {
	b := newLab(t, nil)
	for name, send := range map[string]string{
		"absurd length": "\x80\xff\xff\xff",
		"one byte":      "\x80\x00\x00\x01x",
		"no type":       "\x80\x00\x00\x04\x00\x00\x00\x01",
		"odd type":      "\x80\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x07",
		"no header":     "\x80\x00\x00\x0c\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02",
		"empty":         "\x80\x00\x00\x00",
	} {
		nc := b.raw(t)
		if _, err := nc.Write([]byte(send)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ended(t, nc)
	}
	exchange(t, b.raw(t), gfrpctest.Call(t, "DUMP.PING"))
}

// Fragments are put together; a reply is passed over; a denied call does not end the connection.
func TestOddButLegal(t *testing.T) {
	b := newLab(t, nil)
	nc := b.raw(t)
	ping := gfrpctest.Call(t, "DUMP.PING")
	split := append([]byte("\x00\x00\x00\x04"), ping[4:8]...)
	split = append(append(split, 0x80, 0, 0, byte(len(ping)-8)), ping[8:]...)
	reply := gfrpctest.Reply(t, "DUMP.PING")
	if got := exchange(t, nc, append(reply, split...)); string(got) != string(reply) {
		t.Errorf("answer %x", got)
	}
	wrong := append([]byte{}, ping...)
	wrong[15] = 3 // RPC version
	if got := exchange(t, nc, wrong); got[15] != 1 || len(got) != 28 {
		t.Errorf("answer to version 3: %x, want a denial", got)
	}
	exchange(t, nc, ping)
}

func TestPanicCostsOneConnection(t *testing.T) {
	b := newLab(t, nil)
	victim, bystander := b.dial(t), b.dial(t)
	signIn(t, victim, "/b", 49152, 1)
	if _, err := victim.GetSpec(t.Context(), gfrpc.SpecRequest{Key: "panic"}); !api.IsKind(err, api.Unavailable) {
		t.Errorf("error %v, want a lost connection", err)
	}
	if ret, _ := portOf(t, bystander, "/b"); ret != -1 {
		t.Error("the brick of the lost connection is still there")
	}
}

// elsewhere makes a connection look as if it came from another host.
type elsewhere struct {
	net.Conn
	addr net.TCPAddr
}

func (e elsewhere) RemoteAddr() net.Addr { return &e.addr }

func TestConnectionsPerAddress(t *testing.T) {
	b := newLab(t, func(c *sunrpc.Config) { c.Limits.ConnsPerAddr, c.Limits.Conns = 2, 3 })
	ping := gfrpctest.Call(t, "DUMP.PING")
	var serving sync.WaitGroup
	connect := func(host string) net.Conn {
		near, far := net.Pipe()
		serving.Go(func() {
			b.ServeConn(context.Background(), elsewhere{far, net.TCPAddr{IP: net.ParseIP(host), Port: 1000}}, sunrpc.Origin{})
		})
		if err := near.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return near
	}
	one, two := connect("192.0.2.1"), connect("192.0.2.1")
	exchange(t, one, ping)
	exchange(t, two, ping)
	ended(t, connect("192.0.2.1"))
	other := connect("192.0.2.2")
	exchange(t, other, ping)
	ended(t, connect("192.0.2.3")) // three in all
	for _, nc := range []net.Conn{one, two, other} {
		if err := nc.Close(); err != nil {
			t.Error(err)
		}
	}
	serving.Wait()
	again := connect("192.0.2.1")
	exchange(t, again, ping)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	serving.Wait()
}

// A client that does not read what it is told loses its connection, and holds up nobody.
func TestDeafClient(t *testing.T) {
	b := newLab(t, func(c *sunrpc.Config) { c.Limits.WriteTimeout = 10 * time.Millisecond })
	b.specs.set("gv0", sunrpc.Spec{Text: "one"})
	near, far := net.Pipe() // has no buffer: what is not read is not sent
	served := make(chan bool)
	go func() {
		b.ServeConn(context.Background(), far, sunrpc.Origin{})
		close(served)
	}()
	if err := near.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	args := new(gfrpc.Writer).Uint32(0).String("gv0").Opaque(nil).Bytes()
	p := gfrpc.ProgramHandshake
	if err := gfrpc.WriteRecord(near, gfrpc.Call{XID: 1, Program: p.Number, Version: p.Version, Procedure: 2, Args: args}.Marshal()); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, near); got[31] != 3 { // length of the text
		t.Fatalf("answer %x", got)
	}
	b.specs.set("gv0", sunrpc.Spec{Text: "two"})
	b.NotifyChanged()
	<-served
}

func TestContextEndsConnections(t *testing.T) {
	b := newLab(t, nil)
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan bool)
	go func() {
		b.ServeConn(ctx, far, sunrpc.Origin{})
		close(served)
	}()
	cancel()
	<-served
	if err := near.Close(); err != nil {
		t.Error(err)
	}
}

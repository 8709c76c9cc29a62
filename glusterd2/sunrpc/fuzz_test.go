package sunrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/portmap"
	"gd2/glusterd2/sunrpc"
	"gd2/pkg/gfrpc"
	"gd2/pkg/gfrpc/gfrpctest"
)

// tape is a connection on which everything that will be said is known before.
type tape struct {
	net.Conn // stays nil: the server calls none of the methods that are not below
	in       *bytes.Reader
	out      bytes.Buffer
}

func (c *tape) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *tape) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *tape) Close() error                     { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }
func (c *tape) LocalAddr() net.Addr              { return &net.UnixAddr{Net: "unix"} }
func (c *tape) RemoteAddr() net.Addr             { return &net.UnixAddr{Net: "unix"} }

// Whatever a process says, the server answers in whole replies, and nothing of the process stays when it has gone.
func FuzzServeConn(f *testing.F) {
	var all []byte
	for _, rec := range gfrpctest.All(f) {
		f.Add(rec, true)
		all = append(all, rec...)
	}
	f.Add(all, true)
	f.Add(all, false)
	f.Fuzz(func(t *testing.T, in []byte, local bool) {
		specs := &volfiles{specs: map[string]sunrpc.Spec{"gv0": {Text: "v"}}, fail: map[string]error{}, asked: map[string]int{}}
		ports := portmap.New()
		log := quiet()
		caught := &panics{}
		log.Logger.AddHook(caught)
		s := sunrpc.New(sunrpc.Config{Volfiles: specs, Portmap: ports, Volumes: volumes{"rep3": "id"}, Log: log})
		c := &tape{in: bytes.NewReader(in)}
		s.ServeConn(context.Background(), c, sunrpc.Origin{Unix: true, Local: local})
		if caught.entry != "" {
			t.Fatal(caught.entry)
		}
		for c.out.Len() > 0 {
			msg, err := gfrpc.ReadRecord(&c.out, 0)
			if err != nil || !gfrpc.IsReply(msg) {
				t.Fatalf("answer %x: %v", msg, err)
			}
		}
		if _, ok := ports.Port("snapd-rep3"); ok || s.Connections() != 0 {
			t.Fatal("the process left something behind")
		}
	})
}

// panics remembers what the server logged about a handler that panicked. The volfiles of the test panic on purpose for
// one key, which counts for nothing.
type panics struct{ entry string }

// Levels asks for errors.
func (p *panics) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel} }

// Fire takes one.
func (p *panics) Fire(e *logrus.Entry) error {
	if e.Data["panic"] != "volfile of the test" {
		p.entry = fmt.Sprint(e.Message, e.Data)
	}
	return nil
}

package gfrpc_test

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// fakeBrick serves one handler on a unix socket: the handler gets each call and returns the messages to send back.
func fakeBrick(t *testing.T, handle func(gfrpc.Call) [][]byte) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "brick.socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { answer(nc, handle) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	return socket
}

func answer(nc net.Conn, handle func(gfrpc.Call) [][]byte) {
	defer func() { _ = nc.Close() }()
	for {
		msg, err := gfrpc.ReadRecord(nc, 0)
		if err != nil {
			return
		}
		call, err := gfrpc.ParseCall(msg)
		if err != nil {
			return
		}
		out := handle(call)
		if out == nil {
			return
		}
		for _, m := range out {
			if gfrpc.WriteRecord(nc, m) != nil {
				return
			}
		}
	}
}

func accepted(call gfrpc.Call, w *gfrpc.Writer) [][]byte {
	return [][]byte{gfrpc.Reply{XID: call.XID, Result: w.Bytes()}.Marshal()}
}

func TestBrickOp(t *testing.T) {
	socket := fakeBrick(t, func(call gfrpc.Call) [][]byte {
		r := gfrpc.NewReader(call.Args)
		name, op, input := r.String(100), r.Uint32(), r.Opaque(100)
		dict, err := gfrpc.ParseDict(r.Opaque(100))
		if call.Program != 4867634 || call.Version != 2 || call.Procedure != 14 || op != 14 || name != "shd/gv0" ||
			string(input) != "volume x" || err != nil || dict.String("pidfile") != "/run/x.pid" || len(r.Rest()) != 0 {
			t.Errorf("call %+v: %q %d %q %v %v", call, name, op, input, dict, err)
		}
		out := gfrpc.Strings(map[string]string{"status": "3"}).Marshal()
		return accepted(call, new(gfrpc.Writer).Int32(0).Int32(0).Opaque(out).String(""))
	})
	got, err := gfrpc.BrickOp(t.Context(), socket, gfrpc.BrickServiceAttach, "shd/gv0", []byte("volume x"),
		gfrpc.Strings(map[string]string{"pidfile": "/run/x.pid"}))
	if err != nil || got.String("status") != "3" {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestBrickOpRefused(t *testing.T) {
	for _, c := range []struct {
		errno      int32
		name, text string
		want       string // after "brick operation 1"
	}{
		{22, "/b", "no\n", ` on "/b" failed in the process behind SOCKET: invalid argument: no`},
		{0, "", "", " failed in the process behind SOCKET"},
	} {
		socket := fakeBrick(t, func(call gfrpc.Call) [][]byte {
			return accepted(call, new(gfrpc.Writer).Int32(-1).Int32(c.errno).Opaque(nil).String(c.text))
		})
		_, err := gfrpc.BrickOp(t.Context(), socket, gfrpc.BrickTerminate, c.name, nil, nil)
		want := "brick operation 1" + strings.ReplaceAll(c.want, "SOCKET", socket)
		if err == nil || err.Error() != want || api.AsError(err).Fields[gfrpc.FieldErrno] != strconv.Itoa(int(c.errno)) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestBrickOpFails(t *testing.T) {
	for name, test := range map[string]struct {
		handle func(gfrpc.Call) [][]byte
		kind   api.Kind
	}{
		"refused": {func(c gfrpc.Call) [][]byte {
			return accepted(c, new(gfrpc.Writer).Int32(-1).Int32(22).Opaque(nil).String("no"))
		}, api.Internal},
		"cut": {func(c gfrpc.Call) [][]byte { return accepted(c, new(gfrpc.Writer).Int32(0)) }, api.Internal},
		"bad dict": {func(c gfrpc.Call) [][]byte {
			return accepted(c, new(gfrpc.Writer).Int32(0).Int32(0).Opaque([]byte{1}).String(""))
		}, api.Invalid},
		"hangs up":      {func(gfrpc.Call) [][]byte { return nil }, api.Unavailable},
		"not a message": {func(gfrpc.Call) [][]byte { return [][]byte{{1}} }, api.Unavailable},
		"no program": {func(c gfrpc.Call) [][]byte {
			return [][]byte{gfrpc.Reply{XID: c.XID, Stat: gfrpc.ProgramUnavailable}.Marshal()}
		}, api.NotSupported},
		"other version": {func(c gfrpc.Call) [][]byte {
			return [][]byte{gfrpc.Reply{XID: c.XID, Stat: gfrpc.ProgramMismatch, Low: 1, High: 1}.Marshal()}
		}, api.NotSupported},
		"garbage": {func(c gfrpc.Call) [][]byte {
			return [][]byte{gfrpc.Reply{XID: c.XID, Stat: gfrpc.GarbageArguments}.Marshal()}
		}, api.Invalid},
		"denied": {func(c gfrpc.Call) [][]byte { return [][]byte{(&gfrpc.Denial{XID: c.XID}).Marshal()} }, api.Denied},
	} {
		socket := fakeBrick(t, test.handle)
		if _, err := gfrpc.BrickOp(t.Context(), socket, gfrpc.BrickTerminate, "/b", nil, nil); !api.IsKind(err, test.kind) {
			t.Errorf("%s: error %v, want kind %s", name, err, test.kind)
		}
	}
	if _, err := gfrpc.BrickOp(t.Context(), filepath.Join(t.TempDir(), "none"), 1, "", nil, nil); !api.IsKind(err, api.Unavailable) {
		t.Errorf("no socket: error %v, want Unavailable", err)
	}
}

// A scrubber is known never to answer.
func TestBrickOpTimesOut(t *testing.T) {
	socket := fakeBrick(t, func(gfrpc.Call) [][]byte { return [][]byte{} })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := gfrpc.BrickOp(ctx, socket, gfrpc.BrickNodeBitrot, "gv0", nil, nil); !api.IsKind(err, api.Timeout) {
		t.Errorf("error %v, want Timeout", err)
	}
}

// Answers may come in any order, between callbacks, and for calls that nobody waits for any more.
func TestClientSortsAnswers(t *testing.T) {
	var held []gfrpc.Call
	socket := fakeBrick(t, func(call gfrpc.Call) [][]byte {
		held = append(held, call)
		if len(held) < 2 {
			return [][]byte{}
		}
		p := gfrpc.ProgramCallback
		out := [][]byte{
			gfrpc.Call{XID: 20, Program: p.Number, Version: p.Version, Procedure: gfrpc.ProcFetchSpec}.Marshal(),
			gfrpc.Reply{XID: 999}.Marshal(),
		}
		for i := len(held) - 1; i >= 0; i-- {
			out = append(out, gfrpc.Reply{XID: held[i].XID, Result: held[i].Args}.Marshal())
		}
		return out
	})
	c, err := gfrpc.Dial(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for _, text := range []string{"aaaa", "bbbb"} {
		calls.Go(func() {
			got, err := c.Call(t.Context(), gfrpc.ProgramDump, gfrpc.ProcPing, []byte(text))
			if err != nil || string(got) != text {
				t.Errorf("call %s: %q, %v", text, got, err)
			}
		})
	}
	calls.Wait()
	if cb := <-c.Callbacks(); cb.Program != 52743234 || cb.Procedure != 1 {
		t.Errorf("callback %+v", cb)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Call(t.Context(), gfrpc.ProgramDump, gfrpc.ProcPing, nil); !api.IsKind(err, api.Unavailable) {
		t.Errorf("call after Close: %v, want Unavailable", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestGetSpecCall(t *testing.T) {
	socket := fakeBrick(t, func(call gfrpc.Call) [][]byte {
		r := gfrpc.NewReader(call.Args)
		r.Uint32()
		switch key := r.String(100); key {
		case "none", "old", "denied", "odd":
			errno := map[string]int32{"none": 2, "old": 95, "denied": 13, "odd": 5}[key]
			return accepted(call, new(gfrpc.Writer).Int32(-1).Int32(errno).String("").Opaque(nil))
		}
		return accepted(call, new(gfrpc.Writer).Int32(4).Int32(0).String("text").Opaque(r.Opaque(1000)))
	})
	c, err := gfrpc.Dial(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	got, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: "gv0", BrickName: "/b"})
	if err != nil || got.Text != "text" || got.Data.String("min-op-version") != "1" ||
		got.Data.String("max-op-version") != "100000" || got.Data.String("brick_name") != "/b" {
		t.Errorf("%+v, %v", got, err)
	}
	for key, kind := range map[string]api.Kind{"none": api.NotFound, "old": api.NotSupported, "denied": api.Denied, "odd": api.Internal} {
		if _, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: key}); !api.IsKind(err, kind) {
			t.Errorf("key %s: error %v, want kind %s", key, err, kind)
		}
	}
}

package sunrpc_test

import (
	"net/netip"
	"strings"
	"testing"

	"gd2/glusterd2/sunrpc"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestGetSpecRefusals(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("gv0", sunrpc.Spec{Text: "v", MinClientOpVersion: 70000})
	b.specs.fail["secret"] = api.Errorf(api.Denied, "not for you")
	b.specs.fail["broken"] = api.Errorf(api.Internal, "oops")
	c := b.dial(t)
	for name, test := range map[string]struct {
		req  gfrpc.SpecRequest
		kind api.Kind
	}{
		"unknown":   {gfrpc.SpecRequest{Key: "gv1"}, api.NotFound},
		"too old":   {gfrpc.SpecRequest{Key: "gv0", MaxOpVersion: 60000}, api.NotSupported},
		"too new":   {gfrpc.SpecRequest{Key: "gv0", MinOpVersion: 80000}, api.NotSupported},
		"forbidden": {gfrpc.SpecRequest{Key: "secret"}, api.Denied},
		"broken":    {gfrpc.SpecRequest{Key: "broken"}, api.Internal},
	} {
		if _, err := c.GetSpec(t.Context(), test.req); !api.IsKind(err, test.kind) {
			t.Errorf("%s: error %v, want kind %s", name, err, test.kind)
		}
	}
	if got := getSpec(t, c, "gv0"); got != "trusted v" {
		t.Errorf("after the refusals: %q", got)
	}
	// A process that does not say what it understands understands version 1 only.
	r := call(t, c, gfrpc.ProgramHandshake, gfrpc.ProcGetSpec, new(gfrpc.Writer).Uint32(0).String("gv0").Opaque(nil))
	if ret, errno := r.Int32(), r.Int32(); ret != -1 || errno != 95 {
		t.Errorf("no op-versions: status %d %d, want -1 95", ret, errno)
	}
	// Bad data beside a good key.
	r = call(t, c, gfrpc.ProgramHandshake, gfrpc.ProcGetSpec, new(gfrpc.Writer).Uint32(0).String("gv0").Opaque([]byte{1}))
	if ret, errno := r.Int32(), r.Int32(); ret != -1 || errno != 22 {
		t.Errorf("bad data: status %d %d, want -1 22", ret, errno)
	}
}

// A daemon that cannot know yet hangs up, so that a mount goes on to the next one.
func TestGetSpecUnavailableHangsUp(t *testing.T) {
	b := newLab(t, nil)
	b.specs.fail["gv0"] = api.Errorf(api.Unavailable, "no quorum")
	c := b.dial(t)
	if _, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: "gv0"}); !api.IsKind(err, api.Unavailable) {
		t.Errorf("error %v, want a lost connection", err)
	}
}

func TestGetSpecData(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("shd/gv0", sunrpc.Spec{Text: "v", Servers: []string{"h2:24007", "h3:24007"}, PidFile: "/run/shd.pid"})
	c := b.dial(t)
	got, err := c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: "shd/gv0", Flags: gfrpc.GetSpecFlagServers})
	if err != nil || got.Data.String("cluster.brick-vol-servers") != "h2:24007 h3:24007 " || got.Data.String("pidfile") != "/run/shd.pid" {
		t.Errorf("%v, %v", got.Data, err)
	}
	got, err = c.GetSpec(t.Context(), gfrpc.SpecRequest{Key: "shd/gv0"})
	if _, ok := got.Data["cluster.brick-vol-servers"]; ok || err != nil {
		t.Errorf("servers told to one who did not ask: %v, %v", got.Data, err)
	}
}

// Who asks decides what is served.
func TestRequester(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*sunrpc.Config)
		want   string
	}{
		"root here":    {nil, "trusted v"},
		"user here":    {func(c *sunrpc.Config) { c.SocketOwner = owner(1000) }, "v"},
		"nobody knows": {func(c *sunrpc.Config) { c.SocketOwner = noOwner }, "v"},
		"real lookup":  {func(c *sunrpc.Config) { c.SocketOwner = nil }, "trusted v"},
	} {
		b := newLab(t, test.change)
		b.specs.set("gv0", sunrpc.Spec{Text: "v"})
		if got := getSpec(t, b.dial(t), "gv0"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func noOwner(netip.AddrPort, netip.AddrPort) (uint32, bool) { return 0, false }

func TestVolumeInfo(t *testing.T) {
	b := newLab(t, nil)
	c := b.dial(t)
	ask := func(name string, proc uint32) (int32, int32, string, gfrpc.Dict) {
		args := gfrpc.Strings(map[string]string{"volname": name, "flags": "1"}).Marshal()
		r := call(t, c, gfrpc.ProgramHandshake, proc, new(gfrpc.Writer).Opaque(args))
		ret, errno, text := r.Int32(), r.Int32(), r.String(1000)
		d, err := gfrpc.ParseDict(r.Opaque(1000))
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		return ret, errno, text, d
	}
	if ret, _, _, d := ask("rep3", gfrpc.ProcGetVolumeInfo); ret != 0 || !strings.HasPrefix(d.String("volume_id"), "2d16acb2-") {
		t.Errorf("status %d, %v", ret, d)
	}
	for _, proc := range []uint32{gfrpc.ProcGetVolumeInfo, gfrpc.ProcGetSnapshotInfo} {
		if ret, errno, text, _ := ask("none", proc); ret != -1 || errno != 2 || text != "volume none does not exist" {
			t.Errorf("procedure %d: %d %d %q", proc, ret, errno, text)
		}
	}
}

func TestReportOfStrangerIsRefused(t *testing.T) {
	b := newLab(t, func(c *sunrpc.Config) { c.SocketOwner = owner(1000) })
	r := call(t, b.dial(t), gfrpc.ProgramHandshake, gfrpc.ProcEventNotify, new(gfrpc.Writer).Int32(0).Opaque(nil))
	if ret, errno := r.Int32(), r.Int32(); ret != -1 || errno != 13 || len(b.events) != 0 {
		t.Errorf("status %d %d, %d events; want -1 13 and none", ret, errno, len(b.events))
	}
}

func TestUnservedCalls(t *testing.T) {
	b := newLab(t, nil)
	c := b.dial(t)
	for name, test := range map[string]struct {
		p    gfrpc.Program
		proc uint32
		want string
	}{
		"program":   {gfrpc.ProgramBrick, 1, "program not served"},
		"version":   {gfrpc.Program{Name: "x", Number: gfrpc.ProgramHandshake.Number, Version: 1}, 2, "program version not served"},
		"procedure": {gfrpc.ProgramPortmap, 3, "procedure not served"},
		"arguments": {gfrpc.ProgramPortmap, gfrpc.ProcSignIn, "arguments not understood"},
		"get spec":  {gfrpc.ProgramHandshake, gfrpc.ProcGetSpec, "arguments not understood"},
		"info":      {gfrpc.ProgramHandshake, gfrpc.ProcGetVolumeInfo, "arguments not understood"},
		"notify":    {gfrpc.ProgramHandshake, gfrpc.ProcEventNotify, "arguments not understood"},
		"sign out":  {gfrpc.ProgramPortmap, gfrpc.ProcSignOut, "arguments not understood"},
		"dump":      {gfrpc.ProgramDump, gfrpc.ProcDump, "arguments not understood"},
		"port":      {gfrpc.ProgramPortmap, gfrpc.ProcPortByBrick, "arguments not understood"},
	} {
		if _, err := c.Call(t.Context(), test.p, test.proc, nil); err == nil || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	if b.ports.NewConn(); b.Connections() != 1 {
		t.Errorf("%d connections, want the one that asked", b.Connections())
	}
}

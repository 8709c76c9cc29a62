package clirpc

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/store"
)

func replica() api.VolumeInfo {
	brick := func(peer, typ string) api.BrickInfo {
		return api.BrickInfo{Hostname: peer, PeerID: peer + "-id", Path: "/b", Type: typ}
	}
	return api.VolumeInfo{
		ID: "vid", Name: "v1", Type: api.Replicate, State: api.VolumeStarted, ReplicaCount: 3, ArbiterCount: 1, Options: map[string]string{"nfs.disable": "on"},
		Subvols: []api.SubvolInfo{{Bricks: []api.BrickInfo{brick("a", api.BrickTypeBrick), brick("b", api.BrickTypeBrick), brick("c", api.BrickTypeArbiter)}}},
	}
}

func TestCreate(t *testing.T) {
	d := &daemon{}
	got := call(t, newServer(d), gfrpc.ProcCLICreateVolume, map[string]string{
		"volname": "v1", "type": "2", "replica-count": "3", "arbiter-count": "1", "transport": "tcp", "force": "1", "count": "3",
		"bricks": " a:/b [fd00::2]:/b fd00::3:/b ",
	})
	if got.ret != 0 || got.dict.String("volume-id") != "an-id" || got.dict.String("volname") != "v1" {
		t.Errorf("%+v", got)
	}
	want := []any{api.VolumeCreateReq{Name: "v1", Transport: "tcp", Force: true, Subvols: []api.SubvolReq{{
		Type: api.SubvolReplicate, ReplicaCount: 3, ArbiterCount: 1, Bricks: []api.BrickReq{
			{PeerID: "a", Path: "/b"}, {PeerID: "fd00::2", Path: "/b"}, {PeerID: "fd00::3", Path: "/b", Type: api.BrickTypeArbiter},
		},
	}}}}
	if diff := cmp.Diff(want, d.asked); diff != "" {
		t.Error(diff)
	}
}

// What cannot be asked for is refused before anything is asked below.
func TestCreateRefused(t *testing.T) {
	for _, in := range []map[string]string{
		{"volname": "v", "bricks": " "},
		{"volname": "v", "bricks": "a:b"},
		{"volname": "v", "bricks": ":/b"},
		{"volname": "v", "bricks": "a:/1 a:/2 a:/3", "replica-count": "2"},
		{"volname": "v", "bricks": "a:/1", "replica-count": "-2"},
		{"volname": "v", "bricks": "a:/1", "disperse-count": "99999999999"},
		{"volname": "v", "bricks": "a:/1", "ta-brick": "c:/ta"},
	} {
		d := &daemon{}
		if got := call(t, newServer(d), gfrpc.ProcCLICreateVolume, in); got.ret != -1 || got.text == "" || len(d.asked) != 0 {
			t.Errorf("%v: %+v, asked %v", in, got, d.asked)
		}
	}
}

// Refusals that scripts look for have the words of glusterd.
func TestWords(t *testing.T) {
	state := api.Errorf(api.State, "whatever").With(volumeField, "v1")
	lost := api.Errorf(api.Unavailable, "2 of 3").With(peer.FieldNeeded, "3")
	for _, c := range []struct {
		procedure uint32
		fail      error
		want      said
	}{
		{gfrpc.ProcCLIStartVolume, state, said{ret: -1, errno: errInternal, text: "Volume v1 already started"}},
		{gfrpc.ProcCLIStopVolume, state, said{ret: -1, errno: errInternal, text: "Volume v1 is not in the started state"}},
		{gfrpc.ProcCLIDeleteVolume, state, said{ret: -1, errno: errInternal, text: "Volume v1 has been started.Volume needs to be stopped before deletion."}},
		{gfrpc.ProcCLICreateVolume, api.Errorf(api.Exists, "x").With(volumeField, "v1"), said{ret: -1, errno: 0, text: "Volume v1 already exists"}},
		{gfrpc.ProcCLIStartVolume, api.Errorf(api.NotFound, "x").With(volumeField, "v1"), said{ret: -1, errno: errNoVolume, text: "Volume v1 does not exist"}},
		{gfrpc.ProcCLIStartVolume, api.Errorf(api.Unavailable, "nobody"), said{ret: -1, errno: errPeerDown, text: "nobody"}},
		{gfrpc.ProcCLIStartVolume, lost, said{ret: -1, errno: errInternal, text: "Quorum not met. Volume operation not allowed. (2 of 3)"}},
		{gfrpc.ProcCLIProbe, lost, said{ret: -1, errno: errInternal, text: "Cluster quorum is not met. Changing peers is not allowed in this state (2 of 3)"}},
		{gfrpc.ProcCLISetVolume, api.Errorf(api.Invalid, "no x; did you mean y?").With(optionField, "x"), said{ret: -1, errno: errInternal, text: "option : x does not exist\nno x; did you mean y?"}},
	} {
		d := &daemon{volumes: []api.VolumeInfo{replica()}, fail: c.fail}
		in := map[string]string{"volname": "v1", "bricks": "a:/b", "key1": "x", "value1": "1", "count": "2"}
		got := call(t, newServer(d), c.procedure, in)
		c.want.dict = gfrpc.Strings(in)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(said{})); diff != "" {
			t.Errorf("procedure %d: %s", c.procedure, diff)
		}
	}
}

// A change that another transaction is in the way of is made when that has ended.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		fail  error
		waits int
		ret   int32
	}{
		{api.Errorf(api.Conflict, "locked").With(api.FieldTransaction, "T"), 1, 0},
		{api.Errorf(api.Conflict, "changed").With(store.FieldKey, "/volumes/v1"), 0, 0},
		{api.Errorf(api.Conflict, "being detached"), 0, -1},
	} {
		d := &daemon{volumes: []api.VolumeInfo{replica()}, fail: c.fail}
		got := call(t, newServer(d), gfrpc.ProcCLIStartVolume, map[string]string{"volname": "v1", "flags": "1"})
		if got.ret != c.ret || d.waits != c.waits {
			t.Errorf("%v: %+v after %d waits", c.fail, got, d.waits)
		}
		if c.ret != 0 && !strings.HasPrefix(got.text, "Another transaction is in progress") {
			t.Errorf("%+v", got)
		}
	}
}

func TestInfo(t *testing.T) {
	d := &daemon{volumes: []api.VolumeInfo{{Name: "v2", State: api.VolumeCreated}, replica()}}
	s := newServer(d)
	first := call(t, s, gfrpc.ProcCLIGetVolume, map[string]string{"flags": "3"}).dict
	for key, want := range map[string]string{
		"count": "1", "volume0.name": "v1", "volume0.type": "2", "volume0.status": "1", "volume0.brick_count": "3", "volume0.dist_count": "3",
		"volume0.replica_count": "3", "volume0.arbiter_count": "1", "volume0.brick3": "c:/b", "volume0.brick3.uuid": "c-id", "volume0.brick3.isArbiter": "1",
		"volume0.option.nfs.disable": "on", "volume0.opt_count": "1",
	} {
		if got := first.String(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if next := call(t, s, gfrpc.ProcCLIGetVolume, map[string]string{"flags": "3", "volname": "v1"}).dict; next.String("volume0.name") != "v2" {
		t.Errorf("%v", next)
	}
	if end := call(t, s, gfrpc.ProcCLIGetVolume, map[string]string{"flags": "3", "volname": "v2"}); end.ret != 0 || end.dict.String("count") != "0" {
		t.Errorf("%v", end)
	}
	if none := call(t, s, gfrpc.ProcCLIGetVolume, map[string]string{"flags": "2", "volname": "x"}); none.ret != -1 || none.errno != errNoVolume {
		t.Errorf("%v", none)
	}
}

func TestPeers(t *testing.T) {
	peers := []api.Peer{
		{ID: "me", Name: "a", ClientAddresses: []string{"a:24007"}, Online: true},
		{ID: "other", Name: "b", ClientAddresses: []string{"[fd00::2]:24017"}},
	}
	d := &daemon{peers: peers}
	s := newServer(d)
	for flags, want := range map[int32]string{1: "1", listPool: "2"} {
		args := new(gfrpc.Writer).Int32(flags).Opaque(nil).Bytes()
		res, err := s.listFriends(t.Context(), gfrpc.NewReader(args))
		if err != nil {
			t.Fatal(err)
		}
		r := gfrpc.NewReader(res)
		r.Int32()
		r.Int32()
		list, err := gfrpc.ParseDict(r.Opaque(1 << 20))
		if err != nil || list.String("count") != want || list.String("friend1.hostname") != "fd00::2" || list.String("friend1.port") != "24017" || list.String("friend1.connected") != "0" {
			t.Errorf("flags %d: %v %v", flags, list, err)
		}
	}
	if got := call(t, s, gfrpc.ProcCLIProbe, map[string]string{"hostname": "a"}); got.ret != 0 || got.errno != 1 || got.text != "Probe on localhost not needed" || len(d.asked) != 0 {
		t.Errorf("%+v", got)
	}
	d.fail = api.Errorf(api.Exists, "there")
	if got := call(t, s, gfrpc.ProcCLIProbe, map[string]string{"hostname": "b"}); got.ret != 0 || got.errno != 2 {
		t.Errorf("%+v", got)
	}
	d.fail = api.Errorf(api.Forbidden, "holds bricks")
	if got := call(t, s, gfrpc.ProcCLIDeprobe, map[string]string{"hostname": "b", "flags": "1"}); got.ret != 1 || got.errno != 3 || d.asked[len(d.asked)-1] != true {
		t.Errorf("%+v, asked %v", got, d.asked)
	}
	if got := call(t, s, gfrpc.ProcCLIDeprobe, map[string]string{"hostname": "x"}); got.ret != -1 || got.text != "x is not part of cluster" {
		t.Errorf("%+v", got)
	}
}

func TestOptions(t *testing.T) {
	d := &daemon{
		volumes: []api.VolumeInfo{replica()}, options: []api.VolumeOption{{Name: "a.b", Value: "1", Modified: true}, {Name: "a.c"}, {Name: "a.d", Value: "on"}},
		pool: []api.ClusterOption{{Key: "cluster.x", Value: "5", Modified: true}, {Key: "cluster.y", Value: "6"}},
		help: []api.OptionHelp{{Name: "a.b", Description: "What <it> does."}, {Name: "a.c"}},
	}
	s := newServer(d)
	call(t, s, gfrpc.ProcCLISetVolume, map[string]string{"volname": "v1", "count": "4", "key1": "a.b", "value1": "1", "key2": "a.c", "value2": "2"})
	call(t, s, gfrpc.ProcCLIResetVolume, map[string]string{"volname": "v1", "key": "all", "force": "1"})
	call(t, s, gfrpc.ProcCLIResetVolume, map[string]string{"volname": "all", "key": "all"})
	want := []any{
		"set", "v1", api.VolumeOptionReq{Options: map[string]string{"a.b": "1", "a.c": "2"}},
		"reset", "v1", api.VolumeOptionResetReq{All: true, Force: true},
		"set all", api.ClusterOptionReq{Options: map[string]string{"cluster.x": ""}},
	}
	if diff := cmp.Diff(want, d.asked); diff != "" {
		t.Error(diff)
	}
	got := call(t, s, gfrpc.ProcCLIGetOption, map[string]string{"volname": "v1", "key": "all"}).dict
	if got.String("count") != "3" || got.String("value1") != "1" || got.String("value2") != "(null) (DEFAULT)" || got.String("value3") != "on" {
		t.Errorf("%v", got)
	}
	if got := call(t, s, gfrpc.ProcCLIGetOption, map[string]string{"volname": "all", "key": "cluster.z"}); got.ret != -1 {
		t.Errorf("%v", got)
	}
	text := call(t, s, gfrpc.ProcCLISetVolume, map[string]string{"volname": "help"}).dict.String("help-str")
	if !strings.Contains(text, "Option: a.b\n") || strings.Contains(text, "a.c") {
		t.Error(text)
	}
	if x := call(t, s, gfrpc.ProcCLISetVolume, map[string]string{"volname": "help-xml"}).dict.String("help-str"); !strings.Contains(x, "What &lt;it&gt; does.") {
		t.Error(x)
	}
}

func TestStatus(t *testing.T) {
	v := replica()
	d := &daemon{volumes: []api.VolumeInfo{{Name: "v0", State: api.VolumeStopped}, v}, status: api.VolumeStatus{
		Bricks: []api.BrickStatus{
			{Info: bricksOf(v)[0], Online: true, Pid: 7, Port: 49152, BlockSize: 4096}, {Info: bricksOf(v)[1]},
		},
		Daemons: []api.DaemonStatus{{Name: "Self-heal Daemon", PeerID: "me", Hostname: "a", Online: true, Pid: 9}},
		Tasks:   []api.VolumeTask{{Type: "Rebalance", ID: "t", State: "in progress"}},
	}}
	s := newServer(d)
	all := call(t, s, gfrpc.ProcCLIStatusVolume, map[string]string{"cmd": "512"}).dict
	if all.String("vol_count") != "2" || all.String("vol0") != "v0" {
		t.Errorf("%v", all)
	}
	one := call(t, s, gfrpc.ProcCLIStatusVolume, map[string]string{"cmd": "256", "volname": "v1"}).dict
	for key, want := range map[string]string{
		"count": "3", "other-count": "1", "brick-index-max": "1", "brick0.port": "49152", "brick1.pid": "-1", "brick1.status": "0",
		"brick2.hostname": "Self-heal Daemon", "brick2.path": "localhost", "tasks": "1", "task0.status": "1",
	} {
		if got := one.String(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	detail := call(t, s, gfrpc.ProcCLIStatusVolume, map[string]string{"cmd": "1056", "volname": "v1", "brick": "a:/b"}).dict
	if detail.String("count") != "1" || detail.String("brick0.block_size") != "4096" {
		t.Errorf("%v", detail)
	}
	for _, in := range []map[string]string{{"cmd": "256", "volname": "v0"}, {"cmd": "256", "volname": "x"}, {"cmd": "1280", "volname": "v1", "brick": "a:/x"},
		{"cmd": "8448", "volname": "v1"}} {
		if got := call(t, s, gfrpc.ProcCLIStatusVolume, in); got.ret != -1 || got.text == "" {
			t.Errorf("%v: %+v", in, got)
		}
	}
}

// A peer that is in no pool answers nothing, and says why.
func TestRefuse(t *testing.T) {
	s := newServer(&daemon{})
	s.cfg.Refuse = func() *api.Error { return api.Errorf(api.State, "this peer was detached") }
	if got := call(t, s, gfrpc.ProcCLIListVolume, nil); got.ret != -1 || got.text != "this peer was detached" {
		t.Errorf("%+v", got)
	}
}

// What others may call changes nothing.
func TestReadOnly(t *testing.T) {
	d := &daemon{volumes: []api.VolumeInfo{replica()}}
	s := newServer(d)
	for number, p := range s.ReadOnly().Procedures {
		args := new(gfrpc.Writer).Opaque(gfrpc.Strings(map[string]string{"volname": "v1", "cmd": "256", "key": "all", "flags": "2"}).Marshal()).Bytes()
		if _, err := p(context.Background(), gfrpc.NewReader(args)); err != nil {
			t.Logf("procedure %d: %v", number, err) // those with other arguments
		}
	}
	if len(d.asked) != 0 {
		t.Errorf("changes: %v", d.asked)
	}
}

// Without a quorum what is known is told: an empty list would say that everything is gone.
func TestKnown(t *testing.T) {
	d := &daemon{volumes: []api.VolumeInfo{replica()}, waiting: "waiting for a quorum", peers: []api.Peer{{ID: "me"}, {ID: "other", Online: true}}}
	s := newServer(d)
	has(t, call(t, s, gfrpc.ProcCLIListVolume, nil), map[string]string{"count": "1"})
	has(t, call(t, s, gfrpc.ProcCLIStatusVolume, map[string]string{"volname": "v1", "cmd": "256"}), map[string]string{"count": "0"})
	list, err := s.peers(t.Context())
	if err != nil || len(list) != 2 || list[1].Online {
		t.Errorf("%v %v", list, err)
	}
}

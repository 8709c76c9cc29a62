package sunrpc_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"gd2/glusterd2/sunrpc"
	"gd2/pkg/gfrpc"
	"gd2/pkg/gfrpc/gfrpctest"
)

// The calls of real processes, and byte for byte what glusterd answered where the answer is determined by the call.
func TestRepliesAreGlusterds(t *testing.T) {
	b := newLab(t, nil)
	b.ports.SignIn(b.ports.NewConn(), "/data/br/rep3", 51650, 1)
	nc := b.raw(t)
	for _, name := range []string{"DUMP.PING", "PMAP.PORTBYBRICK", "PMAP.SIGNIN"} {
		if got, want := exchange(t, nc, gfrpctest.Call(t, name)), gfrpctest.Reply(t, name); !bytes.Equal(got, want) {
			t.Errorf("%s: answer\n %x\nwant\n %x", name, got, want)
		}
	}
	if e, _ := b.ports.Entry("snapd-rep3"); e.Port != 0xe2c7 || e.PID != 0x5e82 {
		t.Errorf("signed in as %+v", e)
	}

	// glusterd lists other programs after the first one; up to there the answers are equal but for their length.
	const firstProgram = 0x50
	got, want := exchange(t, nc, gfrpctest.Call(t, "DUMP.DUMP")), gfrpctest.ReplyBegin(t, "DUMP.DUMP")
	if !bytes.Equal(got[4:firstProgram], want[4:firstProgram]) {
		t.Errorf("DUMP: answer begins\n %x\nwant\n %x", got[4:firstProgram], want[4:firstProgram])
	}
}

func TestDumpListsPrograms(t *testing.T) {
	b := newLab(t, nil)
	r := call(t, b.dial(t), gfrpc.ProgramDump, gfrpc.ProcDump, new(gfrpc.Writer).Uint64(0xcaed))
	if id, ret, errno := r.Uint64(), r.Int32(), r.Int32(); id != 0 || ret != 0 || errno != 0 {
		t.Errorf("id %x, status %d %d", id, ret, errno)
	}
	found := map[string]uint64{}
	for r.Uint32() == 1 {
		name, number, version := r.String(100), r.Uint64(), r.Uint64()
		found[name] = number*10 + version
	}
	if r.Err() != nil || len(r.Rest()) != 0 || len(found) != 3 || found["GF-DUMP"] != 1234515011 ||
		found["Gluster Portmap"] != 341234561 || found["Gluster Handshake"] != 143986332 {
		t.Errorf("programs %v, %v", found, r.Err())
	}
}

// The volfile of a brick, asked for as a real brick does: length as status, text padded, no data.
func TestGetSpecGolden(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("rep3.node1.data-br-rep3", sunrpc.Spec{Text: "volume x\n"})
	got := exchange(t, b.raw(t), gfrpctest.Call(t, "HNDSK.GETSPEC"))
	text := "trusted volume x\n"
	want := new(gfrpc.Writer).Uint32(0x11).Uint32(1).Uint32(0).Uint32(0).Uint32(0).Uint32(0).
		Int32(int32(len(text))).Int32(0).String(text).Uint32(0).Bytes()
	want = append(binary.BigEndian.AppendUint32(nil, 1<<31|uint32(len(want))), want...)
	if !bytes.Equal(got, want) {
		t.Errorf("answer\n %x\nwant\n %x", got, want)
	}
}

func TestFetchSpecGolden(t *testing.T) {
	b := newLab(t, nil)
	b.specs.set("rep3.node1.data-br-rep3", sunrpc.Spec{Text: "old"})
	nc := b.raw(t)
	exchange(t, nc, gfrpctest.Call(t, "HNDSK.GETSPEC"))
	b.specs.set("rep3.node1.data-br-rep3", sunrpc.Spec{Text: "new"})
	b.NotifyChanged()
	got, want := receive(t, nc), gfrpctest.Call(t, "CBK.FETCHSPEC")
	copy(want[4:8], got[4:8]) // each server numbers its callbacks itself
	if !bytes.Equal(got, want) {
		t.Errorf("callback\n %x\nwant\n %x", got, want)
	}
}

func TestRebalanceReport(t *testing.T) {
	b := newLab(t, nil)
	got := exchange(t, b.raw(t), gfrpctest.Call(t, "HNDSK.EVENT_NOTIFY"))
	if d := <-b.events; d.String("volname") != "rebalance/dist2" || d.String("files") != "49" {
		t.Errorf("report %v", d)
	}
	want := new(gfrpc.Writer).Uint32(3).Uint32(1).Uint32(0).Uint32(0).Uint32(0).Uint32(0).Uint32(0).Uint32(0).Uint32(0).Bytes()
	if !bytes.Equal(got[4:], want) {
		t.Errorf("answer %x, want %x", got[4:], want)
	}
}

func TestSnapshotInfo(t *testing.T) {
	b := newLab(t, nil)
	got, err := gfrpc.ParseReply(exchange(t, b.raw(t), gfrpctest.Call(t, "HNDSK.GET_SNAPSHOT_INFO"))[4:])
	if err != nil {
		t.Fatal(err)
	}
	r := gfrpc.NewReader(got.Result)
	ret, errno, text := r.Int32(), r.Int32(), r.String(100)
	d, err := gfrpc.ParseDict(r.Opaque(100))
	if ret != 0 || errno != 0 || text != "" || err != nil || d.String("snap-count") != "0" || r.Err() != nil {
		t.Errorf("%d %d %q %v %v %v", ret, errno, text, d, err, r.Err())
	}
}

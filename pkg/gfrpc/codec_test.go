package gfrpc_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/pkg/gfrpc/gfrpctest"
)

func TestXDR(t *testing.T) {
	w := new(gfrpc.Writer).Uint32(1).Int32(-2).Uint64(3).String("brick").Opaque([]byte{1, 2, 3, 4}).Raw([]byte{9})
	want := "00000001" + "fffffffe" + "0000000000000003" + "00000005" + hex.EncodeToString([]byte("brick")) + "000000" +
		"00000004" + "01020304" + "09"
	if got := hex.EncodeToString(w.Bytes()); got != want {
		t.Fatalf("encoded\n %s\nwant\n %s", got, want)
	}
	r := gfrpc.NewReader(w.Bytes())
	if a, b, c, s, o := r.Uint32(), r.Int32(), r.Uint64(), r.String(5), r.Opaque(4); a != 1 || b != -2 || c != 3 || s != "brick" ||
		!bytes.Equal(o, []byte{1, 2, 3, 4}) || !bytes.Equal(r.Rest(), []byte{9}) || r.Err() != nil {
		t.Fatalf("decoded %d %d %d %q %v, rest %v, error %v", a, b, c, s, o, r.Rest(), r.Err())
	}
}

func TestReaderRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		msg  string
		read func(*gfrpc.Reader)
		want string
	}{
		"number cut":     {"0000", func(r *gfrpc.Reader) { r.Uint32() }, "message ends inside a 32-bit number: 4 bytes needed, 2 left"},
		"hyper cut":      {"00000000", func(r *gfrpc.Reader) { r.Uint64() }, "message ends inside a 64-bit number: 8 bytes needed, 4 left"},
		"opaque cut":     {"0000000801", func(r *gfrpc.Reader) { r.Opaque(100) }, "message ends inside an opaque value: 8 bytes needed, 1 left"},
		"opaque long":    {"00000008", func(r *gfrpc.Reader) { r.Opaque(7) }, "opaque value of 8 bytes: at most 7 are allowed"},
		"opaque absurd":  {"ffffffff", func(r *gfrpc.Reader) { r.String(1 << 20) }, "opaque value of 4294967295 bytes: at most 1048576 are allowed"},
		"negative limit": {"00000001ff", func(r *gfrpc.Reader) { r.Opaque(-1) }, "opaque value of 1 bytes: at most -1 are allowed"},
	} {
		b, err := hex.DecodeString(test.msg)
		if err != nil {
			t.Fatal(err)
		}
		r := gfrpc.NewReader(b)
		test.read(r)
		if r.Err() == nil || r.Err().Error() != test.want || !api.IsKind(r.Err(), api.Invalid) {
			t.Errorf("%s: error %v, want %s", name, r.Err(), test.want)
		}
		if v := r.Uint32(); v != 0 || r.Rest() != nil || r.Err().Error() != test.want {
			t.Errorf("%s: the first failure did not stick: %d, %v, %v", name, v, r.Rest(), r.Err())
		}
	}
}

// The dictionary of one name from the facts, and that of a real call.
func TestDict(t *testing.T) {
	d := gfrpc.Strings(map[string]string{"volname": "rep3"})
	want := "00000001" + "00000007" + "00000005" + hex.EncodeToString([]byte("volname\x00rep3\x00"))
	if got := hex.EncodeToString(d.Marshal()); got != want {
		t.Fatalf("encoded %s, want %s", got, want)
	}
	call, err := gfrpc.ParseCall(gfrpctest.Call(t, "HNDSK.EVENT_NOTIFY")[4:])
	if err != nil {
		t.Fatal(err)
	}
	r := gfrpc.NewReader(call.Args)
	if op := r.Int32(); op != 0 {
		t.Errorf("op %d, want 0", op)
	}
	raw := r.Opaque(1 << 10)
	got, err := gfrpc.ParseDict(raw)
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	if diff := cmp.Diff(gfrpc.Strings(map[string]string{
		"volname": "rebalance/dist2", "time-left": "0", "skipped": "0", "failures": "0", "run-time": "2",
		"status": "3", "lookups": "153", "size": "64225280", "files": "49",
	}), got); diff != "" {
		t.Errorf("dictionary of a rebalance (-want +got):\n%s", diff)
	}
	if size, ok := got.Int("size"); !ok || size != 64225280 || got.String("volname") != "rebalance/dist2" {
		t.Errorf("size %d %v, volname %q", size, ok, got.String("volname"))
	}
	if _, ok := got.Int("volname"); ok {
		t.Error("a path is taken for a number")
	}
	if len(got.Marshal()) != len(raw) {
		t.Errorf("encoded again it has %d bytes, was %d", len(got.Marshal()), len(raw))
	}
}

func TestDictRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"count cut":    "0000",
		"count absurd": "7fffffff" + "00000001" + "00000001" + "6100" + "00",
		"negative":     "ffffffff" + "00000001" + "00000001" + "6100" + "00",
		"key absurd":   "00000001" + "ffffffff" + "00000001" + "6100" + "00",
		"sum overflow": "00000001" + "ffffffff" + "ffffffff" + "6100" + "00",
		"value cut":    "00000001" + "00000001" + "00000002" + "6100" + "00",
		"pair missing": "00000002" + "00000001" + "00000001" + "6100" + "00" + "00000000000000",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := gfrpc.ParseDict(b); !api.IsKind(err, api.Invalid) {
			t.Errorf("%s: %v, %v; want an Invalid error", name, d, err)
		}
	}
	if d, err := gfrpc.ParseDict(nil); err != nil || len(d) != 0 || d == nil {
		t.Errorf("no bytes: %v, %v; want an empty dictionary", d, err)
	}
	if b := gfrpc.Dict(nil).Marshal(); b != nil {
		t.Errorf("nil dictionary encoded as %x, want nothing", b)
	}
}

// Of a name that comes twice GlusterFS finds the last value.
func TestDictTwice(t *testing.T) {
	one := gfrpc.Strings(map[string]string{"a": "1"}).Marshal()[4:]
	two := gfrpc.Strings(map[string]string{"a": "2"}).Marshal()[4:]
	d, err := gfrpc.ParseDict(append([]byte{0, 0, 0, 2}, append(one, two...)...))
	if err != nil || d.String("a") != "2" || len(d) != 1 {
		t.Errorf("%v, %v; want a=2", d, err)
	}
}

// Every captured call comes out of the codec as it went in.
func TestCallGolden(t *testing.T) {
	for _, rec := range gfrpctest.All(t) {
		if gfrpc.IsReply(rec[4:]) {
			continue
		}
		call, err := gfrpc.ParseCall(rec[4:])
		if err != nil {
			t.Errorf("%x: %v", rec, err)
			continue
		}
		var out bytes.Buffer
		if err := gfrpc.WriteRecord(&out, call.Marshal()); err != nil || !bytes.Equal(out.Bytes(), rec) {
			t.Errorf("encoded\n %x\nwant\n %x (%v)", out.Bytes(), rec, err)
		}
	}
	call, err := gfrpc.ParseCall(gfrpctest.Call(t, "PMAP.SIGNIN")[4:])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(gfrpc.PIDAuth(0), call.Cred); diff != "" {
		t.Errorf("credential (-ours +glusterfs'):\n%s", diff)
	}
	if gfrpc.PIDAuth(os.Getpid()).Flavor != gfrpc.AuthGlusterV2 {
		t.Error("credential of another flavour")
	}
}

func TestReplyGolden(t *testing.T) {
	for _, name := range []string{"DUMP.PING", "PMAP.PORTBYBRICK", "PMAP.SIGNIN"} {
		rec := gfrpctest.Reply(t, name)
		reply, err := gfrpc.ParseReply(rec[4:])
		if err != nil {
			t.Fatal(err)
		}
		if got := reply.Marshal(); !bytes.Equal(got, rec[4:]) {
			t.Errorf("%s: encoded\n %x\nwant\n %x", name, got, rec[4:])
		}
	}
}

func TestDenials(t *testing.T) {
	good := gfrpctest.Call(t, "DUMP.PING")[4:]
	with := func(at int, b ...byte) []byte {
		return append(append(bytes.Clone(good[:at]), b...), good[at+len(b):]...)
	}
	for name, test := range map[string]struct {
		msg  []byte
		want string
	}{
		"version":     {with(8, 0, 0, 0, 3), "00000003" + "00000001" + "00000001" + "00000000" + "00000002" + "00000002"},
		"flavour":     {with(24, 0, 0, 0, 6), "00000003" + "00000001" + "00000001" + "00000001" + "00000002"},
		"long body":   {with(28, 0, 0, 1, 145), "00000003" + "00000001" + "00000001" + "00000001" + "00000001"},
		"no verifier": {good[:56], "00000003" + "00000001" + "00000001" + "00000001" + "00000003"},
	} {
		_, err := gfrpc.ParseCall(test.msg)
		var denial *gfrpc.Denial
		if !errors.As(err, &denial) {
			t.Errorf("%s: error %v, want a Denial", name, err)
			continue
		}
		if got := hex.EncodeToString(denial.Marshal()); got != test.want {
			t.Errorf("%s: answer %s, want %s", name, got, test.want)
		}
		if _, err := gfrpc.ParseReply(denial.Marshal()); !api.IsKind(err, api.Denied) {
			t.Errorf("%s: read as %v, want Denied", name, err)
		}
	}
	for _, msg := range [][]byte{nil, good[:3], good[:12], with(4, 0, 0, 0, 1), with(4, 0, 0, 0, 9)} {
		if _, err := gfrpc.ParseCall(msg); !api.IsKind(err, api.Invalid) {
			t.Errorf("%x: error %v, want Invalid", msg, err)
		}
	}
}

package gfrpc_test

import (
	"bytes"
	"testing"

	"gd2/pkg/gfrpc"
	"gd2/pkg/gfrpc/gfrpctest"
)

func FuzzRecord(f *testing.F) {
	for _, rec := range gfrpctest.All(f) {
		f.Add(rec)
	}
	f.Add([]byte("\x00\x00\x00\x01a\x80\x00\x00\x01b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		rec, err := gfrpc.ReadRecord(bytes.NewReader(in), 1<<16)
		if err != nil {
			return
		}
		if len(rec) > len(in) || len(rec) > 1<<16 {
			t.Fatalf("%d bytes out of %d", len(rec), len(in))
		}
		var out bytes.Buffer
		if err := gfrpc.WriteRecord(&out, rec); err != nil {
			t.Fatal(err)
		}
		again, err := gfrpc.ReadRecord(&out, 1<<16)
		if err != nil || !bytes.Equal(again, rec) {
			t.Fatalf("written and read again: %x, %v; want %x", again, err, rec)
		}
	})
}

func FuzzCallHeader(f *testing.F) {
	for _, rec := range gfrpctest.All(f) {
		f.Add(rec[4:])
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		gfrpc.IsReply(msg)
		if reply, err := gfrpc.ParseReply(msg); err == nil {
			if again, err := gfrpc.ParseReply(reply.Marshal()); err != nil || again.Stat != reply.Stat || again.XID != reply.XID {
				t.Fatalf("reply %+v came back as %+v, %v", reply, again, err)
			}
		}
		call, err := gfrpc.ParseCall(msg)
		if err != nil {
			return
		}
		again, err := gfrpc.ParseCall(call.Marshal())
		if err != nil || again.Program != call.Program || again.Procedure != call.Procedure || !bytes.Equal(again.Args, call.Args) {
			t.Fatalf("call %+v came back as %+v, %v", call, again, err)
		}
	})
}

func FuzzXDR(f *testing.F) {
	for _, rec := range gfrpctest.All(f) {
		f.Add(rec[4:], []byte{0, 1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, msg, script []byte) {
		r := gfrpc.NewReader(msg)
		for _, step := range script {
			switch step % 4 {
			case 0:
				r.Uint32()
			case 1:
				r.Uint64()
			case 2:
				if b := r.Opaque(int(step)); len(b) > int(step) {
					t.Fatalf("%d bytes where %d are allowed", len(b), step)
				}
			case 3:
				r.String(1 << 30)
			}
			if len(r.Rest()) > len(msg) {
				t.Fatal("more left than there was")
			}
		}
	})
}

func FuzzDict(f *testing.F) {
	f.Add(gfrpc.Strings(map[string]string{"volname": "rep3", "count": "1"}).Marshal())
	f.Add([]byte{0, 0, 0, 0})
	for _, name := range []string{"HNDSK.EVENT_NOTIFY", "HNDSK.GET_SNAPSHOT_INFO", "HNDSK.GETSPEC"} {
		rec := gfrpctest.Call(f, name)
		f.Add(rec[bytes.LastIndex(rec, []byte{0, 0, 0})-1:])
		f.Add(rec[0x4c:])
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := gfrpc.ParseDict(in)
		if err != nil {
			return
		}
		size := 0
		for k, v := range d {
			size += len(k) + len(v)
			d.String(k)
			d.Int(k)
		}
		if size > len(in) {
			t.Fatalf("%d bytes of pairs out of %d", size, len(in))
		}
		again, err := gfrpc.ParseDict(d.Marshal())
		if err != nil || len(again) != len(d) {
			t.Fatalf("%v came back as %v, %v", d, again, err)
		}
	})
}

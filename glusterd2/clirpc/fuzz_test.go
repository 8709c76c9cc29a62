package clirpc

import (
	"maps"
	"slices"
	"testing"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// seeds are requests as gluster makes them.
func seeds() []map[string]string {
	return []map[string]string{
		{"cmd-str": "peer probe node2", "port": "24007", "hostname": "node2"},
		{"volname": "v1", "type": "2", "replica-count": "2", "bricks": " a:/b c:/d ", "count": "2", "force": "1"},
		{"volname": "v1", "flags": "3"}, {"volname": "v1", "cmd": "1056", "brick": "a:/b"}, {"volname": "v1", "cmd": "258"},
		{"volname": "v1", "count": "2", "key1": "a.b", "value1": "on"}, {"volname": "v1", "key": "all"},
		{"volname": "v1", "command": "4", "brick1": "a:/b", "rebalance-command": "3"}, {"volname": "v1", "heal-op": "9", "per-replica-cmd-hostname": "a"},
		{"volname": "v1", "op": "4", "top-op": "6", "list-cnt": "3", "blk-size": "4096", "blk-cnt": "-1"}, {"volname": "v1", "op": "3", "info-op": "1", "peek": "1"},
		{"volname": "v1", "type": "12", "path": "/d", "hard-limit": "5", "soft-limit": "7%"}, {"volname": "v1", "barrier": "enable", "options": "quotad mem"},
		{"volname": "v1", "src-brick": "a:/b", "dst-brick": "a:/b", "operation": "GF_RESET_OP_COMMIT_FORCE"}, {"daemon": "glusterd", "odir": "/x", "filename": "y"},
	}
}

// Whatever bytes a procedure gets, it answers with a result of the right form or says that they are garbage, and never panics.
func FuzzProcedures(f *testing.F) {
	d := &daemon{volumes: []api.VolumeInfo{replica()}, options: []api.VolumeOption{{Name: "a.b"}}}
	procedures := newServer(d).Service().Procedures
	numbers := slices.Sorted(maps.Keys(procedures))
	for i := range numbers {
		for _, in := range seeds() {
			f.Add(uint8(i), new(gfrpc.Writer).Opaque(gfrpc.Strings(in).Marshal()).Bytes())
		}
		f.Add(uint8(i), []byte{0, 0, 0, 2})
	}
	f.Fuzz(func(t *testing.T, which uint8, args []byte) {
		number := numbers[int(which)%len(numbers)]
		r := gfrpc.NewReader(args)
		res, err := procedures[number](t.Context(), r)
		d.asked = nil
		if err != nil {
			if r.Err() == nil {
				t.Fatalf("procedure %d hangs up: %v", number, err)
			}
			return
		}
		out := gfrpc.NewReader(res)
		out.Int32()
		out.Int32()
		if number != gfrpc.ProcCLIUmount {
			out.Opaque(1 << 24)
		}
		if !slices.Contains([]uint32{gfrpc.ProcCLIListFriends, gfrpc.ProcCLIGetwd, gfrpc.ProcCLIMount, gfrpc.ProcCLIUmount}, number) { // they answer in other forms
			if _, err := gfrpc.ParseDict(out.Opaque(1 << 24)); err != nil {
				t.Fatalf("procedure %d: %v", number, err)
			}
		}
		if out.Err() != nil || len(out.Rest()) != 0 {
			t.Fatalf("procedure %d answers % x", number, res)
		}
	})
}

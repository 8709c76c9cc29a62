package diagnose

import (
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestStatus(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	reply := gfrpc.Strings(map[string]string{"mallinfo.arena": "7", "client0.hostname": "c:1", "client0.name": "fuse", "client1.hostname": "c:2", "client1.name": "fuse"})
	r.replies["/bricks/p1"], r.replies["shd"] = reply, reply
	r.replies["/bricks/p2"] = gfrpc.Strings(map[string]string{"client0.hostname": "c:1", "client0.name": "glustershd"})

	got, err := r.c.Status(ctx, "gv", api.StatusMemory, "", "")
	if err != nil || len(got) != 3 || got[0].Memory.Arena != 7 || got[0].Pid != 7 || got[2].Error == "" {
		t.Errorf("%+v, %v", got, err)
	}
	r.change(func(v *volume.Volume) { v.Subvols[0].Type = api.SubvolReplicate })
	got, err = r.c.Status(ctx, "gv", api.StatusMemory, "", "")
	if err != nil || len(got) != 6 || got[3].Kind != api.ProcessSelfHeal || got[3].Memory.Arena != 7 || got[5].Error == "" || got[5].Host != "host-p3" {
		t.Errorf("with daemons: %+v, %v", got, err)
	}
	// Daemons have no clients: nobody asks them.
	if got, err = r.c.Status(ctx, "gv", api.StatusClients, "", ""); err != nil || len(got) != 3 {
		t.Errorf("clients: %+v, %v", got, err)
	}
	r.asked = nil
	got, err = r.c.Status(ctx, "gv", api.StatusMemory, "p2:/bricks/p2", "")
	if err != nil || len(got) != 1 || len(r.asked) != 1 || !strings.HasPrefix(r.asked[0], "socket of /bricks/p2: 4 of ") {
		t.Errorf("one brick: %+v, %v; asked %q", got, err, r.asked)
	}
	list, err := r.c.ClientList(ctx, "gv")
	if want := []api.ClientCount{{Name: "fuse", Count: 2}, {Name: "glustershd", Count: 1}}; err != nil || !slices.Equal(list, want) {
		t.Errorf("client list: %+v, %v", list, err)
	}
	// A brick that nobody is connected to refuses; of other questions that is a failure.
	clear(r.replies)
	r.refuses["/bricks/p1"], r.refuses["/bricks/p2"] = true, true
	if list, err := r.c.ClientList(ctx, "gv"); err != nil || len(list) != 0 {
		t.Errorf("nobody is connected: %+v, %v", list, err)
	}
	if got, err := r.c.Status(ctx, "gv", api.StatusMemory, "p1:/bricks/p1", ""); err != nil || got[0].Error == "" {
		t.Errorf("a refusal: %+v, %v", got, err)
	}
	clear(r.refuses)
	_, err = r.c.ClientList(ctx, "gv")
	refused(t, err, api.Unavailable, "")
}

func TestStatusRefusals(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		what, brick, daemon string
		kind                api.Kind
		field               string
	}{
		{"everything", "", "", api.Invalid, "what"},
		{api.StatusMemory, "n:/b", "", api.NotFound, "brick"},
		{api.StatusMemory, "p1:/bricks/p1", api.ProcessSelfHeal, api.Invalid, "daemon"},
		{api.StatusMemory, "", api.ProcessSelfHeal, api.NotFound, "daemon"}, // a distribute volume has none
	} {
		_, err := r.c.Status(t.Context(), "gv", c.what, c.brick, c.daemon)
		refused(t, err, c.kind, c.field)
	}
	r.change(func(v *volume.Volume) { v.Subvols[0].Type = api.SubvolReplicate })
	_, err := r.c.Status(t.Context(), "gv", api.StatusClients, "", api.ProcessSelfHeal)
	refused(t, err, api.NotSupported, "what")
	// The self-heal daemon finds nothing to tell of a volume without replicated subvolumes.
	r.change(func(v *volume.Volume) { v.Subvols[0].Type = api.SubvolDisperse })
	_, err = r.c.Status(t.Context(), "gv", api.StatusMemory, "", api.ProcessSelfHeal)
	refused(t, err, api.NotSupported, "what")
	if got, err := r.c.Status(t.Context(), "gv", api.StatusMemory, "", ""); err != nil || len(got) != 3 {
		t.Errorf("of a dispersed volume: %+v, %v", got, err)
	}
	if tasks, err := r.c.Tasks(t.Context(), "gv"); err != nil || len(tasks) != 0 {
		t.Errorf("tasks: %v, %v", tasks, err)
	}
}

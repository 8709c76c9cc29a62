package diagnose

import (
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func counted(read string) gfrpc.Dict {
	return gfrpc.Strings(map[string]string{"cumulative": "-1", "-1-total-read": read})
}

func TestProfile(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, err := r.c.Profile(ctx, "gv", api.ProfileInfo)
	refused(t, err, api.State, "")
	_, err = r.c.ProfileStop(ctx, "gv")
	refused(t, err, api.State, "")
	if _, err := r.c.ProfileStart(ctx, "gv"); err != nil {
		t.Fatal(err)
	}
	_, err = r.c.ProfileStart(ctx, "gv")
	refused(t, err, api.State, "")

	r.replies["/bricks/p1"], r.replies["/bricks/p2"] = counted("11"), counted("22")
	got, err := r.c.Profile(ctx, "gv", api.ProfileCumulative)
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []string{"11", "22", ""} {
		if got[i].CumulativeStats.DataRead != want || got[i].BrickName != "host-p"+string(rune('1'+i))+":/bricks/p"+string(rune('1'+i)) {
			t.Errorf("brick %d: %+v", i, got[i])
		}
	}
	if !strings.Contains(got[2].Error, "offline") || got[0].Error+got[1].Error != "" {
		t.Errorf("errors: %+v", got)
	}
	// A brick that does not run, and one whose process does not answer, leave gaps of their own.
	r.down["/bricks/p1"] = true
	delete(r.replies, "/bricks/p2")
	got, err = r.c.Profile(ctx, "gv", api.ProfileCumulative)
	if err != nil || got[0].Error != "the brick does not run" || !strings.Contains(got[1].Error, "nobody listens") {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = r.c.Profile(ctx, "gv", "everything")
	refused(t, err, api.Invalid, "opt")
	_, err = r.c.Profile(ctx, "nothing", api.ProfileInfo)
	refused(t, err, api.NotFound, "")
	if _, err := r.c.ProfileStop(ctx, "gv"); err != nil {
		t.Error(err)
	}
	// Of a stopped volume nothing can be told, but it can be measured from its start.
	r.change(func(v *volume.Volume) { v.State = volume.Stopped })
	if _, err = r.c.ProfileStart(ctx, "gv"); err != nil {
		t.Error(err)
	}
	_, err = r.c.Profile(ctx, "gv", api.ProfileInfo)
	refused(t, err, api.State, "")
	_, err = r.c.ProfileStart(ctx, "nothing")
	refused(t, err, api.NotFound, "")
	if _, err = r.c.ProfileStop(ctx, "gv"); err != nil {
		t.Error(err)
	}
}

func TestTop(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	reply := gfrpc.Strings(map[string]string{"members": "1", "filename-1": "/f", "value-1": "4"})
	r.replies["/bricks/p1"], r.replies["/bricks/p2"] = reply, reply
	got, err := r.c.Top(ctx, "gv", api.TopWrite, api.TopReq{})
	if err != nil || len(got) != 3 || got[1].Files[0] != (api.TopFile{Filename: "/f", Value: 4}) || got[2].Error == "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, name := range []string{"host-p2:/bricks/p2", "name-p2:/bricks/p2", "p2:/bricks/p2"} {
		r.asked = nil
		got, err = r.c.Top(ctx, "gv", api.TopOpen, api.TopReq{Brick: name})
		if err != nil || len(got) != 1 || len(r.asked) != 1 || got[0].BrickName != "host-p2:/bricks/p2" {
			t.Errorf("%s: %+v, %v; asked %q", name, got, err, r.asked)
		}
	}
	for _, c := range []struct {
		what  string
		req   api.TopReq
		kind  api.Kind
		field string
	}{
		{"close", api.TopReq{}, api.Invalid, "what"},
		{api.TopOpen, api.TopReq{Count: -1}, api.Invalid, "count"},
		{api.TopOpen, api.TopReq{BlockSize: 1, BlockCount: 1}, api.Invalid, "block-size"},
		{api.TopReadPerf, api.TopReq{BlockSize: 1}, api.Invalid, "block-count"},
		{api.TopReadPerf, api.TopReq{BlockSize: maxBlock + 1, BlockCount: 1}, api.Invalid, "block-size"},
		{api.TopReadPerf, api.TopReq{BlockSize: 1 << 20, BlockCount: 1 << 60}, api.Invalid, "block-count"},
		{api.TopOpen, api.TopReq{Brick: "host-p2:/bricks/p1"}, api.NotFound, "brick"},
	} {
		_, err := r.c.Top(ctx, "gv", c.what, c.req)
		refused(t, err, c.kind, c.field)
	}
}

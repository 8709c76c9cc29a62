package diagnose

import (
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

func TestStatedump(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.change(func(v *volume.Volume) { v.Options[optionDumpPath] = "/dumps" })
	got, err := r.c.Statedump(ctx, "gv", api.StatedumpReq{})
	if err != nil || len(got) != 3 || got[1].File != "/dumps/7" || got[1].Pid != 7 || got[1].Name != "host-p2:/bricks/p2" || !strings.Contains(got[2].Error, "offline") {
		t.Errorf("%+v, %v", got, err)
	}
	if want := `dump of 7 to "/dumps": ["all"]`; !slices.Equal(r.asked, []string{want, want}) {
		t.Errorf("asked %q", r.asked)
	}
	r.asked = nil
	r.change(func(v *volume.Volume) { v.Options[volume.OptionQuota] = "on" })
	got, err = r.c.Statedump(ctx, "gv", api.StatedumpReq{Quota: true, Options: []string{api.DumpMemory, api.DumpFiles}})
	if err != nil || len(got) != 3 || got[0].Kind != api.ProcessQuota || got[0].Pid != 9 {
		t.Errorf("quota daemons: %+v, %v", got, err)
	}
	if want := `dump of 9 to "": ["mem" "fd"]`; !slices.Contains(r.asked, want) {
		t.Errorf("asked %q", r.asked)
	}
	_, err = r.c.Statedump(ctx, "gv", api.StatedumpReq{Options: []string{"mem=yes\nall"}})
	refused(t, err, api.Invalid, "options")
	_, err = r.c.Statedump(ctx, "gv", api.StatedumpReq{SelfHeal: true})
	refused(t, err, api.NotFound, "")
	r.change(func(v *volume.Volume) { v.State = volume.Stopped })
	_, err = r.c.Statedump(ctx, "gv", api.StatedumpReq{})
	refused(t, err, api.State, "")
}

// Bricks that share a process are dumped, and their log is rotated, once.
func TestSharedProcess(t *testing.T) {
	r := newRig(t)
	r.change(func(v *volume.Volume) {
		v.Subvols[0].Bricks = append(slices.Clone(v.Subvols[0].Bricks), volume.Brick{ID: "more", PeerID: "p1", Path: "/bricks/more", Client: 9})
	})
	dumps, err := r.c.Statedump(t.Context(), "gv", api.StatedumpReq{Bricks: true})
	if err != nil || len(dumps) != 4 || dumps[0].File != dumps[1].File || len(r.asked) != 2 {
		t.Errorf("%+v, %v; asked %q", dumps, err, r.asked)
	}
	r.asked = nil
	logs, err := r.c.RotateLogs(t.Context(), "gv", "")
	if err != nil || len(logs) != 4 || logs[0].Old != logs[1].Old || logs[2].Old != logs[0].Old || len(r.asked) != 2 {
		t.Errorf("%+v, %v; asked %q", logs, err, r.asked)
	}
}

func TestRotateLogs(t *testing.T) {
	r := newRig(t)
	got, err := r.c.RotateLogs(t.Context(), "gv", "")
	if err != nil || len(got) != 3 || got[0].Log != "/log" || !strings.HasPrefix(got[0].Old, "/log.1") || got[2].Error == "" {
		t.Errorf("%+v, %v", got, err)
	}
	r.asked = nil
	got, err = r.c.RotateLogs(t.Context(), "gv", "name-p2:/bricks/p2")
	if err != nil || len(got) != 1 || !slices.Equal(r.asked, []string{"rotate socket of /bricks/p2"}) {
		t.Errorf("one: %+v, %v; asked %q", got, err, r.asked)
	}
	_, err = r.c.RotateLogs(t.Context(), "gv", "p2:/bricks/other")
	refused(t, err, api.NotFound, "brick")
}

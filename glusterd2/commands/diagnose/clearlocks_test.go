package diagnose

import (
	"slices"
	"testing"

	"gd2/pkg/api"
)

func TestClearLocks(t *testing.T) {
	r := newRig(t)
	req := api.ClearLocksReq{Path: "/f", Kind: api.LocksAll, Type: api.LockInode, Range: "0,0-7"}
	got, err := r.c.ClearLocks(t.Context(), "gv", req)
	if err != nil || !slices.Equal(got.Summary, []string{"one", "two"}) || !slices.Equal(r.asked, []string{"xattr glusterfs.clrlk.tinode.kall.0,0-7 of /f of gv"}) {
		t.Errorf("%+v, %v; asked %q", got, err, r.asked)
	}
	for field, change := range map[string]func(*api.ClearLocksReq){
		"path":     func(r *api.ClearLocksReq) { r.Path = "/../f" },
		"kind":     func(r *api.ClearLocksReq) { r.Kind = "some" },
		"type":     func(r *api.ClearLocksReq) { r.Type = "file" },
		"range":    func(r *api.ClearLocksReq) { r.Range = "7" },
		"basename": func(r *api.ClearLocksReq) { r.Range, r.Basename = "", "f" },
	} {
		bad := req
		change(&bad)
		_, err := r.c.ClearLocks(t.Context(), "gv", bad)
		refused(t, err, api.Invalid, field)
	}
}

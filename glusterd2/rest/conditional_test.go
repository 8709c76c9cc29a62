package rest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/store"
)

var someVolumes = store.NewKind[int](store.PrefixVolumes, 1)

// revised are volumes that say at which revision they are, as the real ones do.
type revised struct {
	fakeVolumes
	rev int64
}

func (v *revised) Get(ctx context.Context, name string) (api.VolumeInfo, error) {
	return info(name), someVolumes.Subject(ctx, name, v.rev)
}

func (v *revised) Create(ctx context.Context, req api.VolumeCreateReq) (api.VolumeInfo, error) {
	return info(req.Name), someVolumes.Subject(ctx, req.Name, v.rev)
}

func (v *revised) Stop(ctx context.Context, name string, _ api.VolumeStopReq) (api.VolumeInfo, error) {
	if err := someVolumes.Subject(ctx, name, v.rev); err != nil {
		return api.VolumeInfo{}, err
	}
	e := store.ExpectationOf(ctx)
	e.Met()
	v.rev++
	e.Wrote([]string{store.PrefixVolumes + name}, v.rev)
	return info(name), v.f.call("stop", name)
}

func newRevisedRig(t *testing.T) (*rig, *revised) {
	t.Helper()
	var v *revised
	r := newRig(t, func(c *Config) {
		v = &revised{c.Volumes.(fakeVolumes), 7}
		c.Volumes = v
	})
	return r, v
}

func TestTags(t *testing.T) {
	r, v := newRevisedRig(t)
	got := r.do("GET", "/v1/volumes/gv0", "")
	tag := got.header.Get("ETag")
	if !strings.HasPrefix(tag, `"7-`) || got.status != http.StatusOK {
		t.Fatalf("ETag %q, status %d", tag, got.status)
	}
	for _, have := range []string{tag, "W/" + tag, `"1-0", ` + tag, "*"} {
		if again := r.do("GET", "/v1/volumes/gv0", "", "If-None-Match", have); again.status != http.StatusNotModified || again.body != "" || again.header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d %q", have, again.status, again.body)
		}
	}
	if again := r.do("GET", "/v1/volumes/gv0", "", "If-None-Match", `"7-0"`); again.status != http.StatusOK {
		t.Errorf("another answer of the same revision: %d", again.status)
	}
	if got := r.do("GET", "/v1/volumes", "", "If-None-Match", tag); got.status != http.StatusOK || got.header.Get("ETag") != "" {
		t.Errorf("a list: %d %q", got.status, got.header.Get("ETag"))
	}
	got = r.do("POST", "/v1/volumes/gv0/stop", "", "If-Match", tag)
	if next := got.header.Get("ETag"); got.status != http.StatusOK || !strings.HasPrefix(next, `"8-`) {
		t.Errorf("a change: %d, ETag %q", got.status, next)
	}
	if v.rev != 8 {
		t.Errorf("revision %d", v.rev)
	}
}

func TestIfMatch(t *testing.T) {
	for _, c := range []struct {
		header, value string
		status        int
	}{
		{"If-Match", `"7-abc"`, 200}, {"If-Match", `"6-abc"`, 412}, {"If-Match", `"6-a", "7-b"`, 200}, {"If-Match", "*", 200},
		{"If-Match", `W/"7-abc"`, 412}, {"If-Match", "7", 400}, {"If-Match", `"7"`, 400}, {"If-Match", `"x-1"`, 400}, {"If-Match", `"-7-1"`, 400},
		{"If-Match", `"7-1`, 400}, {"If-Match", `"99999999999999999999-1"`, 400}, {"If-Match", "", 412},
		{"If-None-Match", "*", 412}, {"If-None-Match", `"7-abc"`, 400},
	} {
		r, v := newRevisedRig(t)
		got := r.do("POST", "/v1/volumes/gv0/stop", "", c.header, c.value)
		if got.status != c.status || (v.rev == 8) != (c.status == 200) {
			t.Errorf("%s: %s: %d %s; revision %d", c.header, c.value, got.status, got.body, v.rev)
		}
		if got.status == 412 && got.errors(t)[0].Kind != api.Precondition {
			t.Errorf("%s: %s: %s", c.header, c.value, got.body)
		}
	}
	r, v := newRevisedRig(t)
	body := `{"name":"gv0"}`
	if got := r.do("POST", "/v1/volumes", body, "If-None-Match", "*"); got.status != 412 {
		t.Errorf("create of what exists: %d", got.status)
	}
	v.rev = 0
	if got := r.do("POST", "/v1/volumes", body, "If-None-Match", "*"); got.status != 201 {
		t.Errorf("create: %d %s", got.status, got.body)
	}
	if got := r.do("POST", "/v1/volumes", body, "If-Match", `"7-1"`); got.status != 412 {
		t.Errorf("create only if it is as it was: %d %s", got.status, got.body)
	}
	if got := r.do("POST", "/v1/peers/token", "", "If-Match", "*"); got.status != 400 || r.fake.called("token") {
		t.Errorf("a call that is about no record: %d %s", got.status, got.body)
	}
}

// Whatever changes a volume, a peer or the pool's options can be made to depend on its state.
func TestChangesAreConditional(t *testing.T) {
	for _, row := range newRig(t, nil).api.Routes() {
		about := strings.Contains(row.Path, "{volname}") || strings.Contains(row.Path, "{peerid}") || row.Path == "/v1/cluster/options"
		if row.changes() && about && row.Plans && !row.Conditional {
			t.Errorf("%s changes something that has an ETag, and is not Conditional", row.Name)
		}
	}
}

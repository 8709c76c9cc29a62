package client

import (
	"net/http"
	"testing"

	"gd2/pkg/api"
)

func TestConditions(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
		w.Header().Set("ETag", `"8-b"`)
		switch {
		case r.Method == http.MethodGet && match+none != "":
			t.Errorf("a read with conditions: %q %q", match, none)
		case r.Method == http.MethodGet:
			w.Header().Set("ETag", `"7-a"`)
		case r.URL.Path == "/v1/volumes" && none != "*":
			t.Errorf("create with If-None-Match %q", none)
		case match != "" && match != `"7-a"`:
			w.Header().Del("ETag")
			e := api.Errorf(api.Precondition, "it has changed")
			writeAnswer(t, w, e.Status(), e.Body())
			return
		}
		writeAnswer(t, w, http.StatusOK, api.VolumeInfo{Name: "gv0"})
	})
	c := open(t, Config{Endpoints: []string{s}})
	var tag string
	ctx := WithTag(t.Context(), &tag)
	if _, err := c.Volume(IfMatch(ctx, "old"), "gv0"); err != nil || tag != `"7-a"` {
		t.Fatalf("tag %q, %v", tag, err)
	}
	if _, err := c.VolumeStop(IfMatch(ctx, tag), "gv0", api.VolumeStopReq{}); err != nil || tag != `"8-b"` {
		t.Errorf("tag %q, %v", tag, err)
	}
	if _, err := c.VolumeStop(IfMatch(ctx, tag), "gv0", api.VolumeStopReq{}); !api.IsKind(err, api.Precondition) || tag != "" {
		t.Errorf("an old tag: %v, tag %q", err, tag)
	}
	if _, err := c.VolumeCreate(IfNew(t.Context()), api.VolumeCreateReq{Name: "gv0"}); err != nil {
		t.Error(err)
	}
}

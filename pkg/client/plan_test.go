package client

import (
	"context"
	"net/http"
	"testing"

	"gd2/pkg/api"
)

func TestDryRun(t *testing.T) {
	var changed, planned int
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && r.URL.Query().Has("dry-run"):
			t.Errorf("a read is asked for its plan: %s", r.URL)
		case r.Method == http.MethodGet:
			writeAnswer(t, w, http.StatusOK, api.VolumeInfo{Name: "gv0"})
		case r.URL.Query().Get("dry-run") == "true":
			planned++
			if r.URL.Path == "/v1/volumes/old" {
				writeAnswer(t, w, http.StatusOK, api.VolumeInfo{Name: "old"})
				return
			}
			writeAnswer(t, w, http.StatusOK, api.OperationPlan{Operation: r.Method + r.URL.Path + r.URL.Query().Get("force")})
		default:
			changed++
			w.WriteHeader(http.StatusNoContent)
		}
	})
	c := open(t, Config{Endpoints: []string{s}})
	plan, err := PlanOf(t.Context(), func(ctx context.Context) error {
		if v, err := c.Volume(ctx, "gv0"); err != nil || v.Name != "gv0" {
			t.Errorf("a read: %+v %v", v, err)
		}
		return c.PeerRemove(ctx, "p2", true)
	})
	if err != nil || plan.Operation != "DELETE/v1/peers/p2true" {
		t.Errorf("%+v, %v", plan, err)
	}
	if err := c.VolumeDelete(DryRun(t.Context()), "old"); !api.IsKind(err, api.Internal) {
		t.Errorf("an answer that is no plan: %v", err)
	}
	_, err = PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := c.Volume(ctx, "gv0")
		return err
	})
	if !api.IsKind(err, api.Internal) {
		t.Errorf("nothing to plan: %v", err)
	}
	if err := c.VolumeDelete(t.Context(), "gv0"); err != nil || changed != 1 || planned != 2 {
		t.Errorf("%v; changed %d, planned %d", err, changed, planned)
	}
}

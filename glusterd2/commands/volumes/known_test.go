package volumes

import (
	"testing"

	"gd2/pkg/api"
)

// What is known is told in the order of names, one after the other too.
func TestKnown(t *testing.T) {
	r := newRig(t)
	r.create("b", api.SubvolReq{ReplicaCount: 3})
	r.create("a", api.SubvolReq{ReplicaCount: 3})
	if list, err := r.c.Known(t.Context()); err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for after, want := range map[string]string{"": "a", "a": "b", "aa": "b", "b": ""} {
		v, ok, err := r.c.KnownAfter(t.Context(), after)
		if err != nil || v.Name != want || ok != (want != "") {
			t.Errorf("after %q comes %q, %v, %v; want %q", after, v.Name, ok, err, want)
		}
	}
	if st, err := r.c.KnownStatus(t.Context(), "a"); err != nil || st.Info.Name != "a" {
		t.Errorf("%+v %v", st, err)
	}
	_, err := r.c.KnownStatus(t.Context(), "nosuch")
	refused(t, err, api.NotFound, "")
}

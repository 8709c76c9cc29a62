package volumes

import (
	"testing"

	"gd2/glusterd2/brick"
	"gd2/pkg/api"
)

func TestMultiplexOptions(t *testing.T) {
	for _, tc := range []struct {
		pool map[string]string
		want brick.Multiplex
	}{
		{nil, brick.Multiplex{Max: 250}},
		{map[string]string{optionMultiplex: "enable"}, brick.Multiplex{On: true, Max: 250}},
		{map[string]string{optionMultiplex: "on", optionMaxBricks: "0"}, brick.Multiplex{On: true}},
		{map[string]string{optionMultiplex: "off", optionMaxBricks: "7"}, brick.Multiplex{Max: 7}},
	} {
		if got := Multiplex(tc.pool); got != tc.want {
			t.Errorf("%v: %+v, want %+v", tc.pool, got, tc.want)
		}
	}
}

// TestSharedProcessOptions: while bricks share processes, a started volume keeps what concerns a whole process.
func TestSharedProcessOptions(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	set := func(key, value string) error {
		_, err := r.c.SetOptions(t.Context(), "gv", api.VolumeOptionReq{Options: map[string]string{key: value}})
		return err
	}
	pool := func(key, value string) {
		t.Helper()
		if _, err := (Cluster{r.c}).SetOptions(t.Context(), api.ClusterOptionReq{Options: map[string]string{key: value}}); err != nil {
			t.Fatal(err)
		}
	}
	const squash = "server.root-squash"
	pool(optionMultiplex, "on")
	if err := set(squash, "on"); err != nil {
		t.Errorf("of a volume that is not started: %v", err)
	}
	if _, err := r.c.Start(t.Context(), "gv", api.VolumeStartReq{}); err != nil {
		t.Fatal(err)
	}
	refused(t, set(squash, "off"), api.State, "options")
	_, err := r.c.ResetOptions(t.Context(), "gv", api.VolumeOptionResetReq{Options: []string{squash}})
	refused(t, err, api.State, "options")
	for key, value := range map[string]string{"auth.allow": "10.0.*.*", "features.read-only": "on", squash: "on"} {
		if err := set(key, value); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	pool(optionMultiplex, "off")
	if err := set(squash, "off"); err != nil {
		t.Errorf("without shared processes: %v", err)
	}
}

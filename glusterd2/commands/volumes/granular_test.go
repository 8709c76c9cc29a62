package volumes

import (
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestGranular(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	granular := func(value string) error {
		_, err := r.set(map[string]string{optionGranular: value, "performance.io-thread-count": "8"})
		return err
	}
	// Nothing is left to heal in a volume that has never been started.
	for _, value := range []string{"off", "on", "off"} {
		if err := granular(value); err != nil {
			t.Error(err)
		}
	}
	r.start("gv")
	err := granular("enable")
	refused(t, err, api.State, "options")
	if !strings.Contains(err.Error(), "granular-entry-heal enable") {
		t.Errorf("the command that looks is not named: %v", err)
	}
	if _, err := r.c.ResetOptions(ctx, "gv", api.VolumeOptionResetReq{All: true}); err != nil {
		t.Fatal(err)
	}
	if got, on := r.record("gv").Options[optionGranular]; on {
		t.Errorf("a reset of all has switched it %s", got)
	}
	for _, on := range []bool{true, false} {
		v, err := r.c.SwitchGranular(ctx, "gv", on)
		if want := map[bool]string{true: "on", false: "off"}[on]; err != nil || v.Options[optionGranular] != want {
			t.Errorf("%v, %v", v.Options, err)
		}
	}
	r.create("plain", api.SubvolReq{})
	r.start("plain")
	if _, err := r.c.SetOptions(ctx, "plain", api.VolumeOptionReq{Options: map[string]string{optionGranular: "on"}}); err != nil {
		t.Errorf("of a distribute volume: %v", err) // without effect
	}
}

package clirpc

import (
	"slices"
	"testing"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Changes are noted in the words of the command, with what it prints; questions are not.
func TestHistory(t *testing.T) {
	d := &daemon{volumes: []api.VolumeInfo{replica()}}
	s := newServer(d)
	start := map[string]string{"volname": "v1", "cmd-str": "volume start v1"}
	call(t, s, gfrpc.ProcCLIStartVolume, start)
	call(t, s, gfrpc.ProcCLIListVolume, map[string]string{"cmd-str": "volume list"})
	d.fail = api.Errorf(api.State, "whatever").With(volumeField, "v1")
	call(t, s, gfrpc.ProcCLIStartVolume, start)
	want := []string{"volume start v1: <nil>", "volume start v1: Volume v1 already started"}
	if !slices.Equal(d.noted, want) {
		t.Errorf("noted %q, want %q", d.noted, want)
	}
}

package brick_test

import (
	"testing"

	"gd2/glusterd2/brick"
)

func TestDispersed(t *testing.T) {
	w := brick.Where{VolumeName: "gv0", Host: "h", Path: t.TempDir()}
	if ok, err := brick.Dispersed(brick.System{}, w); ok || err != nil {
		t.Errorf("a new brick: %v, %v", ok, err)
	}
}

package volgen

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRenamed: what is to be healed is recorded on the bricks under the name that the volume had first, so the volfiles of
// one that was renamed go on naming the xattrs so, and everything else by the new name.
func TestRenamed(t *testing.T) {
	v := captured(t, filepath.Join("testdata", "glusterd", "rep3"), "rep3")
	renamed := v.Renamed("new")
	params := testParams(t)
	client := Client(renamed, params, false)
	for _, want := range []string{"option afr-pending-xattr rep3-client-0,rep3-client-1,rep3-client-2\n", "volume new-client-0\n", "volume new-replicate-0\n", "subvolumes new-client-0 new-client-1 new-client-2\n"} {
		if !strings.Contains(client, want) {
			t.Errorf("the client's volfile lacks %q:\n%s", want, client)
		}
	}
	brick := Brick(renamed, 0, params)
	if !strings.Contains(brick, "option xattrop-pending-watchlist trusted.afr.rep3-\n") {
		t.Errorf("the brick's volfile does not watch the old name:\n%s", brick)
	}
	if Client(renamed.Renamed("rep3"), params, false) != Client(v, params, false) {
		t.Error("a volume that got its first name back is not as it was")
	}
}

package volgen

import "testing"

func TestVolumeOf(t *testing.T) {
	for key, want := range map[string]string{
		"gv0": "gv0", "/gv0": "gv0", "gv0.tcp": "gv0", "gv0.node1.srv-b1": "gv0", "shd/gv0": "gv0", "rebalance/gv0": "gv0",
		BrickKey("gv-1", "10.0.0.1", "/b"): "gv-1", SelfHealKey("gv-1"): "gv-1", RebalanceKey("gv-1"): "gv-1",
		"gluster/quotad": "", "": "", "/": "", "snaps/a/b": "",
	} {
		if got, ok := VolumeOf(key); ok != (want != "") || ok && got != want {
			t.Errorf("%q is about %q, %v; want %q", key, got, ok, want)
		}
	}
}

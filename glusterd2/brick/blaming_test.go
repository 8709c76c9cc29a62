package brick_test

import (
	"os"
	"path/filepath"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/pkg/api"
)

func TestBlaming(t *testing.T) {
	w := brick.Where{VolumeName: "gv0", Host: "h", Path: t.TempDir()}
	count := func(want int) {
		t.Helper()
		if n, err := brick.Blaming(t.Context(), brick.System{}, w); n != want || err != nil {
			t.Errorf("%d, %v; want %d", n, err, want)
		}
	}
	count(0)
	dir := filepath.Join(w.Path, ".glusterfs/indices/xattrop")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"xattrop-11111111-1111-1111-1111-111111111111", "00000000-0000-0000-0000-000000000001"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	count(1)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := brick.Blaming(t.Context(), brick.System{}, w); !api.IsKind(err, api.State) {
		t.Errorf("of what cannot be read: %v", err)
	}
	if ok, err := brick.Dispersed(brick.System{}, w); ok || err != nil {
		t.Errorf("dispersed: %v, %v", ok, err)
	}
}

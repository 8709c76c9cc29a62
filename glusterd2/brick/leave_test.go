package brick_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gd2/glusterd2/brick"
	"gd2/pkg/api"
)

func put(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Needs root, for trusted attributes.
func TestEmpty(t *testing.T) {
	dir := t.TempDir()
	w := brick.Where{VolumeName: "gv0", Host: "h", Path: dir}
	for _, name := range []string{".glusterfs/ab/cd/abcd", ".glusterfs-anonymous-inode-1/x", ".trashcan/old"} {
		put(t, filepath.Join(dir, name), 0o644)
	}
	pointer := filepath.Join(dir, "d/e/pointer")
	put(t, pointer, os.ModeSticky)
	if err := unix.Setxattr(pointer, "trusted.glusterfs.dht.linkto", []byte("gv0-client-1\x00"), 0); err != nil {
		t.Fatal(err)
	}
	if err := brick.Empty(t.Context(), brick.System{}, w); err != nil {
		t.Errorf("nothing of the volume is there: %v", err)
	}
	for name, write := range map[string]func(path string){
		"sticky file": func(path string) { put(t, path, os.ModeSticky) },
		"file":        func(path string) { put(t, path, 0o644) },
		"symlink":     func(path string) { _ = os.Symlink("x", path) },
		"not at the root/.glusterfs/file": func(path string) {
			put(t, path, 0o644)
		},
	} {
		path := filepath.Join(dir, "d", name)
		write(path)
		err := brick.Empty(t.Context(), brick.System{}, w)
		if !api.IsKind(err, api.State) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	w.Path = filepath.Join(dir, "gone")
	if err := brick.Empty(t.Context(), brick.System{}, w); !api.IsKind(err, api.Internal) {
		t.Errorf("a brick that is not there: %v", err)
	}
}

func TestBlameless(t *testing.T) {
	dir := t.TempDir()
	w := brick.Where{VolumeName: "gv0", Host: "h", Path: dir}
	if err := brick.Blameless(brick.System{}, w); err != nil {
		t.Errorf("a brick that cannot be looked at: %v", err)
	}
	index := filepath.Join(dir, ".glusterfs/indices/xattrop")
	put(t, filepath.Join(index, "xattrop-11111111-2222-3333-4444-555555555555"), 0o600)
	if err := brick.Blameless(brick.System{}, w); err != nil {
		t.Error(err)
	}
	put(t, filepath.Join(index, "00000000-0000-0000-0000-000000000001"), 0o600)
	if err := brick.Blameless(brick.System{}, w); !api.IsKind(err, api.State) {
		t.Errorf("a file is to be healed: %v", err)
	}
}

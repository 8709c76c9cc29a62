package brick_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/glusterd2/brick"
)

func TestFileTime(t *testing.T) {
	dir := t.TempDir()
	id := "2a3ab5f1-65db-408f-8ba4-30e587debccb"
	handle := filepath.Join(dir, ".glusterfs/2a/3a", id)
	for _, file := range []string{filepath.Join(dir, "d/plain"), handle, filepath.Join(filepath.Dir(dir), "outside")} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(1700000000, 5)
	if err := os.Chtimes(filepath.Join(dir, "d/plain"), at, at); err != nil {
		t.Fatal(err)
	}
	got, ok, err := brick.FileTime(dir, "/d/plain")
	if err != nil || !ok || !got.Equal(at) {
		t.Errorf("of the file system: %v %v %v", got, ok, err)
	}
	// What clients see: 2026-11-25 16:39:16, as a brick of GlusterFS 10.3 noted it.
	mdata := []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x6b\x07\x0f\x35\x00\x00\x00\x00\x06\xe7\xb2\xd7" +
		"\x00\x00\x00\x00\x6b\x07\x0f\x34\x00\x00\x00\x00\x06\xe7\xb2\xd7" +
		"\x00\x00\x00\x00\x6b\x07\x0f\x33\x00\x00\x00\x00\x11\x05\xb7\x7e")
	if err := unix.Setxattr(handle, "trusted.glusterfs.mdata", mdata, 0); err != nil {
		t.Skipf("no trusted xattrs here: %v", err)
	}
	got, ok, err = brick.FileTime(dir, "gfid:"+id)
	if want := time.Unix(0x6b070f34, 0x06e7b2d7); err != nil || !ok || !got.Equal(want) {
		t.Errorf("of clients: %v %v %v, want %v", got, ok, err, want)
	}
	if err := unix.Setxattr(handle, "trusted.glusterfs.mdata", mdata[:20], 0); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := brick.FileTime(dir, "gfid:"+id); err != nil || !ok || time.Since(got) > time.Hour {
		t.Errorf("with half an xattr: %v %v %v", got, ok, err)
	}
	if _, ok, err := brick.FileTime(dir, "/nothing"); ok || err != nil {
		t.Errorf("no file: %v %v", ok, err)
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/../outside", "/link"} {
		if _, ok, err := brick.FileTime(dir, name); ok || err == nil {
			t.Errorf("%s leads out of the brick: %v", name, err)
		}
	}
}

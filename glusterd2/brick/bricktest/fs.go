// Package bricktest gives tests what bricks stand on: a filesystem, and a peer that serves volfiles.
package bricktest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// FS returns an empty directory on a filesystem that can hold bricks: the one for temporary files, or an XFS in a file
// if that cannot.
func FS(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Setxattr(dir, "trusted.gd2.test", []byte("1"), 0); err == nil {
		if err := unix.Removexattr(dir, "trusted.gd2.test"); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	return loopFS(t)
}

// loopFS mounts a fresh XFS from a file and returns its root.
func loopFS(t *testing.T) string {
	t.Helper()
	ctx, dir := context.WithoutCancel(t.Context()), t.TempDir() // what is mounted is unmounted when the test's context is over
	image, mnt := filepath.Join(dir, "image"), filepath.Join(dir, "mnt")
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, out)
		}
	}
	run("truncate", "-s", "400M", image)
	run("mkfs.xfs", "-q", image)
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	run("mount", "-o", "loop", image, mnt)
	t.Cleanup(func() { run("umount", mnt) })
	return mnt
}

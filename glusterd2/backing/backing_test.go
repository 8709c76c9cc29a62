package backing_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"gd2/glusterd2/backing"
	"gd2/pkg/api"
	"gd2/pkg/runcmd"
)

const mib = 1 << 20

// host makes a host whose filesystems are mounted below a directory of the test. run is nil for the real commands.
func host(t *testing.T, run func(context.Context, runcmd.Command) (runcmd.Result, error)) (h *backing.Host, mounts string) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	mounts = filepath.Join(t.TempDir(), "bricks")
	t.Cleanup(func() {
		entries, _ := os.ReadDir(mounts)
		for _, e := range entries {
			_ = unix.Unmount(filepath.Join(mounts, e.Name()), unix.MNT_DETACH)
		}
	})
	return backing.New(backing.Config{Mounts: mounts, Locks: mounts + "-locks", Run: run, Log: logrus.NewEntry(log)}), mounts
}

func kind(t *testing.T, h *backing.Host, name string) backing.Provisioner {
	t.Helper()
	p, err := h.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// says demands an error with a text.
func says(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one with %q", err, part)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestKinds(t *testing.T) {
	h, _ := host(t, nil)
	_, err := h.Of("zfs")
	if !api.IsKind(err, api.Invalid) {
		t.Error(err)
	}
}

func TestTakeFolder(t *testing.T) {
	h, _ := host(t, nil)
	p := kind(t, h, backing.Directory)
	dir := t.TempDir()
	d := backing.Device{ID: "d1", Name: dir}
	look, err := p.Look(t.Context(), d, false)
	if err != nil || names(t, dir) != "" {
		t.Errorf("a look: %v, has made %s", err, names(t, dir))
	}
	m, err := p.Take(t.Context(), d, false)
	if err != nil || m.Size != look.Size || m.Size == 0 || m.Free == 0 || m.Free > m.Size {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := p.Take(t.Context(), d, false); err != nil {
		t.Errorf("once more: %v", err)
	}
	_, err = p.Take(t.Context(), backing.Device{ID: "d2", Name: dir}, false)
	says(t, err, "belongs to device d1")
	must(t, p.Release(t.Context(), backing.Device{ID: "d2", Name: dir})) // the undo of what was refused
	if _, err := p.Measure(t.Context(), d); err != nil {
		t.Errorf("another's undo took it: %v", err)
	}
	must(t, p.Release(t.Context(), d))
	must(t, p.Release(t.Context(), d))
	if left := names(t, dir); left != "" {
		t.Errorf("left behind: %s", left)
	}
	_, err = p.Measure(t.Context(), d)
	says(t, err, "is not this device any more")
}

func TestTakeRefuses(t *testing.T) {
	h, _ := host(t, nil)
	p := kind(t, h, backing.Loop)
	dir := t.TempDir()
	file := filepath.Join(dir, "somebody's")
	must(t, os.WriteFile(file, nil, 0o600))
	for path, text := range map[string]string{dir: "is not empty (somebody's)", file: "is no directory", dir + "/no": "make the directory first"} {
		_, err := p.Take(t.Context(), backing.Device{ID: "d1", Name: path}, true)
		says(t, err, text)
		_, err = p.Look(t.Context(), backing.Device{ID: "d1", Name: path}, true)
		says(t, err, text)
	}
	if left := names(t, dir); left != "somebody's" {
		t.Errorf("changed: %s", left)
	}
}

func TestDirectoryBricks(t *testing.T) {
	h, _ := host(t, nil)
	p := kind(t, h, backing.Directory)
	d, b := backing.Device{ID: "d1", Name: t.TempDir()}, backing.Brick{ID: "b1", Size: mib}
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	for range 2 {
		must(t, p.Make(t.Context(), d, b))
		must(t, p.Mount(t.Context(), d, b))
	}
	must(t, os.WriteFile(filepath.Join(p.Folder(d, b), "file"), nil, 0o600))
	says(t, p.Release(t.Context(), d), "still holds brick_b1")
	for range 2 {
		must(t, p.Unmake(t.Context(), d, b))
	}
	must(t, p.Release(t.Context(), d))
}

// The filesystem of a device may not be mounted: nothing is made on what lies below.
func TestNothingIsMadeOnAnotherFilesystem(t *testing.T) {
	h, _ := host(t, nil)
	dir := t.TempDir()
	for _, name := range []string{backing.Directory, backing.Loop} {
		p := kind(t, h, name)
		d, b := backing.Device{ID: "d1", Name: dir}, backing.Brick{ID: "b1", Size: 320 * mib}
		says(t, p.Make(t.Context(), d, b), "is its filesystem mounted?")
		says(t, p.Mount(t.Context(), d, b), "is its filesystem mounted?")
		must(t, p.Unmake(t.Context(), d, b))
		if left := names(t, dir); left != "" {
			t.Errorf("%s: made %s", name, left)
		}
	}
}

// A brick in an image, with the real mkfs and mount: needs root and loop devices.
func TestLoopBricks(t *testing.T) {
	h, mounts := host(t, nil)
	p := kind(t, h, backing.Loop)
	d, b := backing.Device{ID: "d1", Name: t.TempDir()}, backing.Brick{ID: "b1", Size: 320 * mib}
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	for range 2 {
		must(t, p.Make(t.Context(), d, b))
	}
	before := statfs(t, p.Folder(d, b))
	if before < 250*mib || before > 320*mib {
		t.Errorf("a brick of 320 MiB has %d MiB", before/mib)
	}
	must(t, os.WriteFile(filepath.Join(p.Folder(d, b), "file"), []byte("kept"), 0o600))
	must(t, unix.Unmount(filepath.Join(mounts, "b1"), 0)) // as after the machine was off
	must(t, p.Mount(t.Context(), d, b))
	b.Size = 400 * mib
	for range 2 {
		must(t, p.Grow(t.Context(), d, b))
	}
	if after := statfs(t, p.Folder(d, b)); after < before+70*mib {
		t.Errorf("grown from %d to %d MiB", before/mib, after/mib)
	}
	if text, err := os.ReadFile(filepath.Join(p.Folder(d, b), "file")); string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}
	if ids, err := p.Bricks(t.Context(), d); err != nil || len(ids) != 1 || ids[0] != "b1" {
		t.Errorf("on the device: %v, %v", ids, err)
	}
	must(t, unix.Unmount(filepath.Join(mounts, "b1"), 0))
	must(t, os.Truncate(filepath.Join(d.Name, "brick_b1.img"), 300*mib))
	says(t, p.Mount(t.Context(), d, b), "is damaged")
	for range 2 {
		must(t, p.Unmake(t.Context(), d, b))
	}
	if mounted, err := mountinfo.Mounted(filepath.Join(mounts, "b1")); mounted || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still mounted: %v, %v", mounted, err)
	}
	must(t, p.Release(t.Context(), d))
	if left := names(t, d.Name); left != "" {
		t.Errorf("left behind: %s", left)
	}
}

func statfs(t *testing.T, dir string) uint64 {
	t.Helper()
	var st unix.Statfs_t
	must(t, unix.Statfs(dir, &st))
	return st.Blocks * uint64(st.Bsize)
}

// An image that cannot be made whole leaves nothing behind.
// What a brick has made below its mount point, after its filesystem was taken away, does not keep it from being given up.
func TestUnmakeWithoutFilesystem(t *testing.T) {
	h, mounts := host(t, nil)
	p := kind(t, h, backing.Loop)
	d := backing.Device{ID: "d1", Name: t.TempDir()}
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	for _, id := range []string{"b1", "b10"} {
		must(t, os.MkdirAll(filepath.Join(mounts, id, "brick/.glusterfs/indices"), 0o700))
	}
	must(t, p.Unmake(t.Context(), d, backing.Brick{ID: "b1"}))
	if left := names(t, mounts); left != "b10" {
		t.Errorf("left: %s", left)
	}
}

func TestLoopFailures(t *testing.T) {
	fail := ""
	h, _ := host(t, func(ctx context.Context, c runcmd.Command) (runcmd.Result, error) {
		if c.Name == fail {
			return runcmd.Result{}, &runcmd.Error{Command: c.Name, ExitCode: 1, LastLine: "no"}
		}
		return runcmd.Run(ctx, c)
	})
	p := kind(t, h, backing.Loop)
	d, b := backing.Device{ID: "d1", Name: t.TempDir()}, backing.Brick{ID: "b1", Size: 320 * mib}
	_, err := p.Take(t.Context(), d, false)
	must(t, err)
	for _, fail = range []string{"mkfs.xfs", "mount"} {
		says(t, p.Make(t.Context(), d, b), fail)
		must(t, p.Unmake(t.Context(), d, b))
		if left := names(t, d.Name); left != ".gd2-device" {
			t.Errorf("%s: left behind: %s", fail, left)
		}
	}
	b.Size = 1 << 50
	says(t, p.Make(t.Context(), d, b), "fallocate")
	if left := names(t, d.Name); left != ".gd2-device" {
		t.Errorf("left behind: %s", left)
	}
}

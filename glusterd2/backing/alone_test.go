package backing_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gd2/glusterd2/backing"
	"gd2/pkg/api"
	"gd2/pkg/runcmd"
)

// A daemon dies while mkfs runs, which goes on. The next one waits for it, with this brick and no other.
func TestCommandLeftBehind(t *testing.T) {
	left := exec.Command("cat")
	input, err := left.StdinPipe()
	must(t, err)
	fake := func(_ context.Context, c runcmd.Command) (runcmd.Result, error) {
		if left.Process != nil || c.Name != "mkfs.xfs" {
			return runcmd.Result{}, nil
		}
		left.ExtraFiles = c.Files
		return runcmd.Result{}, errors.Join(left.Start(), errors.New("the daemon has died"))
	}
	h, mounts := host(t, fake)
	p, d, b := kind(t, h, backing.Loop), backing.Device{ID: "d1", Name: t.TempDir()}, backing.Brick{ID: "b1", Size: mib}
	_, err = p.Take(t.Context(), d, false)
	must(t, err)
	says(t, p.Make(t.Context(), d, b), "has died")

	for _, do := range []func(context.Context, backing.Device, backing.Brick) error{p.Make, p.Mount, p.Grow, p.Unmake} {
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := do(short, d, b); !api.IsKind(err, api.Unavailable) {
			t.Errorf("beside the command that was left behind: %v", err)
		}
		cancel()
	}
	must(t, p.Make(t.Context(), d, backing.Brick{ID: "b2", Size: mib}))
	made := make(chan error)
	go func() { made <- p.Make(t.Context(), d, b) }()
	must(t, input.Close())
	must(t, left.Wait())
	must(t, <-made)
	for _, id := range []string{"b1", "b2"} {
		must(t, p.Unmake(t.Context(), d, backing.Brick{ID: id}))
		if _, err := os.Stat(filepath.Join(mounts+"-locks", id)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the lock of %s: %v", id, err)
		}
	}
}

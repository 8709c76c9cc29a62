package brick

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCapacity(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	got := capacity(os.Getpid())
	if files := uint64(got * filesPerBrick); got < 1 || got > 1 && files > limit.Cur {
		t.Errorf("%d bricks with %d files", got, limit.Cur)
	}
	if got := capacity(1 << 30); got != 0 {
		t.Errorf("a process that does not exist can hold %d bricks", got)
	}
}

// linkOS resolves a path once; then the link is broken.
type linkOS struct {
	OS
	asked int
}

func (l *linkOS) RealPath(_ Op, path string) (string, error) {
	if l.asked++; l.asked > 1 {
		return "", errors.New("asked again")
	}
	return "/real" + path, nil
}

func TestRealPathsAreRemembered(t *testing.T) {
	var r RealPaths
	sys := &linkOS{}
	for range 2 {
		if p, err := r.of(sys, "/b"); err != nil || p != "/real/b" {
			t.Errorf("%q, %v", p, err)
		}
	}
	if _, err := r.of(sys, "/other"); err == nil {
		t.Error("one path stands for another")
	}
	r.since = r.since.Add(-realPathsFor * 2)
	if _, err := r.of(sys, "/b"); err == nil {
		t.Error("remembered for too long")
	}
}

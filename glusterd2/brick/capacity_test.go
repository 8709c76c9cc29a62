package brick

import (
	"errors"
	"os"
	"slices"
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
		if p := r.of(sys, []string{"/b"}); !slices.Equal(p, []string{"/real/b"}) {
			t.Errorf("%q", p)
		}
	}
	if p := r.of(sys, []string{"/other", "/b"}); !slices.Equal(p, []string{"/real/b"}) {
		t.Errorf("%q: one path stands for another, or one that is gone for something", p)
	}
	r.since = r.since.Add(-realPathsFor * 2)
	if p := r.of(sys, []string{"/b"}); len(p) > 0 {
		t.Error("remembered for too long")
	}
}

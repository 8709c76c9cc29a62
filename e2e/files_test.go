package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree is what a folder holds: the hash of each file by its path below the folder, "dir" for folders.
type tree map[string]string

// readTree reads a mounted volume, or a brick without what GlusterFS keeps there for itself.
func readTree(dir string) (tree, error) {
	out := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		switch {
		case err != nil || rel == ".":
			return err
		case strings.HasPrefix(rel, ".glusterfs") || rel == ".trashcan": // also .glusterfs-anonymous-inode-<id>
			return filepath.SkipDir
		case d.IsDir():
			out[rel] = "dir"
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		out[rel] = hex.EncodeToString(sum[:])
		return nil
	})
	return out, err
}

// fillTree writes files of many sizes into a mounted volume, some of them below folders, and returns what it wrote.
func fillTree(t *testing.T, dir string) tree {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for i, size := range []int{0, 1, 511, 4096, 70_000, 131_072, 131_073, 1 << 20, 3<<20 + 7} {
		sub := filepath.Join(dir, fmt.Sprintf("d%d", i%3))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		text := make([]byte, size)
		for j := range text {
			text[j] = byte(random.Uint32())
		}
		for _, name := range []string{filepath.Join(sub, fmt.Sprintf("f%d", size)), filepath.Join(dir, fmt.Sprintf("top%d", size))} {
			if err := os.WriteFile(name, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	want, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// sameTree fails the test unless a folder holds exactly what is wanted.
func sameTree(t *testing.T, dir string, want tree) {
	t.Helper()
	got, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs:\n%s", dir, diff)
	}
}

// waitSame waits until all folders hold what is wanted: bricks of one replica set, once they are healed.
func (p pool) waitSame(limit time.Duration, want tree, dirs ...string) {
	p.t.Helper()
	p.eventually(limit, func(context.Context) error {
		for _, dir := range dirs {
			got, err := readTree(dir)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("%s differs:\n%s", dir, diff)
			}
		}
		return nil
	})
}

// writer is a client that writes one file after the other, reads each back at once, and notes every failure.
type writer struct {
	dir  string
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex
	count  int
	worst  time.Duration
	failed []error
}

// startWriter starts writing into a mounted volume. finish ends it.
func startWriter(ctx context.Context, dir string) *writer {
	ctx, stop := context.WithCancel(ctx)
	w := &writer{dir: dir, stop: stop, done: make(chan struct{})}
	go w.run(ctx)
	return w
}

func (w *writer) run(ctx context.Context) {
	defer close(w.done)
	for i := 0; ctx.Err() == nil; i++ {
		began := time.Now()
		err := w.write(i)
		w.mu.Lock()
		w.count++
		w.worst = max(w.worst, time.Since(began))
		if err != nil {
			w.failed = append(w.failed, err)
		}
		w.mu.Unlock()
	}
}

func (w *writer) write(i int) error {
	name := filepath.Join(w.dir, fmt.Sprintf("w%05d", i%500))
	text := bytes.Repeat(fmt.Appendf(nil, "line of round %d\n", i), 200)
	if err := os.WriteFile(name, text, 0o644); err != nil {
		return err
	}
	back, err := os.ReadFile(name)
	if err == nil && !bytes.Equal(back, text) {
		err = fmt.Errorf("%s does not hold what was written in round %d", name, i)
	}
	return err
}

func (w *writer) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// waitMore waits until n more files are written: the volume serves.
func (w *writer) waitMore(p pool, n int, limit time.Duration) {
	p.t.Helper()
	from := w.written()
	p.eventually(limit, func(context.Context) error {
		if now := w.written(); now < from+n {
			return fmt.Errorf("%d of %d files written", now-from, n)
		}
		return nil
	})
}

// finish ends the writer and fails the test if anything went wrong.
func (w *writer) finish(t *testing.T) {
	t.Helper()
	w.stop()
	<-w.done
	for i, err := range w.failed {
		if i == 5 {
			t.Errorf("… %d errors in all", len(w.failed))
			break
		}
		t.Error(err)
	}
	t.Logf("%d files written, the slowest in %v", w.count, w.worst.Round(time.Millisecond))
}

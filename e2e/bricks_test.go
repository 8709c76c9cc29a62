package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"gd2/e2e/lab"
)

// xattr reads an extended attribute of a file, nil if there is none.
func (p pool) xattr(path, name string) []byte {
	p.t.Helper()
	value := make([]byte, 256)
	n, err := unix.Getxattr(path, name, value)
	if errors.Is(err, unix.ENODATA) {
		return nil
	}
	p.must(err)
	return value[:n]
}

// follows waits until a mounted volume has a connection to the bricks of these clients: it has the new graph.
func (p pool) follows(mount, volume string, clients ...int) {
	p.t.Helper()
	p.eventually(30*time.Second, func(context.Context) error {
		for _, n := range clients {
			if err := connectedTo(mount, volume, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestReplicaRaiseLower gives a volume that is mounted and in use more copies: from one to two, from two to an arbiter set. The copies
// themselves are compared.
func TestReplicaRaiseLower(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.create("gv0", "node1:/srv/a")
	mount := p.mount(1, "gv0")
	want := fillTree(t, mount)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	p.cli("volume", "add-brick", "gv0", "replica", "2", "node2:/srv/b")
	p.follows(mount, "gv0", 0, 1)
	w.waitMore(p, 20, 30*time.Second)
	p.waitHas(90*time.Second, want, p.Peer(2).Path("/srv/b"))
	p.cli("volume", "add-brick", "gv0", "replica", "3", "arbiter", "1", "node3:/srv/c")
	p.follows(mount, "gv0", 0, 1, 2)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	status := p.waitBricks("gv0")
	if v := status.Info; v.ReplicaCount != 3 || v.ArbiterCount != 1 {
		t.Errorf("replica %d arbiter %d", v.ReplicaCount, v.ArbiterCount)
	}
	whole, err := readTree(mount)
	p.must(err)
	dirs := p.brickDirs(status)
	p.waitSame(90*time.Second, whole, dirs[:2]...)
	p.eventually(90*time.Second, func(ctx context.Context) error {
		err := noPendingHeals(dirs)
		p.healAgain(ctx, "gv0", err)
		return err
	})
	p.waitNames(30*time.Second, whole, dirs[2])
}

// waitHas waits until a folder holds all of what is wanted, whatever else it holds.
func (p pool) waitHas(limit time.Duration, want tree, dir string) {
	p.t.Helper()
	p.eventually(limit, func(context.Context) error {
		got, err := readTree(dir)
		if err != nil {
			return err
		}
		for name, sum := range want {
			if got[name] != sum {
				return fmt.Errorf("%s: %s is %q, want %q", dir, name, got[name], sum)
			}
		}
		return nil
	})
}

// waitNames waits until a folder holds files of the names that are wanted: an arbiter has no more.
func (p pool) waitNames(limit time.Duration, want tree, dir string) {
	p.t.Helper()
	names := func(t tree) []string {
		var out []string
		for name := range t {
			out = append(out, name)
		}
		slices.Sort(out)
		return out
	}
	p.eventually(limit, func(context.Context) error {
		got, err := readTree(dir)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(names(want), names(got)); diff != "" {
			return fmt.Errorf("%s:\n%s", dir, diff)
		}
		return nil
	})
}

// TestExpandLikeGlusterd raises a replica 2 volume to 3 with gd2 and with the C glusterd, with healing off, and compares the
// marks on the bricks and the volfiles.
func TestExpandLikeGlusterd(t *testing.T) {
	t.Parallel()
	ours := newPool(t, 3, 0)
	theirs := newLab(t, lab.Options{Peers: 3})
	theirs.startGlusterd()
	marks := func(p pool, run func(...string) string) []string {
		run("volume", "create", "gv0", "replica", "2", "node1:/srv/gv0", "node2:/srv/gv0", "force")
		run("volume", "start", "gv0")
		run("volume", "set", "gv0", "cluster.self-heal-daemon", "off")
		mount, err := p.Peer(1).Mount(t.Context(), "", "gv0")
		p.must(err)
		fillTree(t, mount)
		run("volume", "add-brick", "gv0", "replica", "3", "node3:/srv/gv0", "force")
		var out []string
		for n := 1; n <= 3; n++ {
			for i := range 3 {
				out = append(out, fmt.Sprintf("node%d blames %d: %x", n, i, p.xattr(p.Peer(n).Path("/srv/gv0"), fmt.Sprint("trusted.afr.gv0-client-", i))))
			}
			out = append(out, fmt.Sprintf("node%d dirty: %x", n, p.xattr(p.Peer(n).Path("/srv/gv0"), "trusted.afr.dirty")))
		}
		return out
	}
	got, want := marks(ours, ours.cli), marks(theirs, theirs.gluster)
	t.Logf("glusterd:\n%s\ngd2:\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("glusterd (-), gd2 (+):\n%s", diff)
	}
	compareVolfiles(t, ours, theirs, volfileCase{name: "gv0", bricks: 3})
}

package brick_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// world returns what is below dir: every name, its mode and its extended attributes.
func world(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %v", strings.TrimPrefix(path, dir), info.Mode())
		buf := make([]byte, 4096)
		n, err := unix.Listxattr(path, buf)
		if err != nil {
			return err
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
			v := make([]byte, 4096)
			if n, err := unix.Getxattr(path, name, v); name != "" && err == nil {
				fmt.Fprintf(&out, " %s=%x", name, v[:n])
			}
		}
		out.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// scene is a state of the directory before a preparation.
type scene struct {
	name string
	path string // below the directory of the test
	lay  func(t *testing.T, dir string)
}

func scenes() []scene {
	old := uuid.MustParse("99999999-aaaa-4bbb-8ccc-ddddeeeeffff")
	return []scene{
		{"new", "/b", func(*testing.T, string) {}},
		{"new with parents", "/x/y/b", func(*testing.T, string) {}},
		{"new with one parent", "/x/y/b", func(t *testing.T, dir string) { mkdir(t, dir+"/x") }},
		{"empty directory", "/b", func(t *testing.T, dir string) { mkdir(t, dir+"/b") }},
		{"directory with files", "/b", func(t *testing.T, dir string) {
			if err := os.WriteFile(mkdir(t, dir+"/b")+"/file", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"old brick", "/b", func(t *testing.T, dir string) {
			mkdir(t, dir+"/b/.glusterfs/00")
			for name, v := range map[string][]byte{"trusted.glusterfs.volume-id": old[:], "trusted.gfid": old[:]} {
				if err := unix.Setxattr(dir+"/b", name, v, 0); err != nil {
					t.Fatal(err)
				}
			}
		}},
	}
}

func prepareReq(path string) brick.PrepareReq {
	return brick.PrepareReq{
		Where:    brick.Where{VolumeName: "gv0", Host: "node1", PeerID: "p1", Path: path},
		VolumeID: "0b2a7a4e-1111-4222-8333-444455556666", Mark: "txn-1", CreateParents: true,
	}
}

func prepare(t *testing.T, req brick.PrepareReq) {
	t.Helper()
	if err := brick.Prepare(t.Context(), brick.System{}, req); err != nil {
		t.Fatal(err)
	}
}

func unprepare(t *testing.T, req brick.PrepareReq) {
	t.Helper()
	if err := brick.Unprepare(t.Context(), brick.System{}, req); err != nil {
		t.Fatal(err)
	}
}

func TestPrepareAndBack(t *testing.T) {
	for _, sc := range scenes() {
		t.Run(sc.name, func(t *testing.T) {
			dir := bricktest.FS(t)
			sc.lay(t, dir)
			before, req := world(t, dir), prepareReq(dir+sc.path)
			unprepare(t, req) // after nothing
			prepare(t, req)
			once := world(t, dir)
			prepare(t, req)
			if again := world(t, dir); again != once {
				t.Errorf("a second time changed\n%s\nto\n%s", once, again)
			}
			id := make([]byte, 16)
			want := uuid.MustParse(req.VolumeID)
			n, err := unix.Getxattr(req.Path, "trusted.glusterfs.volume-id", id)
			if err != nil || n != 16 || string(id) != string(want[:]) {
				t.Errorf("volume id %x, %v", id[:max(n, 0)], err)
			}
			if info, err := os.Stat(req.Path + "/.glusterfs"); err != nil || !info.IsDir() {
				t.Errorf(".glusterfs: %v", err)
			}
			other := req
			other.Mark = "txn-2"
			unprepare(t, other) // somebody else's undo
			if after := world(t, dir); after != once {
				t.Errorf("the undo of another preparation changed\n%s\nto\n%s", once, after)
			}
			for range 2 {
				unprepare(t, req)
				if after := world(t, dir); after != before {
					t.Errorf("undone\n%s\nbefore\n%s", after, before)
				}
			}
		})
	}
}

// TestPrepareFaults makes each call fail in turn, before it does its work and after, alone and with all that follow, in
// Prepare and in its undo.
// Whatever happened, a second try or an undo puts it right.
func TestPrepareFaults(t *testing.T) {
	t.Parallel()
	for _, sc := range scenes() {
		t.Run(sc.name, func(t *testing.T) {
			dir := bricktest.FS(t)
			count := newFaulty(dir)
			sc.lay(t, mkdir(t, dir+"/count"))
			if err := brick.Prepare(t.Context(), count, prepareReq(dir+"/count"+sc.path)); err != nil {
				t.Fatal(err)
			}
			calls := count.calls
			if err := brick.Unprepare(t.Context(), count, prepareReq(dir+"/count"+sc.path)); err != nil {
				t.Fatal(err)
			}
			for n := range count.calls {
				for mode := range 4 {
					root := mkdir(t, fmt.Sprintf("%s/%d-%d", dir, n, mode))
					sc.lay(t, root)
					sys := newFaulty(root)
					sys.failAt, sys.after, sys.dead = n, mode&1 != 0, mode&2 != 0
					faultAt(t, root, prepareReq(root+sc.path), sys, n < calls)
				}
			}
		})
	}
}

func faultAt(t *testing.T, root string, req brick.PrepareReq, sys *faulty, inPrepare bool) {
	t.Helper()
	before := world(t, root)
	fault := fmt.Sprintf("call %d failed (after its work: %v, all later ones: %v)", sys.failAt, sys.after, sys.dead)
	errPrepare := brick.Prepare(t.Context(), sys, req)
	if inPrepare && errPrepare != nil {
		unprepare(t, req)
		if got := world(t, root); got != before {
			t.Errorf("%s, undone\n%s\nbefore\n%s", fault, got, before)
		}
		prepare(t, req)
		unprepare(t, req)
	} else if err := brick.Unprepare(t.Context(), sys, req); err != nil {
		unprepare(t, req)
	}
	if got := world(t, root); got != before {
		t.Errorf("%s, in the end\n%s\nbefore\n%s", fault, got, before)
	}
}

// TestUnprepareKeepsFiles: a directory that we made, but that somebody uses by now, stays.
func TestUnprepareKeepsFiles(t *testing.T) {
	dir := bricktest.FS(t)
	req := prepareReq(dir + "/x/b")
	prepare(t, req)
	if err := os.WriteFile(req.Path+"/precious", []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	unprepare(t, req)
	unprepare(t, req)
	if _, err := os.Stat(req.Path + "/precious"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(req.Path + "/.glusterfs"); !os.IsNotExist(err) {
		t.Errorf(".glusterfs is left: %v", err)
	}
	if strings.Contains(strings.Split(world(t, req.Path), "\n")[0], "trusted") {
		t.Errorf("marks are left: %s", world(t, req.Path))
	}
}

// TestUnprepareAfterTheBrickRan: GlusterFS's own files do not keep a directory from being removed.
func TestUnprepareAfterTheBrickRan(t *testing.T) {
	p := newPeer(t)
	v, specs := p.add(t, "gv0", "b1")
	if _, err := p.bricks.Start(t.Context(), specs[0]); err != nil {
		t.Fatal(err)
	}
	if err := p.bricks.Stop(t.Context(), specs[0]); err != nil {
		t.Fatal(err)
	}
	unprepare(t, p.prepareReq(v, specs[0].Path))
	if _, err := os.Stat(specs[0].Path); !os.IsNotExist(err) {
		t.Errorf("the directory is left: %v", err)
	}
}

func TestRelease(t *testing.T) {
	dir := bricktest.FS(t)
	req := prepareReq(dir + "/b")
	release := func(id string) {
		t.Helper()
		if err := brick.Release(t.Context(), brick.System{}, req.Where, id); err != nil {
			t.Fatal(err)
		}
	}
	release(req.VolumeID) // nothing there
	prepare(t, req)
	before := world(t, dir)
	release(uuid.NewString())
	if after := world(t, dir); after != before {
		t.Errorf("the release of another volume changed\n%s\nto\n%s", before, after)
	}
	release(req.VolumeID)
	release(req.VolumeID)
	if got := world(t, dir); strings.Contains(got, "trusted") || !strings.Contains(got, "/b/.glusterfs") {
		t.Errorf("released:\n%s", got)
	}
	check := checkReq(req.Path)
	mustPass(t, newFaulty(dir), check)
}

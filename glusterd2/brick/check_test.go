package brick_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
	"gd2/pkg/api"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

func TestCheckPath(t *testing.T) {
	long := "/" + strings.Repeat("x", 300)
	for path, want := range map[string]string{
		"":            "the path is empty",
		"bricks/b1":   "must be absolute",
		"/":           "the root directory",
		"/a/../b":     `in its shortest form, here "/b"`,
		"/a//b":       "in its shortest form",
		"/a/":         "in its shortest form",
		"/a\nb":       `contains '\n'`,
		"/a b":        `contains ' '`,
		"/a`id`":      "contains '`'",
		"/a\x00":      `contains '\x00'`,
		"/a\"":        `contains '"'`,
		"/a#b":        `contains '#'`,
		"/a\xffb":     "not valid UTF-8",
		long:          "too long by",
		"/bricks/b-1": "",
	} {
		err := brick.CheckPath(brick.Where{VolumeName: "gv0", Host: "node1", PeerID: "p1", Path: path})
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", path, err)
			}
			continue
		}
		if !api.IsKind(err, api.Invalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "brick node1:") {
			t.Errorf("%q: %v, want …%s…", path, err, want)
		}
		if f := api.AsError(err).Fields; f[api.FieldPeer] != "p1" || f["brick"] != "node1:"+path {
			t.Errorf("%q: fields %v", path, f)
		}
	}
}

// checkReq is for a new brick below dir, which is on the root filesystem or not as the machine has it.
func checkReq(path string) brick.CheckReq {
	return brick.CheckReq{
		Where:    brick.Where{VolumeName: "gv0", Host: "node1", PeerID: "p1", Path: path},
		VolumeID: "0b2a7a4e-1111-4222-8333-444455556666", Allow: brick.Allow{RootFilesystem: true},
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRefuse(t *testing.T, sys brick.OS, req brick.CheckReq, want string) {
	t.Helper()
	err := brick.Check(t.Context(), sys, req)
	if !api.IsKind(err, api.State) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), req.Host+":") {
		t.Errorf("Check(%s) = %v, want …%s…", req.Path, err, want)
	}
}

func mustPass(t *testing.T, sys brick.OS, req brick.CheckReq) {
	t.Helper()
	if err := brick.Check(t.Context(), sys, req); err != nil {
		t.Errorf("Check(%s) = %v", req.Path, err)
	}
}

func TestCheckOverlap(t *testing.T) {
	dir := bricktest.FS(t)
	mkdir(t, dir+"/a/b/c")
	if err := os.Symlink(dir+"/a", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	req := checkReq(dir + "/a/b")
	req.Allow = brick.AllowOf(map[string]bool{api.FlagReuseBricks: true}, true) // no flag lifts this guard
	for known, want := range map[string]string{
		dir + "/a/b":      "is a brick already",
		dir + "/a":        "inside the brick " + dir + "/a",
		dir + "/a/b/c":    "the brick " + dir + "/a/b/c is inside it",
		dir + "/link/b":   "is a brick already",
		dir + "/link/b/c": "is inside it",
	} {
		req.Known = []string{"/elsewhere", known}
		mustRefuse(t, newFaulty(dir), req, want)
	}
	req.Known = []string{dir + "/a/bc", dir + "/a/b2"}
	mustPass(t, newFaulty(dir), req)
}

func TestCheckMarks(t *testing.T) {
	dir := bricktest.FS(t)
	mkdir(t, dir+"/old/sub")
	other := uuid.New()
	set := func(path, name string, value []byte) {
		t.Helper()
		if err := unix.Setxattr(path, name, value, 0); err != nil {
			t.Fatal(err)
		}
	}
	set(dir+"/old", "trusted.glusterfs.volume-id", other[:])
	req := checkReq(dir + "/old")
	mustRefuse(t, newFaulty(dir), req, "volume with id "+other.String()+"; set reuse-bricks or force")
	mustRefuse(t, newFaulty(dir), checkReq(dir+"/old/sub"), dir+"/old is or was a brick")
	mustRefuse(t, newFaulty(dir), checkReq(dir+"/old/new"), dir+"/old is or was a brick")
	req.Allow.Reuse = true
	mustPass(t, newFaulty(dir), req)
	own := checkReq(dir + "/old")
	own.VolumeID = other.String()
	mustRefuse(t, newFaulty(dir), own, "is or was a brick") // one that was removed is not what it was
	own.Own = true
	mustPass(t, newFaulty(dir), own)
	set(dir+"/old", "trusted.gd2.made", []byte(`{"owner":"m"}`))
	again := checkReq(dir + "/old")
	again.VolumeID, again.Mark = other.String(), "m"
	mustPass(t, newFaulty(dir), again)
	again.Mark = "n"
	mustRefuse(t, newFaulty(dir), again, "is or was a brick")
	mkdir(t, dir+"/gfid")
	set(dir+"/gfid", "trusted.gfid", other[:])
	mustRefuse(t, newFaulty(dir), checkReq(dir+"/gfid/new"), "it has a gfid; set reuse-bricks or force")
}

func TestCheckPlace(t *testing.T) {
	dir := bricktest.FS(t)
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustPass(t, newFaulty(dir), checkReq(dir+"/new"))
	mustRefuse(t, newFaulty(dir), checkReq(dir+"/file"), "is not a directory")
	mustRefuse(t, newFaulty(dir), checkReq(dir+"/file/x"), "cannot be looked at")
	deep := checkReq(dir + "/x/y/z")
	mustRefuse(t, newFaulty(dir), deep, "parent directory "+dir+"/x/y does not exist; make it, or set create-brick-dir")
	deep.Allow.CreateParents = true
	mustPass(t, newFaulty(dir), deep)
	if _, err := os.Stat(dir + "/x"); !os.IsNotExist(err) {
		t.Errorf("the check made something: %v", err)
	}
}

func TestCheckFilesystem(t *testing.T) {
	dir := bricktest.FS(t)
	mkdir(t, dir+"/b")
	req := checkReq(dir + "/b")
	req.Allow = brick.Allow{}
	sys := newFaulty(dir)
	sys.stats = map[string]brick.Stat{"/": {Device: 7}, dir: {Device: 7}, dir + "/b": {Device: 7}}
	mustRefuse(t, sys, req, "on the root filesystem, which the brick could fill up; set allow-root-dir or force")
	sys.stats[dir+"/b"] = brick.Stat{Device: 8}
	mustRefuse(t, sys, req, "itself a mount point")
	mustRefuse(t, sys, req, "set allow-mount-as-brick or force")
	req.Allow = brick.AllowOf(map[string]bool{api.FlagAllowMountAsBrick: true}, false)
	mustPass(t, sys, req)
	sys.stats[dir] = brick.Stat{Device: 8}
	req.Allow = brick.Allow{}
	mustPass(t, sys, req)
}

func TestCheckXattrSupport(t *testing.T) {
	dir := bricktest.FS(t)
	for _, c := range []struct {
		op   brick.Op
		want string
	}{
		{"check-trusted-xattr", "does not keep trusted extended attributes"},
		{"check-user-xattr", "does not keep user extended attributes (mount it with user_xattr)"},
		{"check-acl", "does not keep access control lists (mount it with acl); set force"},
	} {
		sys := newFaulty(dir)
		sys.only, sys.failAt, sys.err = c.op, 0, unix.ENOTSUP
		mustRefuse(t, sys, checkReq(filepath.Join(dir, "b")), c.want)
	}
}

// TestCheckSurvivesFaults fails every call in turn: each failure is an error that names the brick.
func TestCheckSurvivesFaults(t *testing.T) {
	dir := bricktest.FS(t)
	mkdir(t, dir+"/b")
	count := newFaulty(dir)
	req := checkReq(dir + "/b")
	req.Allow = brick.Allow{}
	req.Allow.RootFilesystem = true
	mustPass(t, count, req)
	for n := range count.calls {
		sys := newFaulty(dir)
		sys.failAt = n
		err := brick.Check(t.Context(), sys, req)
		if !api.IsKind(err, api.State) || !strings.Contains(err.Error(), errFault.Error()) || !strings.Contains(err.Error(), req.Path) {
			t.Errorf("call %d of %d failed: %v", n, count.calls, err)
		}
	}
}

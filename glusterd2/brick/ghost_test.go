package brick_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
	"gd2/pkg/api"
)

// things are the directories and attributes that a world describes, with their values.
func things(world, dir string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(world), "\n") {
		words := strings.Fields(line)
		path := dir
		if strings.HasPrefix(words[0], "/") {
			path, words = dir+words[0], words[1:]
		}
		if strings.HasPrefix(words[0], "d") {
			out[api.OnDirectory+" "+path] = ""
		}
		for _, attr := range words[1:] {
			name, value, _ := strings.Cut(attr, "=")
			out[api.OnXattr+" "+path+" "+name] = value
		}
	}
	return out
}

// changes are the differences of two worlds, as effects in words.
func changes(before, after map[string]string) []string {
	var out []string
	for k, v := range after {
		old, had := before[k]
		switch {
		case !had:
			out = append(out, "create "+k)
		case old != v:
			out = append(out, "change "+k)
		}
	}
	for k := range before {
		if _, has := after[k]; !has {
			out = append(out, "destroy "+k)
		}
	}
	slices.Sort(out)
	return out
}

// A Ghost says exactly what Check and Prepare then do, and changes nothing.
func TestGhostTellsTheTruth(t *testing.T) {
	for _, sc := range scenes() {
		t.Run(sc.name, func(t *testing.T) {
			dir := bricktest.FS(t)
			sc.lay(t, dir)
			before, req := world(t, dir), prepareReq(dir+sc.path)
			check := checkReq(req.Path)
			check.Allow = brick.Allow{Reuse: true, RootFilesystem: true, MountPoint: true, CreateParents: true, NoACL: true}
			both := func(sys brick.OS) {
				t.Helper()
				if err := brick.Check(t.Context(), sys, check); err != nil {
					t.Fatal(err)
				}
				if err := brick.Prepare(t.Context(), sys, req); err != nil {
					t.Fatal(err)
				}
			}
			ghost := brick.NewGhost(brick.System{})
			both(ghost)
			if after := world(t, dir); after != before {
				t.Fatalf("the ghost changed\n%s\nto\n%s", before, after)
			}
			said := []string{}
			for _, e := range ghost.Effects() {
				said = append(said, fmt.Sprint(e.Action, " ", e.Kind, " ", e.Name))
			}
			slices.Sort(said)
			both(brick.System{})
			if did := changes(things(before, dir), things(world(t, dir), dir)); !slices.Equal(said, did) {
				t.Errorf("said\n%s\ndid\n%s", strings.Join(said, "\n"), strings.Join(did, "\n"))
			}
		})
	}
}

func TestGhostIsConsistent(t *testing.T) {
	dir := bricktest.FS(t)
	g := brick.NewGhost(brick.System{})
	at := filepath.Join(dir, "a")
	if err := g.Mkdir("", at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.Mkdir("", at, 0o755); !os.IsExist(err) {
		t.Errorf("made twice: %v", err)
	}
	if err := g.Rename("", at, dir); !os.IsExist(err) {
		t.Errorf("renamed onto what is there: %v", err)
	}
	for _, step := range []error{
		g.Setxattr("", at, "user.x", []byte("1")), g.Setxattr("", at, "user.x", []byte("1")),
		g.Rename("", at, filepath.Join(dir, "b")), g.Removexattr("", filepath.Join(dir, "b"), "user.x"), g.Removexattr("", dir, "user.none"),
		g.RemoveAll("", filepath.Join(dir, "none")),
	} {
		if step != nil {
			t.Error(step)
		}
	}
	if v, err := g.Getxattr("", filepath.Join(dir, "b"), "user.x"); v != nil || err != nil {
		t.Errorf("an attribute that was removed: %q %v", v, err)
	}
	if st, err := g.Stat("", filepath.Join(dir, "b")); err != nil || !st.Dir {
		t.Errorf("%+v %v", st, err)
	}
	if n := len(g.Effects()); n != 3 {
		t.Errorf("%d effects: %+v", n, g.Effects())
	}
}

func TestUsable(t *testing.T) {
	dir := bricktest.FS(t)
	req := prepareReq(dir + "/b")
	usable := func(id string) string {
		err := brick.Usable(brick.System{}, req.Where, id)
		if err == nil {
			return ""
		}
		return err.Error()
	}
	if got := usable(req.VolumeID); !strings.Contains(got, "is not there") {
		t.Errorf("missing: %q", got)
	}
	mkdir(t, dir+"/b")
	if got := usable(req.VolumeID); !strings.Contains(got, "no volume id") {
		t.Errorf("not mounted: %q", got)
	}
	prepare(t, req)
	if got := usable(req.VolumeID); got != "" {
		t.Errorf("a brick: %q", got)
	}
	if got := usable("99999999-aaaa-4bbb-8ccc-ddddeeeeffff"); !strings.Contains(got, "volume with id "+req.VolumeID) {
		t.Errorf("another volume's: %q", got)
	}
}

package workdir

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// captures are files that glusterd 10.3 wrote.
const captures = "../volgen/testdata/glusterd"

func pairs(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		out[k] = v
	}
	return out
}

// captured is the volume of which glusterd wrote info, and the hosts of its bricks.
func captured(info map[string]string) (v *volume.Volume, hosts []string) {
	n := func(key string) int { i, _ := strconv.Atoi(info[key]); return i }
	v = &volume.Volume{ID: info["volume-id"], State: map[string]volume.State{"0": volume.Created, "1": volume.Started, "2": volume.Stopped}[info["status"]], Auth: volume.Auth{Username: info["username"], Password: info["password"]},
		QuotaVersion: n("quota-version"), Options: map[string]string{}}
	s := volume.Subvol{Type: api.SubvolDistribute, Replica: n("replica_count"), Arbiter: n("arbiter_count"), Disperse: n("disperse_count"), Redundancy: n("redundancy_count")}
	switch {
	case s.Disperse > 0:
		s.Type, s.Replica = api.SubvolDisperse, 0
	case s.Replica > 1:
		s.Type = api.SubvolReplicate
	}
	for i := range n("count") {
		host, dashes, _ := strings.Cut(info[fmt.Sprint("brick-", i)], ":")
		hosts = append(hosts, host)
		s.Bricks = append(s.Bricks, volume.Brick{Path: strings.ReplaceAll(dashes, "-", "/"), Client: i})
	}
	v.Subvols = []volume.Subvol{s}
	for k, val := range info {
		if strings.Contains(k, ".") {
			v.Options[k] = val
		}
	}
	return v, hosts
}

// What is written of a volume is what glusterd wrote of it, line for line.
func TestInfoIsGlusterds(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(captures, "*", "info"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		want := pairs(t, file)
		v, hosts := captured(want)
		op, _ := strconv.Atoi(want["op-version"])
		client, _ := strconv.Atoi(want["client-op-version"])
		version, _ := strconv.ParseInt(want["version"], 10, 64)
		text := volumeInfo(v, version, hosts, op, client)
		next := filepath.Join(t.TempDir(), "info")
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, pairs(t, next)); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
		if lines := strings.Split(text, "\n"); lines[0] != "type="+want["type"] || !slices.Contains(lines, "brick-0="+want["brick-0"]) {
			t.Errorf("%s: %s", file, text)
		}
	}
}

func TestBrickFilesAreGlusterds(t *testing.T) {
	dir := filepath.Join(captures, "rep3")
	v, hosts := captured(pairs(t, filepath.Join(dir, "info")))
	v.Name = "rep3"
	names, err := os.ReadDir(filepath.Join(dir, "bricks"))
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	files := brickFiles(v, hosts)
	for _, name := range names {
		want := pairs(t, filepath.Join(dir, "bricks", name.Name()))
		file, ok := files[want["hostname"]+":"+strings.ReplaceAll(want["path"], "/", "-")]
		next := filepath.Join(t.TempDir(), "brick")
		if err := os.WriteFile(next, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		got := pairs(t, next)
		for _, differs := range []string{"uuid", "listen-port", "brick-fsid"} { // peers of the capture; what only its host knows
			delete(want, differs)
			delete(got, differs)
		}
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: %v\n%s", name.Name(), ok, diff)
		}
	}
}

func TestStates(t *testing.T) {
	for state, want := range map[volume.State]int{volume.Created: 0, volume.Started: 1, volume.Stopped: 2} {
		if got := stateNumber(state); got != want {
			t.Errorf("%s is %d, want %d", state, got, want)
		}
	}
}

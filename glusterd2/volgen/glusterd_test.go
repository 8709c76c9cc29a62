package volgen

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// differences are where ours is not glusterd's on purpose, per translator and option, with the reason.
var differences = []struct{ typ, option, why string }{
	{"features/marker", "timestamp-file", "the file lies in gd2's own directory, not in glusterd's"},
	{"storage/posix", "shared-brick-count", "glusterd writes 0 into the copies for bricks of other nodes; the captures " +
		"are node1's. gd2 serves a brick its own volfile only, so the count is always the brick's"},
}

// onPurpose puts glusterd's value into ours where the two may differ, so that the rest can be compared exactly.
func onPurpose(ours, theirs []xl) {
	for i := range ours {
		for _, d := range differences {
			if i < len(theirs) && ours[i].Type == d.typ && theirs[i].Type == d.typ {
				ours[i].Options[d.option] = theirs[i].Options[d.option]
			}
		}
	}
}

func keyValues(t *testing.T, file string) [][2]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out [][2]string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		k, v, _ := strings.Cut(sc.Text(), "=")
		out = append(out, [2]string{k, v})
	}
	return out
}

// captured builds the record of a volume out of the files in which glusterd kept it.
func captured(t *testing.T, dir, name string) *volume.Volume {
	t.Helper()
	v := &volume.Volume{Name: name, Transport: "tcp", Options: map[string]string{}}
	info := map[string]string{}
	var bricks []volume.Brick
	for _, kv := range keyValues(t, filepath.Join(dir, "info")) {
		k, val := kv[0], kv[1]
		info[k] = val
		switch {
		case strings.HasPrefix(k, "brick-"):
			bricks = append(bricks, capturedBrick(t, filepath.Join(dir, "bricks", strings.ReplaceAll(val, ":", ""))))
		case strings.Contains(k, "."):
			v.Options[k] = val
		}
	}
	v.ID, v.Auth = info["volume-id"], volume.Auth{Username: info["username"], Password: info["password"]}
	v.Subvols = subvols(bricks, info)
	if got := strconv.Itoa(ClientOpVersion(v, table(t))); got != info["client-op-version"] {
		t.Errorf("%s: client op-version %s, glusterd has %s", dir, got, info["client-op-version"])
	}
	if got := strconv.Itoa(OpVersion(v, table(t))); got != info["op-version"] {
		t.Errorf("%s: op-version %s, glusterd has %s", dir, got, info["op-version"])
	}
	return v
}

func capturedBrick(t *testing.T, file string) volume.Brick {
	var b volume.Brick
	for _, kv := range keyValues(t, file) {
		switch kv[0] {
		case "hostname":
			b.PeerID = kv[1]
		case "path":
			b.Path = kv[1]
		case "brick-id":
			b.Client, _ = strconv.Atoi(kv[1][strings.LastIndex(kv[1], "-")+1:])
		}
	}
	b.ID = fmt.Sprint("brick-", b.Client)
	return b
}

// subvols cuts the list of bricks into sets, as glusterd's numbers say.
func subvols(bricks []volume.Brick, info map[string]string) []volume.Subvol {
	num := func(k string) int { n, _ := strconv.Atoi(info[k]); return n }
	shape := volume.Subvol{Type: api.SubvolDistribute, Replica: 1}
	size := 1
	switch info["type"] {
	case "2":
		size = num("sub_count")
		shape = volume.Subvol{Type: api.SubvolReplicate, Replica: size, Arbiter: num("arbiter_count")}
	case "4":
		size = num("sub_count")
		shape = volume.Subvol{Type: api.SubvolDisperse, Disperse: size, Redundancy: num("redundancy_count")}
	}
	var out []volume.Subvol
	for i := 0; i < len(bricks); i += size {
		s := shape
		s.Bricks = bricks[i : i+size]
		for j := range s.Bricks {
			s.Bricks[j].Arbiter = j >= size-s.Arbiter
		}
		out = append(out, s)
	}
	return out
}

func table(t testing.TB) *xlator.Table {
	t.Helper()
	tab, err := xlator.Load()
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func testParams(t testing.TB) Params {
	return Params{Table: table(t), Host: func(id string) string { return id }, Dir: "/var/lib/glusterd2/vols"}
}

// TestVolfilesMatch compares ours with what glusterd 10.3 wrote for the same volumes: same translators in the same
// order, same options, same children.
func TestVolfilesMatch(t *testing.T) {
	for dir, name := range map[string]string{
		"rep3": "rep3", "arb": "arb", "disp": "disp", "dist2": "dist2", "dr23": "dr23",
		"rep": "rep", "disp2": "disp2", "dist": "dist",
	} {
		t.Run(dir, func(t *testing.T) {
			root := filepath.Join("testdata", "glusterd", dir)
			v := captured(t, root, name)
			o := testParams(t)
			same(t, filepath.Join(root, name+".tcp-fuse.vol"), Client(v, o, false))
			same(t, filepath.Join(root, "trusted-"+name+".tcp-fuse.vol"), Client(v, o, true))
			if v.NeedsSelfHeal() {
				same(t, filepath.Join(root, name+"-shd.vol"), SelfHeal(v, o))
			}
			if file := filepath.Join(root, name+"-rebalance.vol"); dir == "dist2" || dir == "dr23" {
				same(t, file, Rebalance(v, o))
			}
			bricks := v.Bricks()
			if strings.HasPrefix(bricks[0].Path, "/mnt/") {
				bricks = bricks[:1] // all on one node there: the first says it all
			}
			for i, b := range bricks {
				file := filepath.Join(root, name+"."+b.PeerID+"."+volume.Dashes(b.Path)+".vol")
				same(t, file, Brick(v, i, o))
			}
		})
	}
}

// TestVolfilesMatchFeatures does the same for a volume with quota, bitrot detection and snapshots for users.
func TestVolfilesMatchFeatures(t *testing.T) {
	root := filepath.Join("testdata", "glusterd", "features")
	v := captured(t, root, "rep3")
	v.QuotaVersion = 1
	o := testParams(t)
	same(t, filepath.Join(root, "quotad.vol"), QuotaDaemon([]*volume.Volume{v}, o))
	for i, b := range v.Bricks() {
		same(t, filepath.Join(root, "rep3.client."+b.PeerID+".data-br-rep3.vol"), BrickClient(v, i, o))
	}
	same(t, filepath.Join(root, "rep3.tcp-fuse.vol"), Client(v, o, false))
	same(t, filepath.Join(root, "trusted-rep3.tcp-fuse.vol"), Client(v, o, true))
	same(t, filepath.Join(root, "rep3-shd.vol"), SelfHeal(v, o))
	same(t, filepath.Join(root, "rep3.node1.data-br-rep3.vol"), Brick(v, 0, o))
}

func same(t *testing.T, file, ours string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	theirs, err := parse(string(text))
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	got, err := parse(ours)
	if err != nil {
		t.Errorf("ours for %s: %v\n%s", file, err, ours)
		return
	}
	onPurpose(got, theirs)
	if d := cmp.Diff(theirs, got); d != "" {
		t.Errorf("%s: glusterd (-), ours (+):\n%s", filepath.Base(file), d)
	}
}

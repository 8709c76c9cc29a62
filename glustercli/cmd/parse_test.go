package cmd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
)

// bricks makes n bricks as text: h1:/b, h2:/b ...
func bricks(n int) string {
	var out []string
	for i := range n {
		out = append(out, "h"+string(rune('1'+i))+":/b")
	}
	return strings.Join(out, " ")
}

func TestParseCreateShapes(t *testing.T) {
	replica := func(n, arbiter int) api.SubvolReq {
		return api.SubvolReq{Type: api.SubvolReplicate, ReplicaCount: n, ArbiterCount: arbiter}
	}
	disperse := func(n, redundancy int) api.SubvolReq {
		return api.SubvolReq{Type: api.SubvolDisperse, DisperseCount: n, DisperseData: n - redundancy, DisperseRedundancy: redundancy}
	}
	distribute := api.SubvolReq{Type: api.SubvolDistribute}
	for _, c := range []struct {
		args   string
		shape  api.SubvolReq
		number int
	}{
		{bricks(1), distribute, 1},
		{bricks(3), distribute, 3},
		{"replica 2 " + bricks(2), replica(2, 0), 1},
		{"replica 3 " + bricks(3), replica(3, 0), 1},
		{"replica 3 " + bricks(6), replica(3, 0), 2},
		{"replica 5 " + bricks(5), replica(5, 0), 1},
		{"replica 2 arbiter 1 " + bricks(3), replica(3, 1), 1},
		{"replica 3 arbiter 1 " + bricks(3), replica(3, 1), 1},
		{"replica 3 arbiter 1 " + bricks(6), replica(3, 1), 2},
		{"disperse 6 redundancy 2 " + bricks(6), disperse(6, 2), 1},
		{"disperse 3 " + bricks(3), disperse(3, 1), 1},
		{"disperse 6 " + bricks(6), disperse(6, 2), 1},
		{"disperse 4 " + bricks(8), disperse(4, 1), 2},
		{"disperse " + bricks(5), disperse(5, 1), 1},
		{"disperse redundancy 2 " + bricks(6), disperse(6, 2), 1},
		{"disperse-data 4 " + bricks(6), disperse(6, 2), 1},
		{"disperse-data 4 redundancy 2 " + bricks(6), disperse(6, 2), 1},
		{"disperse-data 2 redundancy 1 " + bricks(6), disperse(3, 1), 2},
		{"redundancy 1 " + bricks(3), disperse(3, 1), 1},
		{"disperse 6 disperse-data 4 " + bricks(6), disperse(6, 2), 1},
		{bricks(3) + " replica 3", replica(3, 0), 1},
	} {
		t.Run(c.args, func(t *testing.T) {
			req, err := parseCreate(append([]string{"gv0"}, strings.Fields(c.args)...), createFlags{})
			if err != nil {
				t.Fatal(err)
			}
			if req.Name != "gv0" || len(req.Subvols) != c.number {
				t.Fatalf("name %q, %d subvolumes", req.Name, len(req.Subvols))
			}
			n := 0
			for _, s := range req.Subvols {
				n += len(s.Bricks)
				s.Bricks = nil
				if d := cmp.Diff(c.shape, s); d != "" {
					t.Error(d)
				}
			}
			if n != strings.Count(c.args, ":/") {
				t.Errorf("%d bricks", n)
			}
		})
	}
}

func TestParseCreateRest(t *testing.T) {
	f := createFlags{replica: 2, options: []string{"a.b:c:d", "e=f"}, reuse: true, metadata: map[string]string{"k": "v"}}
	req, err := parseCreate(strings.Fields("gv0 transport tcp [fe80::1]:/b fe80::2:/b force"), f)
	if err != nil {
		t.Fatal(err)
	}
	want := api.VolumeCreateReq{
		Name: "gv0", Transport: "tcp", Force: true, Metadata: f.metadata,
		Options: map[string]string{"a.b": "c:d", "e": "f"}, Flags: map[string]bool{api.FlagReuseBricks: true},
		Subvols: []api.SubvolReq{{
			Type: api.SubvolReplicate, ReplicaCount: 2,
			Bricks: []api.BrickReq{{PeerID: "fe80::1", Path: "/b"}, {PeerID: "fe80::2", Path: "/b"}},
		}},
	}
	if d := cmp.Diff(want, req); d != "" {
		t.Error(d)
	}
}

func TestParseCreateErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "no brick is given"},
		{"replica 3 " + bricks(4), "4 bricks cannot be divided into replica 3 subvolumes; give a multiple of 3"},
		{"replica 3 " + bricks(1), "1 brick cannot be divided into replica 3 subvolumes"},
		{"replica 2 arbiter 1 " + bricks(4), "4 bricks cannot be divided into replica 2 arbiter 1 subvolumes; give a multiple of 3"},
		{"disperse 6 redundancy 2 " + bricks(5), "5 bricks cannot be divided into disperse 6 redundancy 2 subvolumes"},
		{"disperse 4 redundancy 2 " + bricks(4), "redundancy 2 is too much for disperse 4; it must be less than half of it"},
		{"disperse 6 disperse-data 4 redundancy 1 " + bricks(6), "disperse 6 is not disperse-data 4 plus redundancy 1"},
		{"disperse-data 3 " + bricks(3), "leaves no redundancy"},
		{"disperse 2 " + bricks(2), "it needs at least 3 bricks"},
		{"replica 1 " + bricks(1), "replica is 1; it must be at least 2"},
		{"arbiter 1 " + bricks(3), "arbiter needs replica"},
		{"replica 4 arbiter 1 " + bricks(4), "arbiter 1 needs replica 3"},
		{"replica 3 arbiter 2 " + bricks(3), "it can only be 1"},
		{"replica 3 disperse 3 " + bricks(3), "exclude each other"},
		{"replica x " + bricks(3), `replica needs a number, not "x"`},
		{"replica -3 " + bricks(3), `replica needs a number, not "-3"`},
		{"replica", "replica needs a number"},
		{"replica 2 replica 3 " + bricks(3), "replica is given twice: 2 and 3"},
		{"stripe 2 " + bricks(2), "striped volumes are not supported"},
		{"replica 2 thin-arbiter 1 " + bricks(3), "thin arbiters are not supported"},
		{"transport", "transport needs a value"},
		{"h1:/b h1:/b", "brick h1:/b is given twice"},
		{"h1:b", `"h1:b" is not a brick; it must be HOST:/PATH`},
		{":/b", `":/b" is not a brick`},
		{"replca 3 " + bricks(3), `"replca" is neither a brick (HOST:/PATH) nor one of the words replica, arbiter`},
	} {
		_, err := parseCreate(append([]string{"gv0"}, strings.Fields(c.args)...), createFlags{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !isUsage(err) {
			t.Errorf("%s: %v, want %s", c.args, err, c.want)
		}
	}
	if _, err := parseCreate([]string{"gv0", "h:/b"}, createFlags{options: []string{"x"}}); err == nil {
		t.Error("an option without a value was accepted")
	}
}

func TestParseHeal(t *testing.T) {
	for args, good := range map[string]bool{
		"gv0": true, "gv0 full": true, "full gv0": true, "index gv0": true, "gv0 enable": true, "gv0 disable": true, "gv0 info": true,
		"info gv0": true, "gv0 info summary": true, "info gv0 split-brain": true, "full": true,
		"gv0 statistics": true, "gv0 statistics heal-count": true, "gv0 statistics heal-count replica n1:/b": true,
		"gv0 split-brain bigger-file /f": true, "gv0 split-brain source-brick n1:/b": true, "gv0 split-brain source-brick n1:/b /f": true,
		"split-brain gv0 latest-mtime gfid:1": true, "gv0 granular-entry-heal enable": true,
		"gv0 info nonsense": false, "gv0 nonsense": false, "gv0 full more": false, "gv0 info summary and-more": false,
		"gv0 statistics count": false, "gv0 statistics heal-count n1:/b": false, "gv0 split-brain": false, "gv0 split-brain bigger-file": false,
		"gv0 split-brain bigger-file /f /g": false, "gv0 split-brain source-brick /f": false, "gv0 split-brain source-brick n1:/b /f /g": false,
		"gv0 granular-entry-heal": false, "gv0 granular-entry-heal on": false,
	} {
		volume, words := healWords(strings.Fields(args))
		act, err := parseHeal(volume, words)
		if good != (err == nil && act != nil) || !good && !isUsage(err) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if volume, words := healWords([]string{"info", "info"}); volume != "info" || len(words) != 1 {
		t.Errorf("a volume called info: %q %q", volume, words)
	}
}

func TestBestRedundancy(t *testing.T) {
	for n, want := range map[int]int{3: 1, 4: 1, 5: 1, 6: 2, 7: 3, 9: 1, 10: 2, 11: 3, 12: 4, 20: 4} {
		if got := bestRedundancy(n); got != want {
			t.Errorf("%d bricks: %d, want %d", n, got, want)
		}
	}
}

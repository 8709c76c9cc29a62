package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// heketiLibrary is Heketi's own client library, in a program of its own, which runs on the peers.
type heketiLibrary struct {
	heketi
	program string
}

func newHeketiLibrary(h heketi) heketiLibrary {
	h.t.Helper()
	program := filepath.Join(h.t.TempDir(), "heketiclient")
	build := exec.CommandContext(h.t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "heketiclient"
	if out, err := build.CombinedOutput(); err != nil {
		h.t.Fatalf("build of the client: %v\n%s", err, out)
	}
	return heketiLibrary{h, program}
}

// try calls a method of the library, from the peer that answers.
func (l heketiLibrary) try(answer any, args ...string) error {
	p := l.Peer(l.n)
	out, err := p.Run(l.t.Context(), append([]string{l.program, "http://" + p.Addr + ":8080", l.user, heketiKeys[l.user]}, args...)...)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal([]byte(out), answer)
}

func (l heketiLibrary) call(answer any, args ...string) {
	l.t.Helper()
	l.must(l.try(answer, args...))
}

// heketiObject is what the tests read of the library's answers.
type heketiObject struct {
	ID     string `json:"id"`
	Size   int    `json:"size"`
	Bricks []any  `json:"bricks"`
}

// TestHeketiClient drives the pool with the client library that Heketi's users have, as it is: from a topology to volumes
// that several make at once, through every peer.
func TestHeketiClient(t *testing.T) {
	t.Parallel()
	l := newHeketiLibrary(newHeketi(t, 3, 1))
	var cluster heketiObject
	l.call(&cluster, "ClusterCreate", `{"file":true,"block":true}`)
	for n := 1; n <= 3; n++ {
		var node heketiObject
		l.call(&node, "NodeAdd", fmt.Sprintf(`{"zone":%d,"cluster":"%s","hostnames":{"manage":["%s"],"storage":["%s"]}}`, n, cluster.ID, l.Peer(n).Name, l.Peer(n).Addr))
		l.call(nil, "DeviceAdd", fmt.Sprintf(`{"node":"%s","name":"/srv/disk0"}`, node.ID))
	}
	l.waitOnline(3)
	volumes := l.createAtOnce(3)
	var topology struct {
		Clusters []struct {
			Nodes, Volumes []heketiObject
		} `json:"clusters"`
	}
	l.call(&topology, "TopologyInfo")
	if got := topology.Clusters; len(got) != 1 || len(got[0].Nodes) != 3 || len(got[0].Volumes) != 3 {
		t.Fatalf("%+v", topology)
	}
	if v := topology.Clusters[0].Volumes[0]; v.Size != 1 || len(v.Bricks) != 3 {
		t.Errorf("%+v", v)
	}
	err := l.try(nil, "VolumeCreate", `{"size":100000,"durability":{"type":"replicate","replicate":{"replica":3}}}`)
	if err == nil || !strings.Contains(err.Error(), "No space") {
		t.Errorf("a volume for which there is no room: %v", err)
	}
	for _, v := range volumes {
		l.call(nil, "VolumeDelete", v)
	}
	if err := l.try(nil, "VolumeDelete", volumes[0]); err == nil || !strings.Contains(err.Error(), "Id not found") {
		t.Errorf("a volume that is gone: %v", err)
	}
	l.nodeFails()
	l.emptied()
}

// nodeFails takes a node out of service that has one of the two bricks of a volume. When the library has its answer the brick is on the
// third node.
func (l heketiLibrary) nodeFails() {
	l.t.Helper()
	var v struct {
		ID     string `json:"id"`
		Bricks []struct{ Node string }
	}
	l.call(&v, "VolumeCreate", `{"size":1,"durability":{"type":"replicate","replicate":{"replica":2}}}`)
	stays, leaves := v.Bricks[0].Node, v.Bricks[1].Node
	if err := l.try(nil, "NodeState", leaves, `{"state":"failed"}`); err == nil || !strings.Contains(err.Error(), "offline before") {
		l.t.Errorf("an online node fails: %v", err)
	}
	l.call(nil, "NodeState", leaves, `{"state":"offline"}`)
	l.call(nil, "NodeState", leaves, `{"state":"failed"}`)
	l.call(&v, "VolumeInfo", v.ID)
	if a, b := v.Bricks[0].Node, v.Bricks[1].Node; a == leaves || b == leaves || a == b || a != stays && b != stays {
		l.t.Errorf("bricks on %s and %s; they were on %s and %s, which has failed", a, b, stays, leaves)
	}
	if err := l.try(nil, "NodeState", leaves, `{"state":"online"}`); err == nil || !strings.Contains(err.Error(), "failed") {
		l.t.Errorf("a node that has failed is online again: %v", err)
	}
	l.call(nil, "VolumeDelete", v.ID)
}

// createAtOnce makes volumes as the user who may, through all peers at once.
func (l heketiLibrary) createAtOnce(n int) []string {
	l.t.Helper()
	var wg sync.WaitGroup
	made, errs := make([]heketiObject, n), make([]error, n)
	for i := range n {
		at := heketiLibrary{l.at(1 + i%3).as("user"), l.program}
		wg.Go(func() {
			errs[i] = at.try(&made[i], "VolumeCreate", `{"size":1,"durability":{"type":"replicate","replicate":{"replica":3}}}`)
		})
	}
	wg.Wait()
	ids := make([]string, n)
	for i, err := range errs {
		l.must(err)
		ids[i] = made[i].ID
	}
	return ids
}

// emptied demands that nothing is left on the devices.
func (h heketi) emptied() {
	h.t.Helper()
	for n := 1; n <= 3; n++ {
		left, err := os.ReadDir(h.Peer(n).Path("/srv/disk0"))
		if err != nil || len(left) != 1 { // the mark of the device
			h.t.Errorf("node%d: %v, %v", n, left, err)
		}
		if out, _ := h.Peer(n).Run(h.t.Context(), "grep", "-c", "/bricks/", "/proc/mounts"); strings.TrimSpace(out) != "0" {
			h.t.Errorf("node%d has %s filesystems of bricks mounted", n, out)
		}
	}
	for _, d := range h.pool.devices() {
		if d.UsedSize != 0 {
			h.t.Errorf("%+v", d)
		}
	}
}

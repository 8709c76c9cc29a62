package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gd2/pkg/heketi"
)

// A large dump is sent in parts that a daemon takes, each with all nodes and devices, and with each volume in one of them.
func TestReadDump(t *testing.T) {
	const volumes, bricks, devices = 40, 32, 200
	d := heketi.Dump{
		Nodes: map[string]heketi.NodeEntry{}, Devices: map[string]heketi.DeviceEntry{}, Volumes: map[string]heketi.VolumeEntry{}, Bricks: map[string]heketi.BrickEntry{},
	}
	dir := t.TempDir()
	id := func(kind string, n int) string { return kind + fmt.Sprintf("%031d", n) }
	d.Nodes[id("e", 1)] = heketi.NodeEntry{State: heketi.StateOnline}
	for n := range volumes {
		var v heketi.VolumeEntry
		v.Info.Name = fmt.Sprint("vol", n)
		info := strings.Repeat("some.option-of-the-volume=value\n", 40)
		for b := range bricks {
			e := heketi.BrickEntry{TpSize: 1 << 30, Info: heketi.BrickInfo{ID: id("b", n*bricks+b), DeviceID: id("d", b), NodeID: id("e", 1), VolumeID: id("a", n)}}
			e.Info.Path = "/var/lib/heketi/mounts/vg_" + e.Info.DeviceID + "/brick_" + e.Info.ID + "/brick"
			info += "brick-0=node:" + e.Info.Path + "\n"
			d.Bricks[e.Info.ID], v.Bricks = e, append(v.Bricks, e.Info.ID)
		}
		d.Volumes[id("a", n)] = v
		if err := os.MkdirAll(filepath.Join(dir, "vols", v.Info.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "vols", v.Info.Name, "info"), []byte(info), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n := range devices {
		e := heketi.DeviceEntry{State: heketi.StateOnline, NodeId: id("e", 1)}
		for b := range 200 { // which say no more than the bricks do
			e.Bricks = append(e.Bricks, id("b", b))
		}
		d.Devices[id("d", n)] = e
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "dump.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	batches, warnings, err := readDump(file, dir)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, %v", warnings, err)
	}
	seen := map[string]int{}
	for _, req := range batches {
		body, err := json.Marshal(req)
		part, _, parseErr := heketi.ParseDump(req.Dump)
		if err != nil || parseErr != nil || len(body) > 1<<20 || len(part.Devices) != devices || len(part.Nodes) != 1 || len(part.Volumes) != len(req.Volumes) {
			t.Errorf("%d bytes, %d devices, %d volumes, %d files, %v, %v", len(body), len(part.Devices), len(part.Volumes), len(req.Volumes), err, parseErr)
		}
		for v, e := range part.Volumes {
			seen[v]++
			for _, b := range e.Bricks {
				if _, there := part.Bricks[b]; !there {
					t.Errorf("brick %s of %s is missing", b, v)
				}
			}
		}
	}
	for n := range volumes {
		if seen[id("a", n)] != 1 {
			t.Errorf("volume %d is in %d parts", n, seen[id("a", n)])
		}
	}
	if len(batches) < 3 {
		t.Errorf("%d parts", len(batches))
	}
}

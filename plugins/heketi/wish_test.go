package heketi

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

// wished reads a request as it comes.
func wished(t *testing.T, body string) (wish, error) {
	t.Helper()
	var req heketi.VolumeCreateRequest
	if err := json.Unmarshal([]byte(body), &req); err != nil {
		t.Fatal(err)
	}
	return newWish(req)
}

func TestWish(t *testing.T) {
	fields := func(f api.SmartVolumeFields) api.SmartVolumeFields {
		f.MaxBrickSize = maxBrick
		return f
	}
	const gb = 1 << 30
	for body, want := range map[string]api.SmartVolumeFields{
		`{"size":1}`: {Size: gb, ReplicaCount: 1, SubvolZonesOverlap: true},
		`{"size_mb":100,"durability":{"type":"none"}}`:                                     {Size: 100 << 20, ReplicaCount: 1, SubvolZonesOverlap: true},
		`{"size":2,"durability":{"type":"replicate"},"snapshot":{"factor":0}}`:             {Size: 2 * gb, ReplicaCount: 2, SubvolZonesOverlap: true},
		`{"size":2,"durability":{"type":"disperse"}}`:                                      {Size: 2 * gb, DisperseData: 4, DisperseRedundancy: 2, SubvolZonesOverlap: true},
		`{"size":2,"durability":{"type":"disperse","disperse":{"data":8,"redundancy":4}}}`: {Size: 2 * gb, DisperseData: 8, DisperseRedundancy: 4, SubvolZonesOverlap: true},
		`{"size":3,"snapshot":{"enable":true,"factor":1.5},"durability":{"type":"replicate","replicate":{"replica":3}},"glustervolumeoptions":["",
			"user.heketi.arbiter true","user.heketi.average-file-size 128","user.heketi.zone-checking strict","user.heketi.device-tag-match tier!=slow"]}`: {
			Size: 3 * gb, ReplicaCount: 3, ArbiterCount: 1, AverageFileSize: 128 << 10, SnapshotEnabled: true, SnapshotReserveFactor: 1.5, MatchTags: []string{"tier!=slow"},
		},
		`{"size":3,"glustervolumeoptions":["user.heketi.arbiter false","user.heketi.zone-checking none"]}`: {Size: 3 * gb, ReplicaCount: 1, SubvolZonesOverlap: true},
	} {
		w, err := wished(t, body)
		if err != nil || !reflect.DeepEqual(w.req.SmartVolumeFields, fields(want)) {
			t.Errorf("%s: %+v, %v", body, w.req.SmartVolumeFields, err)
		}
		id, found := strings.CutPrefix(w.req.Name, "vol_")
		if full, _ := asUUID(id); !found || full != w.ID || w.req.Options[optID] != id {
			t.Errorf("%s: name %s, id %s, options %v", body, w.req.Name, w.ID, w.req.Options)
		}
	}
	w, err := wished(t, `{"size":1,"name":"data","gid":2000,"glustervolumeoptions":["  nfs.disable   on "]}`)
	if err != nil || w.req.Name != "data" || w.GID != 2000 || w.req.Options["nfs.disable"] != "on" {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestWishRefuses(t *testing.T) {
	for body, says := range map[string]string{
		`{}`:                                        "validation failed: size: 0",
		`{"size":-1}`:                               "validation failed: size: -1",
		`{"size":9223372036854775807}`:              "validation failed: size:",
		`{"size":1,"size_mb":1}`:                    "not both",
		`{"size":1,"name":"a.b"}`:                   "validation failed: name:",
		`{"size":1,"gid":-1}`:                       "validation failed: gid:",
		`{"size":1,"gid":2147483647}`:               "is not from 0 to 2147483646",
		`{"size":1,"durability":{"type":"mirror"}}`: `"mirror" is not one of none, replicate and disperse`,
		`{"size":1,"durability":{"type":"replicate","replicate":{"replica":4}}}`:           "Invalid replica value",
		`{"size":1,"durability":{"type":"replicate","replicate":{"replica":-1}}}`:          "Invalid replica value",
		`{"size":1,"durability":{"type":"disperse","disperse":{"data":3,"redundancy":2}}}`: "Invalid dispersion combination: 3+2",
		`{"size":1,"snapshot":{"enable":true}}`:                                            "Invalid snapshot factor",
		`{"size":1,"snapshot":{"enable":true,"factor":101}}`:                               "Invalid snapshot factor",
		`{"size":1,"glustervolumeoptions":["nfs.disable"]}`:                                "write KEY VALUE",
		`{"size":1,"glustervolumeoptions":["user.heketi.arbiter maybe"]}`:                  "neither true nor false",
		`{"size":1,"glustervolumeoptions":["user.heketi.average-file-size 0"]}`:            "no number of KiB",
		`{"size":1,"glustervolumeoptions":["user.heketi.zone-checking loose"]}`:            "neither none nor strict",
	} {
		_, err := wished(t, body)
		var f *fault
		if !errors.As(err, &f) || f.status != http.StatusBadRequest || !strings.Contains(f.text, says) {
			t.Errorf("%s: %v, want %q", body, err, says)
		}
	}
	if _, err := wished(t, `{"size":1,"block":true}`); !api.IsKind(err, api.NotSupported) {
		t.Error(err)
	}
	if _, err := newWish(heketi.VolumeCreateRequest{Size: 1, Snapshot: heketi.Snapshot{Enable: true, Factor: float32(math.NaN())}}); err == nil {
		t.Error("a factor that is no number")
	}
}

// The check of the database finds what refers to nothing, and devices that give more than they have.
func TestCheckOf(t *testing.T) {
	d := &replica3().Dump
	if c := checkOf(d, nil); c.TotalInconsistencies != 0 || c.Bricks.Total != 3 || c.Bricks.Ok != 3 || c.Nodes.Ok != 6 {
		t.Errorf("%+v", c)
	}
	delete(d.Nodes, oldID("e", 1))
	alter(d.Devices, oldID("d", 2), func(e *heketi.DeviceEntry) { e.Info.Storage.Used = 1 })
	c := checkOf(d, []api.Operation{{}})
	if c.TotalInconsistencies != 3 || c.Devices.NotOk != 2 || c.Bricks.NotOk != 1 || c.PendingOperations.Total != 1 {
		t.Errorf("%+v", c)
	}
	if got := strings.Join(c.Devices.Inconsistencies, "\n"); !strings.Contains(got, oldID("d", 1)+" names the node") || !strings.Contains(got, oldID("d", 2)+" gives more than it has") {
		t.Error(got)
	}
}

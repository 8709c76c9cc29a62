package volumes

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/backing"
	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// What is on a device of this peer and in no record is found, unless somebody may be about to record it.
func TestOrphansFound(t *testing.T) {
	r := newRig(t)
	log := logrus.New()
	log.SetOutput(io.Discard)
	dir := t.TempDir()
	d := &device.Device{ID: "d", PeerID: "p1", Name: dir, Provisioner: api.ProvisionerDirectory}
	host := backing.New(backing.Config{Mounts: t.TempDir(), Locks: t.TempDir(), Log: logrus.NewEntry(log)})
	p, err := host.Of(d.Provisioner)
	if err == nil {
		_, err = p.Take(t.Context(), backing.Device{ID: d.ID, Name: dir}, false)
	}
	for _, id := range []string{"mine", "owed", "lost"} {
		if err == nil {
			err = p.Make(t.Context(), backing.Device{ID: d.ID, Name: dir}, backing.Brick{ID: id})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	part := func(id string) *volume.Volume {
		return &volume.Volume{ID: id, Name: id, Subvols: []volume.Subvol{{Bricks: []volume.Brick{{ID: id, PeerID: "p1", Path: filepath.Join(dir, id), Device: "d"}}}}}
	}
	commit(t, r.store, func() []store.Write {
		return append(device.Owe(part("owed"), nil), device.Records.Create("d", d), volume.Records.Create("mine", part("mine")))
	})
	plane := &DataPlane{PeerID: "p1", Store: r.store, Backing: host}
	busy := false
	look := func() ([]Orphan, bool) {
		found, ok, err := plane.Orphans(t.Context(), func() bool { return busy })
		if err != nil {
			t.Fatal(err)
		}
		return found, ok
	}
	if found, ok := look(); !ok || len(found) != 1 || found[0].Brick != "lost" || found[0].Device.ID != "d" {
		t.Errorf("%+v, %v", found, ok)
	}
	busy = true
	if found, ok := look(); ok || len(found) != 0 {
		t.Errorf("while a transaction runs: %+v, %v", found, ok)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if found, ok := look(); !ok || len(found) != 0 {
		t.Errorf("of a disk that is gone: %+v, %v", found, ok)
	}
}

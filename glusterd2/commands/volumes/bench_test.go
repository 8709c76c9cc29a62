package volumes

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"gd2/glusterd2/device"
	"gd2/glusterd2/provision"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// crowd gives the pool devices, spread over its peers, and volumes of a size whose three bricks are spread over the devices.
func (r *rig) crowd(devices, volumes int) {
	r.t.Helper()
	peers := r.pool.Peers()
	at := func(n int) string { return fmt.Sprintf("d%d", n%devices) }
	r.inBatches(devices, func(n int) store.Write {
		d := &device.Device{
			ID: at(n), PeerID: peers[n%3], Name: fmt.Sprintf("/dev/%d", n), Provisioner: api.ProvisionerLVM,
			State: api.DeviceEnabled, Size: 40000 * gib, Unit: 4 << 20, Mounts: "/run/bricks",
		}
		return device.Records.Create(d.ID, d)
	})
	r.mustCreate(sized("model", 10*gib, 3))
	model := r.record("model")
	r.inBatches(volumes, func(n int) store.Write {
		v := *model
		v.ID, v.Name = uuid.NewString(), fmt.Sprintf("crowd%d", n)
		v.Subvols = []volume.Subvol{v.Subvols[0]}
		v.Subvols[0].Bricks = append([]volume.Brick(nil), v.Subvols[0].Bricks...)
		for i := range v.Subvols[0].Bricks {
			b := &v.Subvols[0].Bricks[i]
			b.ID, b.Device, b.PeerID = uuid.NewString(), at(3*n+i), peers[i]
			b.Path = "/run/bricks/" + b.ID + "/brick"
		}
		return volume.Records.Create(v.Name, &v)
	})
}

// inBatches commits n records.
func (r *rig) inBatches(n int, write func(n int) store.Write) {
	r.t.Helper()
	const batch = 50
	for from := 0; from < n; from += batch {
		commit(r.t, r.store, func() (writes []store.Write) {
			for i := from; i < min(from+batch, n); i++ {
				writes = append(writes, write(i))
			}
			return writes
		})
	}
}

// BenchmarkPlan plans a volume of a size among 1,000 devices that hold 10,000 volumes: what is free is read, and places are chosen.
func BenchmarkPlan(b *testing.B) {
	r := newRig(b)
	r.crowd(1000, 10000)
	want, err := sizedRequest(sized("gv", 10*gib, 3))
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		devices, err := r.c.readDevices("")
		if err != nil {
			b.Fatal(err)
		}
		want.Seed = uint64(n)
		if _, err := provision.Place(want, devices.list); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreate makes volumes of a size, with a real store and bricks in memory, among few volumes and among many: the two
// should take about as long.
func BenchmarkCreate(b *testing.B) {
	for _, volumes := range []int{10, 10000} {
		b.Run(fmt.Sprintf("volumes=%d", volumes), func(b *testing.B) {
			r := newRig(b)
			r.crowd(12, volumes)
			for n := 0; b.Loop(); n++ {
				r.mustCreate(sized(fmt.Sprintf("gv%d", n), gib, 3))
			}
		})
	}
}

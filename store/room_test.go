package store_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"gd2/store"
	"gd2/store/storetest"
)

// TestDiskFull fills the disk of a lone member, and starts it on a disk that is full.
func TestDiskFull(t *testing.T) {
	var room atomic.Int64
	room.Store(100 << 20)
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	p := &storetest.Peer{Config: store.WithRoom(cfg, room.Load)}
	p.Store = storetest.Open(t, p.Config)
	commit(t, p.Store, volumes.Create("gv0", volume{}))

	room.Store(15 << 20)
	waitFor(t, "the member is stopped and the store says why", func() bool {
		return strings.Contains(p.Store.Waiting(), "has 15 MiB left") && !p.Store.IsLeader()
	})
	if st := status(t, p.Store); st.Healthy || !strings.Contains(strings.Join(st.Warnings, ";"), "has 15 MiB left") {
		t.Errorf("the status is %+v", st)
	}
	get(t, p.Store, "gv0")
	closeStore(t, p)
	p.Restart(t)
	get(t, p.Store, "gv0") // from the copy on disk
	waitFor(t, "the store says why it waits", func() bool { return strings.Contains(p.Store.Waiting(), "has 15 MiB left") })

	room.Store(127 << 20)
	waitFor(t, "the member waits for more", func() bool { return strings.Contains(p.Store.Waiting(), "has 127 MiB left") })
	room.Store(129 << 20)
	wantVolume(t, p.Store, "gv0")
	commit(t, p.Store, volumes.Create("gv1", volume{}))
	if st := status(t, p.Store); !st.Healthy {
		t.Errorf("the status is %+v", st)
	}
}

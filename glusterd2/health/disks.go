package health

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gd2/glusterd2/event"
	"gd2/pkg/api"
)

const (
	// diskLook is the pause between looks at the disks.
	diskLook = 10 * time.Second
	// fullBelow is the share of a disk, in percent, that is left when it counts as full; freedFrom when it does no more.
	fullBelow, freedFrom = 2, 4
)

// Disk is a directory whose file system is watched; Volume is the volume whose brick it is, if any.
type Disk struct{ Path, Volume string }

// Room is how full a file system is, in percent that is left of its blocks and its inodes.
type Room struct{ Blocks, Inodes int }

// Disks tells which disks of this peer are full. A disk that does not answer must hold up nothing else, so they are
// looked at aside, by Run.
type Disks struct {
	Self func() Self
	List func() []Disk
	// Room is StatRoom unless a test says otherwise.
	Room func(path string) (Room, error)

	mu    sync.Mutex
	known bool
	signs []Sign
}

// Run looks at the disks until ctx ends.
func (d *Disks) Run(ctx context.Context) error {
	full := map[Disk]time.Time{}
	tick := time.NewTicker(diskLook)
	defer tick.Stop()
	for {
		d.round(full, time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// round looks at each disk once; full tells since when those are that are full.
func (d *Disks) round(full map[Disk]time.Time, now time.Time) {
	signs := []Sign{}
	for _, disk := range d.List() {
		room, err := d.Room(disk.Path)
		if err != nil {
			continue // not there yet, or not any more
		}
		left := min(room.Blocks, room.Inodes)
		since, was := full[disk]
		switch {
		case !was && left < fullBelow:
			full[disk], since, was = now, now, true
		case was && left >= freedFrom:
			delete(full, disk)
			was = false
		}
		signs = append(signs, Sign{
			ID: place(event.FaultDisk, d.Self().ID, disk.Path, disk.Volume), Down: was,
			Fault: event.Fault{Kind: event.FaultDisk, Since: since, Data: d.Self().data(api.DataPath, disk.Path, api.DataVolumeName, disk.Volume,
				api.DataReason, fmt.Sprintf("%d %% of its blocks and %d %% of its inodes are left", room.Blocks, room.Inodes))},
		})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signs, d.known = signs, true
}

// Prefix implements Source.
func (d *Disks) Prefix() string { return event.FaultDisk + "/" + d.Self().ID + "/" }

// Look implements Source.
func (d *Disks) Look(time.Time) ([]Sign, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.signs, d.known
}

// StatRoom asks the file system of a path.
func StatRoom(path string) (Room, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Room{}, err
	}
	share := func(left, all uint64) int {
		if all == 0 {
			return 100 // it has no such limit
		}
		return int(left * 100 / all)
	}
	return Room{Blocks: share(st.Bavail, st.Blocks), Inodes: share(st.Ffree, st.Files)}, nil
}

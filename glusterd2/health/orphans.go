package health

import (
	"context"
	"sync"
	"time"

	"gd2/glusterd2/event"
	"gd2/pkg/api"
)

// orphanLook is the pause between looks at the devices: LVM's reports are not for free.
const orphanLook = 30 * time.Second

// Orphan is a brick on a device, by its path, that nothing knows of.
type Orphan struct{ Device, Brick string }

// Orphans tells of bricks on this peer's devices that no volume has. A disk that does not answer must hold up nothing else, so
// they are looked for aside, by Run.
type Orphans struct {
	Self func() Self
	// List finds them; ok is false if that is not known at the moment.
	List func(ctx context.Context) (found []Orphan, ok bool)

	mu    sync.Mutex
	known bool
	signs []Sign
}

// Run looks until ctx ends.
func (o *Orphans) Run(ctx context.Context) error {
	tick := time.NewTicker(orphanLook)
	defer tick.Stop()
	for {
		o.round(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (o *Orphans) round(ctx context.Context) {
	found, ok := o.List(ctx)
	if !ok {
		return // what was known holds
	}
	signs := []Sign{}
	for _, b := range found {
		signs = append(signs, Sign{ID: place(event.FaultOrphan, o.Self().ID, b.Device, b.Brick), Down: true, Fault: event.Fault{
			Kind: event.FaultOrphan, Data: o.Self().data(api.DataPath, b.Device,
				api.DataReason, "no volume has the brick "+b.Brick+" that is on the device: remove it by hand, if nobody needs it")}})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.signs, o.known = signs, true
}

// Prefix implements Source.
func (o *Orphans) Prefix() string { return event.FaultOrphan + "/" + o.Self().ID + "/" }

// Look implements Source.
func (o *Orphans) Look(time.Time) ([]Sign, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.signs, o.known
}

package provision

import (
	"cmp"
	"fmt"
	"slices"
)

// Grow returns the bricks of a volume as they are when each of its data bricks holds more bytes in addition, where they
// are; arbiters grow with what is beside them. The sets are subvolumes. The refusal is a *Refusal that names the devices
// that lack the room. Only MaxBrick, AverageFile and Reserve of the request count.
func Grow(r Request, sets [][]Brick, more uint64, devices []Device) ([][]Brick, error) {
	at := map[string]*Device{}
	for i := range devices {
		at[devices[i].ID] = &devices[i]
	}
	out := make([][]Brick, len(sets))
	extra := map[string]uint64{}
	for i, set := range sets {
		data := set[0].Size + more
		if r.MaxBrick > 0 && data > r.MaxBrick {
			return nil, &Refusal{Reason: fmt.Sprintf("bricks of %s KiB would be larger than max-brick-size, %s KiB", kib(data), kib(r.MaxBrick))}
		}
		for _, b := range set {
			d := at[b.DeviceID]
			if d == nil {
				return nil, &Refusal{Reason: "a brick is on no device that is known, so that it cannot grow"}
			}
			grown := r.grown(d, b, data)
			extra[d.ID] += grown.Cost - b.Cost
			out[i] = append(out[i], grown)
		}
	}
	return out, lacking(extra, devices)
}

// grown is a brick beside data bricks of a size. It never shrinks, whatever rules made it.
func (r *Request) grown(d *Device, b Brick, data uint64) Brick {
	b.Size = max(b.Size, r.sizeOn(d, data, b.Arbiter))
	pool := max(b.Pool, d.Sizing.Pool(b.Size, r.Reserve))
	b.Cost = max(b.Cost+pool-b.Pool, d.Sizing.Cost(b.Size, r.Reserve))
	b.Pool = pool
	return b
}

// lacking refuses what devices have no room for.
func lacking(extra map[string]uint64, devices []Device) error {
	out := &Refusal{Reason: "no room for the bricks to grow where they are"}
	for _, d := range devices {
		need, grows := extra[d.ID]
		name := d.Host + ":" + d.Name
		switch {
		case !grows:
		case d.Unusable != "":
			out.Passed = append(out.Passed, Passed{name, "is " + d.Unusable})
		case need > d.Free:
			out.Passed = append(out.Passed, Passed{name, fmt.Sprintf("needs %s KiB more, has %s", kib(need), kib(d.Free))})
		}
	}
	if len(out.Passed) == 0 {
		return nil
	}
	slices.SortFunc(out.Passed, func(a, b Passed) int { return cmp.Compare(a.Device, b.Device) })
	return out
}

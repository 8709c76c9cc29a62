package provision

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
)

// Place chooses devices for all bricks of a volume, or returns a *Refusal that names every device and why it was passed
// over. It prefers devices that are emptier by proportion, then those with fewer bricks. An unsound request is Invalid.
func Place(r Request, devices []Device) (Plan, error) {
	if err := r.Validate(); err != nil {
		return Plan{}, err
	}
	ids := candidates(&r, devices)
	var refusal *Refusal // the first: of the fewest and largest bricks
	for _, n := range r.counts() {
		brick := r.brickSize(n)
		if brick < r.smallest(ids, devices) {
			break
		}
		p := newPlacer(&r, devices, ids, brick)
		if plan, ok := p.plan(n, byFill); ok {
			return plan, nil
		}
		// What is even need not fit. This order fits whenever anything does, arbiters aside.
		p = newPlacer(&r, devices, ids, brick)
		if plan, ok := p.plan(n, byRoom); ok {
			return plan, nil
		}
		if refusal == nil {
			refusal = p.refusal(n)
		}
	}
	if refusal == nil {
		refusal = tooSmall(&r, ids, devices)
	}
	return Plan{}, refusal
}

// Replace chooses a device for one brick of a size, beside the bricks of its subvolume that stay, given by their devices.
// One that is kept for the bricks of the device that the brick leaves, lost.DeviceID, is preferred.
// The refusal is a *Refusal. Only the limits, the rules, the domain, the seed and the room for snapshots of the request count.
func Replace(r Request, lost Brick, stay []string, devices []Device) (Brick, error) {
	r.from = lost.DeviceID
	p := newPlacer(&r, devices, candidates(&r, devices), lost.Size)
	p.exact = lost.Size
	for i := range devices {
		if slices.Contains(stay, devices[i].ID) {
			p.take(&devices[i])
		}
	}
	if i, ok := p.best(lost.Arbiter, byFill); ok {
		return p.put(i, lost.Arbiter), nil
	}
	return Brick{}, p.refusal(1)
}

// counts are the numbers of subvolumes to try, in order.
func (r *Request) counts() []int {
	if r.Distribute > 0 {
		return []int{r.Distribute}
	}
	first := 1
	if r.MaxBrick > 0 {
		per := r.MaxBrick * r.share()
		first = int(min((r.Size-1)/per+1, maxSubvols+1))
	}
	most := maxSubvols
	if r.MaxBricks > 0 {
		most = min(most, r.MaxBricks/r.width())
	}
	var out []int
	for n := first; n <= most; n += 1 + n/8 {
		out = append(out, n)
	}
	return out
}

// brickSize is the size of each data brick of a volume of n subvolumes; together they hold no less than was asked for.
func (r *Request) brickSize(n int) uint64 {
	parts := uint64(n) * r.share()
	size := r.Size / parts
	if r.Size%parts > 0 {
		size++
	}
	return size
}

// smallest is the smallest data brick that makes sense.
func (r *Request) smallest(ids []int, devices []Device) uint64 {
	least := uint64(math.MaxUint64)
	for _, i := range ids {
		least = min(least, devices[i].Sizing.MinBrick)
	}
	if len(ids) == 0 {
		least = 0
	}
	return max(least, r.MinBrick)
}

// placer fills devices. It works on copies of what changes.
type placer struct {
	r       *Request
	devices []Device
	ids     []int // candidates, as indexes of devices
	brick   uint64
	exact   uint64 // the size of the one brick, arbiter or not, that replaces another; 0 otherwise
	free    []uint64
	bricks  []int
	tie     []uint64
	inSet   map[string]bool // peers and zones of the subvolume that is being filled
	zones   map[string]bool
}

func newPlacer(r *Request, devices []Device, ids []int, brick uint64) *placer {
	p := &placer{
		r: r, devices: devices, ids: ids, brick: brick, free: make([]uint64, len(devices)), bricks: make([]int, len(devices)),
		tie: make([]uint64, len(devices)), inSet: map[string]bool{}, zones: map[string]bool{},
	}
	for i := range devices {
		p.free[i], p.bricks[i], p.tie[i] = devices[i].Free, devices[i].Bricks, tieOf(r.Seed, devices[i].ID)
	}
	return p
}

// tieOf gives equally good devices an order that differs from request to request.
func tieOf(seed uint64, id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64([]byte(id), seed))
	return h.Sum64()
}

// order says which of two devices takes the next brick.
type order int

const (
	// byFill prefers the device that would be emptiest by proportion.
	byFill order = iota
	// byRoom prefers the domain with room for the most bricks.
	byRoom
)

// plan places n subvolumes.
func (p *placer) plan(n int, o order) (Plan, bool) {
	plan := Plan{BrickSize: p.brick}
	for range n {
		set, ok := p.subvol(o)
		if !ok {
			return Plan{}, false
		}
		plan.Subvols = append(plan.Subvols, set)
	}
	return plan, true
}

// subvol places the bricks of one subvolume: the data bricks and then the arbiter, or, if that finds no room for the
// arbiter, the arbiter first.
func (p *placer) subvol(o order) ([]Brick, bool) {
	width := p.r.width()
	clear(p.inSet)
	clear(p.zones)
	if p.r.Arbiter == 0 {
		return p.fill(nil, width, o)
	}
	free, bricks := slices.Clone(p.free), slices.Clone(p.bricks)
	if set, ok := p.fill(nil, width-1, o); ok {
		if i, ok := p.best(true, o); ok {
			return append(set, p.put(i, true)), true
		}
	}
	copy(p.free, free)
	copy(p.bricks, bricks)
	clear(p.inSet)
	clear(p.zones)
	i, ok := p.best(true, o)
	if !ok {
		return nil, false
	}
	arbiter := p.put(i, true)
	set, ok := p.fill(nil, width-1, o)
	return append(set, arbiter), ok
}

// fill adds data bricks to a subvolume until it has so many.
func (p *placer) fill(set []Brick, many int, o order) ([]Brick, bool) {
	for len(set) < many {
		i, ok := p.best(false, o)
		if !ok {
			return nil, false
		}
		set = append(set, p.put(i, false))
	}
	return set, true
}

// put takes the room for a brick.
func (p *placer) put(i int, arbiter bool) Brick {
	d := &p.devices[i]
	size, cost := p.need(d, arbiter)
	p.free[i] -= cost
	p.bricks[i]++
	p.take(d)
	return Brick{DeviceID: d.ID, PeerID: d.PeerID, Size: size, Cost: cost, Pool: d.Sizing.Pool(size, p.r.Reserve), Arbiter: arbiter}
}

// take marks the domains of a device as used by the subvolume.
func (p *placer) take(d *Device) {
	p.inSet[d.PeerID] = true
	p.zones[d.Zone] = true
}

// need is the size of a brick on a device and what it takes there.
func (p *placer) need(d *Device, arbiter bool) (size, cost uint64) {
	size = p.exact
	if size == 0 {
		size = p.r.sizeOn(d, p.brick, arbiter)
	}
	return size, d.Sizing.Cost(size, p.r.Reserve)
}

// shut says whether the subvolume has a brick in the domain of a device already.
func (p *placer) shut(d *Device) bool {
	return p.inSet[d.PeerID] || p.r.Domain == Zone && p.zones[d.Zone]
}

// rank is how good a device is for the next brick; less is better, the first difference counts.
type rank struct {
	kept  int     // minus 1 if the device is kept for this brick
	role  int     // arbiters prefer devices that take nothing else
	zone  int     // 1 if the subvolume is in this zone already
	room  int     // minus the number of bricks that fit into the domain, by room only
	fill  float64 // what would be used, of 1
	load  int
	tie   uint64
	index int
}

func (a rank) compare(b rank) int {
	return cmp.Or(cmp.Compare(a.kept, b.kept), cmp.Compare(a.role, b.role), cmp.Compare(a.room, b.room), cmp.Compare(a.zone, b.zone), cmp.Compare(a.fill, b.fill),
		cmp.Compare(a.load, b.load), cmp.Compare(a.tie, b.tie), cmp.Compare(a.index, b.index))
}

// best returns the best device for the next brick.
func (p *placer) best(arbiter bool, o order) (int, bool) {
	var rooms map[string]int
	if o == byRoom {
		rooms = p.rooms(arbiter)
	}
	found, top := false, rank{}
	for _, i := range p.ids {
		d := &p.devices[i]
		if p.unfit(i, arbiter) != "" || p.shut(d) {
			continue
		}
		if k := p.rank(i, arbiter, rooms); !found || k.compare(top) < 0 {
			found, top = true, k
		}
	}
	return top.index, found
}

func (p *placer) rank(i int, arbiter bool, rooms map[string]int) rank {
	d := &p.devices[i]
	_, cost := p.need(d, arbiter)
	k := rank{fill: 1 - float64(p.free[i]-cost)/float64(max(d.Size, 1)), load: p.bricks[i], tie: p.tie[i], index: i, room: -rooms[p.domain(d)]}
	if d.KeptFor != "" {
		k.kept = -1
	}
	if arbiter && d.Tags[ArbiterTag] != ArbiterRequired {
		k.role = 1
	}
	if p.zones[d.Zone] {
		k.zone = 1
	}
	return k
}

// domain is the name of the domain that bricks of one subvolume do not share.
func (p *placer) domain(d *Device) string {
	if p.r.Domain == Zone {
		return d.Zone
	}
	return d.PeerID
}

// rooms counts the bricks that would fit into each domain.
func (p *placer) rooms(arbiter bool) map[string]int {
	out := map[string]int{}
	for _, i := range p.ids {
		d := &p.devices[i]
		if p.unfit(i, arbiter) == "" {
			_, cost := p.need(d, arbiter)
			out[p.domain(d)] += int(min(p.free[i]/max(cost, 1), maxSubvols))
		}
	}
	return out
}

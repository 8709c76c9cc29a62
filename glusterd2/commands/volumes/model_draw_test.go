package volumes

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"gd2/glusterd2/volume"
)

// subject is the volume that an operation changes; "" if it is about none that must be there.
func subject(d deed) string {
	switch d.(type) {
	case createDeed, sizedDeed:
		return ""
	}
	if s, is := d.(interface{ subject() string }); is {
		return s.subject()
	}
	return ""
}

// unlucky reports whether something fails on a host.
func unlucky(d deed) bool {
	if f, is := d.(interface{ fault() mishap }); is && f.fault().peer != "" {
		return true
	}
	move, is := d.(moveDeed)
	return is && move.fails != ""
}

func deedName(d deed) string {
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", d), "volumes."), "Deed")
}

// via draws a peer that can be asked.
func (m *machine) via(rt *rapid.T) string {
	var there []string
	for _, id := range modelIDs {
		if _, in := m.want.peers[id]; in && m.want.up[id] {
			there = append(there, id)
		}
	}
	return rapid.SampledFrom(there).Draw(rt, "via")
}

// volume draws the name of a volume, more often than not one that is there.
func (m *machine) volume(rt *rapid.T) string {
	return m.name(rt, func(name string) bool { _, there := m.want.volumes[name]; return there })
}

func (m *machine) name(rt *rapid.T, likely func(name string) bool) string {
	names := modelVolumes()
	for _, n := range modelVolumes() {
		if likely(n) {
			names = append(names, n, n, n, n, n)
		}
	}
	return rapid.SampledFrom(names).Draw(rt, "volume")
}

// mishap draws a peer on whose host a call fails, most often none.
func (m *machine) mishap(rt *rapid.T, calls ...string) mishap {
	peer := rapid.SampledFrom(append([]string{"", "", "", "", ""}, modelIDs...)).Draw(rt, "fault")
	call := rapid.SampledFrom(calls).Draw(rt, "call")
	if peer == "" || m.calm {
		return mishap{}
	}
	return mishap{peer, call}
}

// disk draws a directory for a brick on a peer.
func disk(rt *rapid.T, id string) modelBrick {
	return modelBrick{at: fmt.Sprintf("%s /bricks/%d", id, rapid.IntRange(1, 29).Draw(rt, "disk"))}
}

// bricks draws directories for sets of bricks, as far as there are enough on different peers.
func (m *machine) bricks(rt *rapid.T, width int) []modelBrick {
	var out []modelBrick
	for range rapid.IntRange(1, 2).Draw(rt, "sets") {
		peers := rapid.Permutation(modelIDs).Draw(rt, "peers")
		for i := range width {
			out = append(out, disk(rt, peers[i%len(peers)]))
		}
	}
	return out
}

// modelShapes are the shapes that volumes are made with; the widest do not fit on as many peers.
func modelShapes() []modelShape {
	return []modelShape{
		{width: 1}, {width: 2}, {width: 2}, {width: 3}, {width: 3, arbiter: true}, {width: 4},
		{width: 3, redundancy: 1}, {width: 3, redundancy: 1}, {width: 5, redundancy: 2},
	}
}

// harmless draws a deed without a mishap, as two of them would be mixed up, and without a change of the membership.
func (m *machine) harmless(rt *rapid.T) deed {
	m.calm = true
	defer func() { m.calm = false }()
	switch d := m.deed(rt).(type) {
	case detachDeed, joinDeed:
		return deleteDeed{about{m.volume(rt)}}
	default:
		return d
	}
}

// deed draws an operation: half of the time one that is to be done, if such a one is found soon. By chance alone volumes would
// hardly get far.
func (m *machine) deed(rt *rapid.T) deed {
	if rapid.Bool().Draw(rt, "any") {
		return m.anyDeed(rt)
	}
	for range 8 {
		d := m.anyDeed(rt)
		trial := m.want.clone()
		if slices.Contains(d.apply(&trial), ok) {
			return d
		}
	}
	return m.anyDeed(rt)
}

// anyDeed draws an operation.
func (m *machine) anyDeed(rt *rapid.T) deed {
	what := rapid.SampledFrom(strings.Fields("create create create create start start start start start stop stop delete rename expand expand expand shrink shrink "+
		"replace replace replace reset reset reset grow grow move move move move halt left left quota quota quota limit limit limit set set set set unset unset edit "+
		"pool pool group zone detach join join")).Draw(rt, "what")
	switch what {
	case "create":
		name := m.name(rt, func(name string) bool { _, there := m.want.volumes[name]; return !there })
		if m.want.devices && rapid.Bool().Draw(rt, "sized") {
			return m.sized(sizedDeed{about{name}, m.mishap(rt, "prepare"), rapid.IntRange(1, 3).Draw(rt, "replica"), rapid.Uint64Range(1, 4).Draw(rt, "size") * gib / 2})
		}
		shape := rapid.SampledFrom(modelShapes()).Draw(rt, "shape")
		return createDeed{about{name}, m.mishap(rt, "prepare"), shape, m.bricks(rt, shape.width), shape.width > len(modelIDs) || rapid.Bool().Draw(rt, "force")}
	case "start":
		return startDeed{about{m.volume(rt)}, m.mishap(rt, "start"), rapid.Bool().Draw(rt, "force")}
	case "stop":
		return stopDeed{about{m.volume(rt)}, m.mishap(rt, "stop"), rapid.Bool().Draw(rt, "force")}
	case "delete":
		return deleteDeed{about{m.volume(rt)}}
	case "rename":
		return renameDeed{about{m.volume(rt)}, rapid.SampledFrom(modelVolumes()).Draw(rt, "to")}
	case "expand", "shrink", "grow", "replace", "reset", "move", "halt", "left":
		return m.onBricks(rt, what)
	}
	return m.edit(rt, what)
}

// sized lets nothing go wrong where it is not certain to be met.
func (m *machine) sized(d sizedDeed) deed {
	if len(m.want.room(d.size, nil)) > d.replica {
		d.mishap = mishap{}
	}
	return d
}

// onBricks draws an operation that changes the bricks of a volume, or moves what is on them.
func (m *machine) onBricks(rt *rapid.T, what string) deed {
	name := about{m.volume(rt)}
	v := m.want.volumes[name.name]
	force := rapid.Bool().Draw(rt, "force")
	switch what {
	case "expand":
		return m.expand(rt, name, v, force)
	case "shrink":
		replica, bricks := m.leaving(rt, v)
		return shrinkDeed{name, replica, bricks, force || rapid.Bool().Draw(rt, "really")}
	case "grow":
		return growDeed{name, m.mishap(rt, "may-grow"), rapid.Uint64Range(1, 4).Draw(rt, "size") * gib / 4}
	case "replace":
		if m.want.devices && rapid.Bool().Draw(rt, "chosen") {
			return relocateDeed{name, m.mishap(rt, "prepare", "start"), m.brick(rt, v, false), force}
		}
		id := rapid.SampledFrom(modelIDs).Draw(rt, "to")
		return replaceDeed{name, m.mishap(rt, "prepare", "start"), m.brick(rt, v, false), disk(rt, id).at, force}
	case "reset":
		commit := rapid.Bool().Draw(rt, "commit")
		return resetBrickDeed{name, m.mishap(rt, "prepare", "start", "stop"), m.brick(rt, v, commit), commit, force}
	case "move":
		move := moveDeed{about: name, option: rapid.SampledFrom([]string{"", "force", "fix-layout"}).Draw(rt, "option"), fails: m.mishap(rt, "ensure").peer}
		if rapid.Bool().Draw(rt, "away") {
			move.replica, move.bricks = m.leaving(rt, v)
		}
		return move
	case "halt":
		return haltDeed{name, rapid.SampledFrom([]string{volume.TaskRebalance, volume.TaskRemoveBrick}).Draw(rt, "kind")}
	}
	return leftDeed{name, m.mishap(rt, checkEmpty)}
}

// expand draws more subvolumes, or more copies.
func (m *machine) expand(rt *rapid.T, name about, v modelVolume, force bool) deed {
	d := expandDeed{about: name, mishap: m.mishap(rt, "prepare", "start"), force: force}
	if v.width == 0 || rapid.Bool().Draw(rt, "sets") {
		d.bricks = m.bricks(rt, max(v.width, 1))
		return d
	}
	d.replica = rapid.IntRange(2, 4).Draw(rt, "replica")
	d.arbiter = d.replica == 3 && rapid.Bool().Draw(rt, "arbiter")
	for _, set := range v.sets() {
		others := rapid.Permutation(modelIDs).Draw(rt, "peers")
		has := brickPeers(set)
		slices.SortStableFunc(others, func(a, b string) int { // those that have none of the set first
			return boolRank(slices.Contains(has, a)) - boolRank(slices.Contains(has, b))
		})
		for _, id := range others[:min(max(d.replica-v.width, 1), len(others))] {
			d.bricks = append(d.bricks, disk(rt, id))
		}
	}
	return d
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// leaving draws bricks that are to go: a subvolume, a copy of each, or any.
func (m *machine) leaving(rt *rapid.T, v modelVolume) (replica int, bricks []string) {
	bricks = []string{}
	what := rapid.SampledFrom([]string{"subvolume", "subvolume", "copies", "any"}).Draw(rt, "leaving")
	switch {
	case v.width == 0 || what == "any":
		return 0, append(bricks, m.brick(rt, v, false))
	case what == "subvolume":
		set := rapid.SampledFrom(v.sets()).Draw(rt, "set")
		for _, b := range set {
			bricks = append(bricks, b.at)
		}
		return 0, bricks
	}
	fewer := rapid.IntRange(1, max(v.width-1, 1)).Draw(rt, "fewer")
	for _, set := range v.sets() {
		for _, b := range set[len(set)-fewer:] {
			bricks = append(bricks, b.at)
		}
	}
	return v.width - fewer, bricks
}

// brick draws a brick of a volume, or sometimes one that it does not have; if reset, rather one that is being reset.
func (m *machine) brick(rt *rapid.T, v modelVolume, reset bool) string {
	list := []string{modelIDs[0] + " /bricks/none"}
	for _, b := range v.bricks {
		list = append(list, b.at, b.at, b.at)
		if b.reset && reset {
			return b.at
		}
	}
	return rapid.SampledFrom(list).Draw(rt, "brick")
}

// edit draws an operation that changes records only, or limits.
func (m *machine) edit(rt *rapid.T, what string) deed {
	switch what {
	case "quota":
		return quotaDeed{about{m.volume(rt)}, rapid.IntRange(0, 2).Draw(rt, "on") > 0}
	case "limit":
		return limitDeed{about{m.volume(rt)}, rapid.SampledFrom([]string{"/", "/a", "/a", "/none", ""}).Draw(rt, "path"),
			rapid.Bool().Draw(rt, "objects"), rapid.SampledFrom([]string{"10", "10", "20", "", "elephants"}).Draw(rt, "limit")}
	case "set":
		return setDeed{about{m.volume(rt)}, rapid.SampledFrom(settings()).Draw(rt, "setting")}
	case "unset":
		key := rapid.SampledFrom(append(settings(), setting{})).Draw(rt, "key").key
		if key == "group" {
			key = "" // all
		}
		return unsetDeed{about{m.volume(rt)}, key}
	case "edit":
		return editDeed{about{m.volume(rt)}, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "key"), rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "value")}
	case "pool":
		return poolDeed{rapid.SampledFrom(poolSettings()).Draw(rt, "setting")}
	case "group":
		return groupDeed{rapid.SampledFrom([]string{"g1", "g2"}).Draw(rt, "group"), rapid.Bool().Draw(rt, "gone")}
	case "zone":
		return zoneDeed{rapid.SampledFrom(modelIDs).Draw(rt, "peer"), rapid.SampledFrom([]string{"z1", "z2"}).Draw(rt, "zone")}
	case "detach":
		return detachDeed{rapid.SampledFrom(modelIDs).Draw(rt, "peer"), rapid.Bool().Draw(rt, "force")}
	}
	return joinDeed{rapid.SampledFrom(modelIDs).Draw(rt, "peer")}
}

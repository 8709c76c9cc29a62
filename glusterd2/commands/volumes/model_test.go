package volumes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// world is a model of a pool: what there should be after a number of operations. It knows nothing of transactions.
type world struct {
	peers   map[string]modelPeer // of the pool, by id
	up      map[string]bool      // daemons that run, in the pool or not
	volumes map[string]modelVolume
	dirs    map[string]string // who owns the brick "PEER PATH": a volume, or leftOver
	running map[string]bool   // bricks that run
	pool    map[string]string // options of the pool
	groups  map[string]bool
}

type modelPeer struct{ zone string }

// leftOver is the owner of the directories of volumes that were deleted.
const leftOver = "(left over)"

type modelVolume struct {
	state             volume.State
	replica           int
	bricks            []string
	options, metadata map[string]string
}

func newWorld() world {
	w := world{
		peers: map[string]modelPeer{}, up: map[string]bool{}, volumes: map[string]modelVolume{}, dirs: map[string]string{},
		running: map[string]bool{}, pool: map[string]string{}, groups: map[string]bool{},
	}
	for _, id := range modelIDs {
		w.peers[id], w.up[id] = modelPeer{}, true
	}
	return w
}

// clone returns a copy that can be changed.
func (w world) clone() world {
	w.peers, w.up, w.dirs, w.running = maps.Clone(w.peers), maps.Clone(w.up), maps.Clone(w.dirs), maps.Clone(w.running)
	w.pool, w.groups = maps.Clone(w.pool), maps.Clone(w.groups)
	volumes := make(map[string]modelVolume, len(w.volumes))
	for name, v := range w.volumes {
		v.bricks, v.options, v.metadata = slices.Clone(v.bricks), maps.Clone(v.options), maps.Clone(v.metadata)
		volumes[name] = v
	}
	w.volumes = volumes
	return w
}

// text is the world in words, the same for the model and for what there is.
func (w world) text() string {
	var lines []string
	for id, p := range w.peers {
		lines = append(lines, fmt.Sprintf("peer %s zone %q", id, p.zone))
	}
	for name, v := range w.volumes {
		lines = append(lines, fmt.Sprintf("volume %s %s replica %d %v options %v metadata %v", name, v.state, v.replica, v.bricks, v.options, v.metadata))
	}
	for at, owner := range w.dirs {
		lines = append(lines, fmt.Sprintf("brick %s of %s running %v", at, owner, w.running[at]))
	}
	for name := range w.groups {
		lines = append(lines, "group "+name)
	}
	lines = append(lines, fmt.Sprintf("pool options %v", w.pool))
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func peerOf(at string) string {
	id, _, _ := strings.Cut(at, " ")
	return id
}

// ok is the outcome of an operation that is not refused.
const ok api.Kind = ""

// deed is one operation as the model sees it. apply changes the world, a copy, and returns the kinds of error, one of
// which is right; ok if it is not refused, and only then, or with an injected fault, may it have changed anything.
type deed interface {
	apply(w *world) []api.Kind
	fmt.Stringer
}

func only(k api.Kind) []api.Kind { return []api.Kind{k} }

// createDeed makes a volume. fault is a peer on which the preparation fails, or "".
type createDeed struct {
	name    string
	replica int
	bricks  []string
	fault   string
}

func (d createDeed) String() string {
	return fmt.Sprintf("create %s replica %d %v fault %q", d.name, d.replica, d.bricks, d.fault)
}

func (d createDeed) apply(w *world) []api.Kind {
	if _, there := w.volumes[d.name]; there {
		return only(api.Exists)
	}
	if refused := w.place(d.name, d.bricks, d.fault); refused != nil {
		return refused
	}
	kind := api.SubvolDistribute
	if d.replica > 1 {
		kind = api.SubvolReplicate
	}
	w.volumes[d.name] = modelVolume{state: volume.Created, replica: d.replica, bricks: slices.Clone(d.bricks),
		options: xlator.CreateOptions(kind), metadata: map[string]string{}}
	return only(ok)
}

// place takes directories for a volume, or says why not.
func (w *world) place(name string, bricks []string, fault string) []api.Kind {
	for _, at := range bricks {
		if _, in := w.peers[peerOf(at)]; !in {
			return only(api.Invalid)
		}
	}
	for i, at := range bricks {
		if owner := w.dirs[at]; slices.Contains(bricks[:i], at) || owner != "" && owner != leftOver {
			return only(api.Invalid)
		}
	}
	for _, at := range bricks {
		if !w.up[peerOf(at)] {
			return only(api.Unavailable)
		}
	}
	var refused []api.Kind
	for _, at := range bricks {
		if w.dirs[at] == leftOver {
			refused = append(refused, api.State)
		}
		if peerOf(at) == fault {
			refused = append(refused, api.Internal)
		}
	}
	if refused == nil {
		for _, at := range bricks {
			w.dirs[at] = name
		}
	}
	return refused
}

// run changes whether the bricks of a volume run, on the peers that are there but for one.
func (w *world) run(v modelVolume, running bool, but string) {
	for _, at := range v.bricks {
		if w.up[peerOf(at)] && peerOf(at) != but {
			w.running[at] = running
		}
	}
}

// touches reports whether a step of the volume goes to the peer.
func (w *world) touches(v modelVolume, peerID string) bool {
	return w.up[peerID] && slices.ContainsFunc(v.bricks, func(at string) bool { return peerOf(at) == peerID })
}

type startDeed struct {
	name  string
	force bool
	fault string
}

func (d startDeed) String() string {
	return fmt.Sprintf("start %s force %v fault %q", d.name, d.force, d.fault)
}

func (d startDeed) apply(w *world) []api.Kind {
	v, there := w.volumes[d.name]
	switch {
	case !there:
		return only(api.NotFound)
	case v.state == volume.Started && !d.force:
		return only(api.State)
	case !slices.ContainsFunc(v.bricks, func(at string) bool { return w.up[peerOf(at)] }):
		return only(api.Unavailable)
	}
	if w.touches(v, d.fault) && !d.force {
		w.run(v, false, "") // its undo: bricks of a volume that is not started do not run
		return only(api.Internal)
	}
	w.run(v, true, d.fault)
	v.state = volume.Started
	w.volumes[d.name] = v
	return only(ok)
}

type stopDeed struct{ name, fault string }

func (d stopDeed) String() string { return fmt.Sprintf("stop %s fault %q", d.name, d.fault) }

func (d stopDeed) apply(w *world) []api.Kind {
	v, there := w.volumes[d.name]
	switch {
	case !there:
		return only(api.NotFound)
	case v.state != volume.Started:
		return only(api.State)
	case w.touches(v, d.fault):
		w.run(v, true, "") // its undo: bricks of a started volume run
		return only(api.Internal)
	}
	w.run(v, false, "")
	v.state = volume.Stopped
	w.volumes[d.name] = v
	return only(ok)
}

type deleteDeed struct{ name string }

func (d deleteDeed) String() string { return "delete " + d.name }

func (d deleteDeed) apply(w *world) []api.Kind {
	v, there := w.volumes[d.name]
	switch {
	case !there:
		return only(api.NotFound)
	case v.state == volume.Started:
		return only(api.State)
	}
	w.run(v, false, "")
	for _, at := range v.bricks {
		w.dirs[at] = leftOver
	}
	delete(w.volumes, d.name)
	return only(ok)
}

// expandDeed adds subvolumes of the shape that the volume has.
type expandDeed struct {
	name   string
	bricks []string
}

func (d expandDeed) String() string { return fmt.Sprintf("expand %s %v", d.name, d.bricks) }

func (d expandDeed) apply(w *world) []api.Kind {
	v, there := w.volumes[d.name]
	if !there {
		return only(api.NotFound)
	}
	for _, at := range d.bricks {
		if _, in := w.peers[peerOf(at)]; !in {
			return only(api.Invalid)
		}
	}
	if len(d.bricks)%v.replica != 0 {
		return only(api.Invalid)
	}
	if refused := w.place(d.name, d.bricks, ""); refused != nil {
		return refused
	}
	for _, at := range d.bricks {
		w.running[at] = v.state == volume.Started
	}
	v.bricks = append(v.bricks, d.bricks...)
	w.volumes[d.name] = v
	return only(ok)
}

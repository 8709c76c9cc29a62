package volumes

import (
	"context"
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
	hosts   map[string]modelDir // the directories of bricks, by "PEER PATH"
	pool    map[string]string   // options of the pool
	groups  map[string]bool
	// devices says that each peer has one.
	devices bool
	// debts are the sizes of bricks that were given up and have yet to be removed.
	debts  map[string]uint64
	chosen []chosen
}

type modelPeer struct{ zone string }

// leftOver is the owner of the directories of volumes that were deleted.
const leftOver = "(left over)"

// modelDir is the directory of a brick, and the brick's process.
type modelDir struct {
	owner   string // a volume, or leftOver
	running bool
	// dirty marks a brick that is empty, blames one that knows of such.
	dirty, blames bool
}

// modelShape is that of the subvolumes of a volume.
type modelShape struct {
	width      int // the bricks of one, the arbiter among them
	arbiter    bool
	redundancy int // 0 if it is not dispersed
}

// modelVolume is a volume whose subvolumes stand one after the other.
type modelVolume struct {
	modelShape
	state             volume.State
	bricks            []modelBrick
	options, metadata map[string]string
	task              *modelTask
	limits            map[string]modelLimit // by the paths of directories
	capacity          uint64                // of a volume of a size
}

type modelBrick struct {
	at             string // "PEER PATH"
	reset, leaving bool
	size           uint64 // of one that gd2 has made
}

func newWorld(devices bool) world {
	w := world{
		peers: map[string]modelPeer{}, up: map[string]bool{}, volumes: map[string]modelVolume{}, hosts: map[string]modelDir{},
		pool: map[string]string{}, groups: map[string]bool{}, devices: devices, debts: map[string]uint64{},
	}
	for _, id := range modelIDs {
		w.peers[id], w.up[id] = modelPeer{}, true
	}
	return w
}

// clone returns a copy that can be changed.
func (w world) clone() world {
	w.peers, w.up, w.hosts = maps.Clone(w.peers), maps.Clone(w.up), maps.Clone(w.hosts)
	w.pool, w.groups, w.debts, w.chosen = maps.Clone(w.pool), maps.Clone(w.groups), maps.Clone(w.debts), slices.Clone(w.chosen)
	volumes := make(map[string]modelVolume, len(w.volumes))
	for name, v := range w.volumes {
		v.bricks, v.options, v.metadata = slices.Clone(v.bricks), maps.Clone(v.options), maps.Clone(v.metadata)
		v.task, v.limits = v.task.clone(), maps.Clone(v.limits)
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
		lines = append(lines, fmt.Sprintf("volume %s %s %+v capacity %d %v options %v metadata %v limits %v",
			name, v.state, v.modelShape, v.capacity, v.bricks, v.options, v.metadata, v.limits))
		if v.task != nil {
			lines = append(lines, fmt.Sprintf("volume %s %v", name, v.task))
		}
	}
	for at, d := range w.hosts {
		lines = append(lines, fmt.Sprintf("brick %s %+v", at, d))
	}
	for name := range w.groups {
		lines = append(lines, "group "+name)
	}
	lines = append(lines, fmt.Sprintf("pool options %v", w.pool), fmt.Sprintf("devices %v, debts %v", w.devices, w.debts))
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func peerOf(at string) string {
	id, _, _ := strings.Cut(at, " ")
	return id
}

// brickPeers are the peers of bricks, each once.
func brickPeers(bricks []modelBrick) []string {
	var out []string
	for _, b := range bricks {
		out = append(out, peerOf(b.at))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *world) allUp(peers []string) bool {
	return !slices.ContainsFunc(peers, func(id string) bool { return !w.up[id] })
}

// serves reports whether a brick can be seen to run.
func (w *world) serves(b modelBrick) bool { return w.up[peerOf(b.at)] && w.hosts[b.at].running }

// change changes the directories of bricks.
func (w *world) change(f func(d *modelDir), bricks ...modelBrick) {
	for _, b := range bricks {
		if d, there := w.hosts[b.at]; there {
			f(&d)
			w.hosts[b.at] = d
		}
	}
}

// run changes whether bricks run, on the peers that are there but for one. Those that are being reset do not start.
func (w *world) run(bricks []modelBrick, running bool, but string) {
	for _, b := range bricks {
		out := running && b.reset
		if w.up[peerOf(b.at)] && peerOf(b.at) != but && !out {
			w.change(func(d *modelDir) { d.running = running }, b)
		}
	}
}

// sets are the bricks of each subvolume.
func (v modelVolume) sets() [][]modelBrick { return slices.Collect(slices.Chunk(v.bricks, v.width)) }

// index finds a brick; -1 if the volume does not have it.
func (v modelVolume) index(at string) int {
	return slices.IndexFunc(v.bricks, func(b modelBrick) bool { return b.at == at })
}

// kind is the type of the subvolumes.
func (s modelShape) kind() string {
	switch {
	case s.redundancy > 0:
		return api.SubvolDisperse
	case s.width > 1:
		return api.SubvolReplicate
	}
	return api.SubvolDistribute
}

// needs is how many bricks of a set must be there for its files: for copies one.
func (s modelShape) needs() int {
	if s.redundancy > 0 {
		return s.width - s.redundancy
	}
	return 1
}

// serves reports whether a set with so many bricks serves.
func (s modelShape) serves(n int) bool {
	return n >= s.needs() && (s.kind() != api.SubvolReplicate || s.width < 3 || n > s.width/2)
}

// isArbiter reports whether the i-th brick is one.
func (s modelShape) isArbiter(i int) bool { return s.arbiter && i%s.width == s.width-1 }

// request is a subvolume of the shape.
func (s modelShape) request(bricks []api.BrickReq) api.SubvolReq {
	sub := api.SubvolReq{Type: s.kind(), Bricks: bricks}
	switch s.kind() {
	case api.SubvolReplicate:
		sub.ReplicaCount = s.width
	case api.SubvolDisperse:
		sub.DisperseCount, sub.DisperseRedundancy = s.width, s.redundancy
	}
	if s.arbiter {
		sub.ArbiterCount = 1
	}
	return sub
}

// ok is the outcome of an operation that is not refused.
const ok api.Kind = ""

// deed is one operation as the model sees it.
type deed interface {
	// apply changes the world, a copy, and returns the kinds of error, one of which is right; ok if it is not refused, and
	// only then, or with a mishap, may it have changed anything.
	apply(w *world) []api.Kind
	// do does it on the pool, through a peer.
	do(ctx context.Context, r *modelRig, via string) error
}

// about is the volume that a deed changes.
type about struct{ name string }

func (a about) subject() string { return a.name }

// mishap is a call that fails on the host of a peer; none if the peer is "".
type mishap struct{ peer, call string }

func (m mishap) fault() mishap { return m }

// hits reports whether a call fails on one of the peers.
func (m mishap) hits(call string, peers ...string) bool {
	return m.call == call && slices.Contains(peers, m.peer)
}

func tell(d deed) string { return fmt.Sprintf("%T%+v", d, d) }

func only(k api.Kind) []api.Kind { return []api.Kind{k} }

// createDeed makes a volume.
type createDeed struct {
	about
	mishap
	modelShape
	bricks []modelBrick
	force  bool
}

func (d createDeed) apply(w *world) []api.Kind {
	if _, there := w.volumes[d.name]; there {
		return only(api.Exists)
	}
	v := newModelVolume(d.modelShape)
	v.bricks = slices.Clone(d.bricks)
	refused := w.mayPlace(d.bricks)
	if !d.force && v.crowded(true, 0) {
		refused = only(api.Invalid)
	}
	if refused == nil {
		refused = w.place(d.name, d.bricks, d.mishap)
	}
	if refused != nil {
		return refused
	}
	w.volumes[d.name] = v
	return only(ok)
}

func newModelVolume(s modelShape) modelVolume {
	return modelVolume{modelShape: s, state: volume.Created, options: xlator.CreateOptions(s.kind()), metadata: map[string]string{}, limits: map[string]modelLimit{}}
}

func (d createDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].Create(ctx, d.request())
	return err
}

func (d createDeed) request() api.VolumeCreateReq {
	req := api.VolumeCreateReq{Name: d.name, Force: d.force}
	for set := range slices.Chunk(brickReqs(d.bricks), d.width) {
		req.Subvols = append(req.Subvols, d.modelShape.request(set))
	}
	return req
}

func brickReqs(bricks []modelBrick) (out []api.BrickReq) {
	for _, b := range bricks {
		id, path, _ := strings.Cut(b.at, " ")
		out = append(out, api.BrickReq{PeerID: id, Path: path})
	}
	return out
}

// mayPlace refuses bricks for what the records say of them.
func (w *world) mayPlace(bricks []modelBrick) []api.Kind {
	for i, b := range bricks {
		if _, in := w.peers[peerOf(b.at)]; !in || slices.Contains(bricks[:i], b) || w.taken(b.at) {
			return only(api.Invalid)
		}
	}
	if !w.allUp(brickPeers(bricks)) {
		return only(api.Unavailable)
	}
	return nil
}

// taken reports whether a volume has a brick.
func (w *world) taken(at string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(w.volumes)), func(v modelVolume) bool { return v.index(at) >= 0 })
}

// place makes directories for a volume, or says why that fails on the hosts.
func (w *world) place(name string, bricks []modelBrick, m mishap) []api.Kind {
	var refused []api.Kind
	for _, b := range bricks {
		if _, there := w.hosts[b.at]; there {
			refused = append(refused, api.State)
		}
	}
	if m.hits("prepare", brickPeers(bricks)...) {
		refused = append(refused, api.Internal)
	}
	if refused == nil {
		for _, b := range bricks {
			w.hosts[b.at] = modelDir{owner: name}
		}
	}
	return refused
}

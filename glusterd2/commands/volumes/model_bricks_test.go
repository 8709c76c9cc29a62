package volumes

import (
	"context"
	"slices"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// expandDeed adds subvolumes, or with a larger replica count copies to each.
type expandDeed struct {
	about
	mishap
	replica int // 0 leaves it
	arbiter bool
	bricks  []modelBrick
	force   bool
}

func (d expandDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	if refused != nil {
		return refused
	}
	if v.busy(true) {
		return only(api.State)
	}
	n, good := d.grown(v)
	if !good {
		return only(api.Invalid)
	}
	if refused := w.mayPlace(d.bricks); refused != nil && refused[0] != api.Unavailable {
		return refused
	}
	copies := n.width > v.width
	if !d.force && n.crowded(copies, len(v.bricks)) {
		return only(api.Invalid)
	}
	peers := brickPeers(d.bricks)
	if copies {
		peers, n.options = brickPeers(n.bricks), optionsOfCopies(v)
	}
	switch {
	case n.misfit():
		return only(api.State)
	case !w.allUp(peers):
		return only(api.Unavailable)
	case copies && v.state != volume.Started, copies && !d.force && !w.serveAll(v.bricks):
		return only(api.State)
	}
	if refused := w.place(d.name, d.bricks, d.mishap); refused != nil {
		return refused
	}
	if v.state == volume.Started && d.hits("start", brickPeers(d.bricks)...) {
		w.remove(d.bricks)
		if copies {
			w.change(func(m *modelDir) { m.blames = false }, v.bricks...)
		}
		return only(api.Internal)
	}
	if copies {
		w.empty(v.bricks, d.bricks)
	}
	w.change(func(m *modelDir) { m.running = v.state == volume.Started }, d.bricks...)
	w.volumes[d.name] = n
	return only(ok)
}

// grown is the volume with the new bricks; false if they do not fit.
func (d expandDeed) grown(v modelVolume) (modelVolume, bool) {
	n := v
	if v.redundancy > 0 && d.replica > 0 {
		return n, false
	}
	if d.replica == 0 || d.replica == v.width && (v.arbiter || !d.arbiter) || v.arbiter && d.replica == 2 {
		n.bricks = slices.Concat(v.bricks, d.bricks)
		return n, len(d.bricks)%v.width == 0
	}
	more := d.replica - v.width
	if more <= 0 || v.arbiter || len(d.bricks) != more*len(v.sets()) {
		return n, false
	}
	n.width, n.arbiter, n.bricks = d.replica, d.arbiter, nil
	for i, set := range v.sets() {
		n.bricks = append(append(n.bricks, set...), d.bricks[i*more:(i+1)*more]...)
	}
	return n, true
}

// crowded reports whether a set of copies has two bricks on one peer: any, or only those after so many bricks.
func (v modelVolume) crowded(all bool, after int) bool {
	for i, set := range v.sets() {
		if (all || i*v.width >= after) && len(brickPeers(set)) < len(set) {
			return true
		}
	}
	return false
}

func (w *world) serveAll(bricks []modelBrick) bool {
	return !slices.ContainsFunc(bricks, func(b modelBrick) bool { return !w.serves(b) })
}

// remove removes directories.
func (w *world) remove(bricks []modelBrick) {
	for _, b := range bricks {
		delete(w.hosts, b.at)
	}
}

// empty tells bricks of others that are empty.
func (w *world) empty(others, empty []modelBrick) {
	w.change(func(d *modelDir) { d.blames = true }, others...)
	w.change(func(d *modelDir) { d.dirty = true }, empty...) // one that is reset may know of others
}

// optionsOfCopies are the options of a volume that gets copies.
func optionsOfCopies(v modelVolume) map[string]string {
	out := cloneMap(v.options)
	if v.width > 1 {
		return out
	}
	for key, value := range xlator.CreateOptions(api.SubvolReplicate) {
		if _, set := out[key]; !set {
			out[key] = value
		}
	}
	return out
}

func (d expandDeed) do(ctx context.Context, r *modelRig, via string) error {
	req := api.VolumeExpandReq{ReplicaCount: d.replica, Bricks: brickReqs(d.bricks), Force: d.force}
	if d.arbiter {
		req.ArbiterCount = 1
	}
	_, err := r.c[via].Expand(ctx, d.name, req)
	return err
}

// shrinkDeed removes bricks at once.
type shrinkDeed struct {
	about
	replica int // 0 leaves it
	bricks  []string
	force   bool
}

func (d shrinkDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	if refused != nil {
		return refused
	}
	n, gone, refused := v.without(d.replica, d.bricks)
	if refused != nil {
		return refused
	}
	copies := n.width < v.width
	ends := v.task != nil && v.task.pending() && !copies && sameSet(v.task.bricks, d.bricks)
	switch {
	case !d.force:
		return only(api.Invalid)
	case v.busy(!ends), copies && v.state == volume.Started && !w.serveAll(n.bricks), copies && w.blaming(gone):
		return only(api.State)
	}
	if ends {
		n.task = nil
	}
	w.give(gone, never)
	w.volumes[d.name] = n
	return only(ok)
}

// blaming reports whether one of the bricks, whose peer can be asked, knows of others that are to be healed from it.
func (w *world) blaming(bricks []modelBrick) bool {
	return slices.ContainsFunc(bricks, func(b modelBrick) bool { return w.up[peerOf(b.at)] && w.hosts[b.at].blames })
}

// without is the volume without bricks, and these; or why they cannot go.
func (v modelVolume) without(replica int, bricks []string) (n modelVolume, gone []modelBrick, refused []api.Kind) {
	n = v
	for i, at := range bricks {
		switch k := v.index(at); {
		case k < 0:
			return n, nil, only(api.NotFound)
		case slices.Contains(bricks[:i], at):
			return n, nil, only(api.Invalid)
		default:
			gone = append(gone, v.bricks[k])
		}
	}
	fewer := v.width
	if replica != 0 && replica != v.width {
		fewer, n.width, n.arbiter = v.width-replica, replica, false
	}
	if fewer <= 0 || len(gone) == 0 || replica != 0 && v.redundancy > 0 {
		return n, nil, only(api.Invalid)
	}
	lower := fewer < v.width
	n.bricks = nil
	for _, set := range v.sets() {
		stay := slices.DeleteFunc(slices.Clone(set), func(b modelBrick) bool { return slices.Contains(gone, b) })
		left := len(set) - len(stay)
		arbiterStays := lower && v.arbiter && slices.Contains(stay, set[len(set)-1])
		if left != fewer && (lower || left != 0) || arbiterStays {
			return n, nil, only(api.Invalid)
		}
		n.bricks = append(n.bricks, stay...)
	}
	if len(n.bricks) == 0 {
		return n, nil, only(api.Invalid)
	}
	if n.misfit() {
		return n, nil, only(api.State)
	}
	n.capacity -= min(n.capacity, v.holds()-n.holds())
	return n, gone, nil
}

// holds is what the bricks that gd2 has made can hold.
func (v modelVolume) holds() (bytes uint64) {
	for _, set := range v.sets() {
		bytes += set[0].size
	}
	return bytes
}

func (d shrinkDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].Shrink(ctx, d.name, api.VolumeShrinkReq{ReplicaCount: d.replica, Bricks: d.reqs(), Force: d.force})
	return err
}

func (d shrinkDeed) reqs() (out []api.BrickReq) {
	for _, at := range d.bricks {
		out = append(out, brickReqs([]modelBrick{{at: at}})...)
	}
	return out
}

// replaceDeed puts a new brick in the place of another one.
type replaceDeed struct {
	about
	mishap
	from, to string
	force    bool
}

func (d replaceDeed) apply(w *world) []api.Kind {
	v, old, refused := w.replaceable(d.name, d.from)
	if refused != nil {
		return refused
	}
	fresh := modelBrick{at: d.to}
	if refused := w.mayPlace([]modelBrick{fresh}); refused != nil && refused[0] != api.Unavailable {
		return refused
	}
	n := v
	n.bricks = slices.Clone(v.bricks)
	n.bricks[old] = fresh
	from, to := peerOf(d.from), peerOf(d.to)
	if from != to && !d.force && len(brickPeers(n.setOf(old))) < v.width {
		return only(api.Invalid)
	}
	switch refused := w.mayServe(v, old, d.force); {
	case refused != nil:
		return refused
	case !w.up[to], !w.up[from] && !d.force:
		return only(api.Unavailable)
	case w.neededFor(v, old):
		return only(api.State)
	}
	if refused := w.place(d.name, []modelBrick{fresh}, d.mishap); refused != nil {
		return refused
	}
	if refused := d.renew(w, n, v.bricks[old], fresh); refused != nil {
		w.remove([]modelBrick{fresh})
		return refused
	}
	if w.up[from] {
		w.remove(v.bricks[old : old+1])
	} else {
		w.give(v.bricks[old:old+1], never)
	}
	w.volumes[d.name] = n
	return only(ok)
}

// replaceable finds a brick of a volume that others have the files of.
func (w *world) replaceable(name, at string) (v modelVolume, i int, refused []api.Kind) {
	v, refused = w.toChange(name)
	i = v.index(at)
	switch {
	case refused != nil:
		return v, i, refused
	case i < 0:
		return v, i, only(api.NotFound)
	case v.width < 2:
		return v, i, only(api.State)
	}
	return v, i, nil
}

// neededFor reports whether a brick has what other copies lack.
func (w *world) neededFor(v modelVolume, i int) bool {
	return v.kind() == api.SubvolReplicate && w.blaming(v.bricks[i:i+1])
}

// setOf are the bricks of the set of the i-th one.
func (v modelVolume) setOf(i int) []modelBrick { return v.sets()[i/v.width] }

// mayServe refuses to do without a brick if the others of its set are not enough.
func (w *world) mayServe(v modelVolume, without int, force bool) []api.Kind {
	if v.state != volume.Started || v.busy(true) {
		return only(api.State)
	}
	have, set := 0, without/v.width*v.width
	for i := set; i < set+v.width; i++ {
		switch {
		case i == without:
		case !w.serves(v.bricks[i]):
			if !force {
				return only(api.State)
			}
		case !v.isArbiter(i):
			have++
		}
	}
	if have < v.needs() || v.redundancy > 0 && !force && !v.bricks[without].reset && w.blaming(v.setOf(without)) {
		return only(api.State)
	}
	return nil
}

// renew stops the old brick, and starts the new one, which is empty.
func (m mishap) renew(w *world, n modelVolume, old, fresh modelBrick) []api.Kind {
	to := peerOf(fresh.at)
	others := slices.DeleteFunc(slices.Clone(n.bricks), func(b modelBrick) bool { return b == fresh || peerOf(b.at) != to })
	w.run([]modelBrick{old}, false, "")
	told := n.kind() == api.SubvolReplicate // of a dispersed set its own client finds out
	if !m.hits("start", to) {
		if told {
			w.empty(others, []modelBrick{fresh})
		}
		w.change(func(d *modelDir) { d.running = true }, fresh)
		return nil
	}
	if told {
		w.change(func(d *modelDir) { d.blames = false }, others...)
		w.change(func(d *modelDir) { d.dirty = false }, fresh)
	}
	w.run([]modelBrick{old}, true, m.peer)
	return only(api.Internal)
}

func (d replaceDeed) do(ctx context.Context, r *modelRig, via string) error {
	req := api.ReplaceBrickReq{Force: d.force}
	req.SrcPeerID, req.SrcPath, _ = strings.Cut(d.from, " ")
	req.DestPeerID, req.DestPath, _ = strings.Cut(d.to, " ")
	_, err := r.c[via].Replace(ctx, d.name, req)
	return err
}

// resetBrickDeed takes a brick out of service, or puts it back where it was.
type resetBrickDeed struct {
	about
	mishap
	at     string
	commit bool
	force  bool
}

func (d resetBrickDeed) apply(w *world) []api.Kind {
	v, i, refused := w.replaceable(d.name, d.at)
	if refused != nil {
		return refused
	}
	if v.bricks[i].made() {
		return only(api.NotSupported)
	}
	if v.bricks[i].reset != d.commit {
		return only(api.State)
	}
	if refused := w.mayServe(v, i, d.force); refused != nil {
		return refused
	}
	n := v
	n.bricks = slices.Clone(v.bricks)
	n.bricks[i].reset = !d.commit
	out := d.takeOut
	if d.commit {
		out = d.putBack
	}
	if refused := out(w, n, i); refused != nil {
		return refused
	}
	w.volumes[d.name] = n
	return only(ok)
}

// takeOut stops the i-th brick, if its peer is there.
func (d resetBrickDeed) takeOut(w *world, n modelVolume, i int) []api.Kind {
	at := n.bricks[i : i+1]
	switch {
	case w.neededFor(n, i):
		return only(api.State)
	case w.up[peerOf(d.at)] && d.hits("stop", peerOf(d.at)):
		w.run([]modelBrick{{at: d.at}}, true, "")
		return only(api.Internal)
	}
	w.run(at, false, "")
	return nil
}

// putBack makes the i-th brick anew where it is; its directory may have been removed.
func (d resetBrickDeed) putBack(w *world, n modelVolume, i int) []api.Kind {
	if !w.up[peerOf(d.at)] {
		return only(api.Unavailable)
	}
	if d.hits("prepare", peerOf(d.at)) {
		return only(api.Internal)
	}
	_, there := w.hosts[d.at]
	if !there {
		w.hosts[d.at] = modelDir{owner: d.name}
	}
	refused := d.renew(w, n, modelBrick{at: d.at, reset: true}, n.bricks[i])
	if refused != nil && !there {
		delete(w.hosts, d.at)
	}
	return refused
}

func (d resetBrickDeed) do(ctx context.Context, r *modelRig, via string) (err error) {
	id, path, _ := strings.Cut(d.at, " ")
	req := api.ResetBrickReq{PeerID: id, Path: path, Force: d.force}
	if d.commit {
		_, err = r.c[via].ResetCommit(ctx, d.name, req)
	} else {
		_, err = r.c[via].ResetStart(ctx, d.name, req)
	}
	return err
}

package volumes

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// setting is an option that the model knows, and a value; an empty one takes it back.
type setting struct {
	key, value string
	wrong      bool // whatever the volume
}

// settings are options of volumes.
func settings() []setting {
	return []setting{
		{"performance.cache-size", "64MB", false}, {"performance.cache-size", "128MB", false}, {"performance.cache-size", "elephants", true},
		{"performance.cache-size", "", false}, {"user.note", "a b", false}, {"user.note", "", false}, {"nfs.disable", "off", false},
		{"no.such-option", "1", true}, {"cluster.self-heal-daemon", "perhaps", true}, {"group", "g1", false}, {"group", "g2", false},
		{"diagnostics.latency-measurement", "on", false}, {"diagnostics.latency-measurement", "", false},
		{"cluster.self-heal-daemon", "off", false}, {"cluster.disperse-self-heal-daemon", "off", false}, {optionGranular, "off", false}, {optionGranular, "on", false},
		{"cluster.quorum-type", "fixed", false}, {"cluster.quorum-type", "none", false}, {"cluster.quorum-type", "most", true},
		{"cluster.quorum-count", "1", false}, {"cluster.quorum-count", "2", false}, {"cluster.quorum-count", "3", false}, {"cluster.quorum-count", "0", true},
		{"disperse.quorum-count", "0", false}, {"disperse.quorum-count", "3", false}, {"disperse.quorum-count", "5", false},
		{optionServerQuorum, "server", false}, {optionServerQuorum, "server", false}, {optionServerQuorum, "none", false}, {optionServerQuorum, "", false},
		{optionServerQuorum, "all", true}, {"cluster.subvols-per-directory", "2", false}, {"cluster.subvols-per-directory", "1", false},
		{"cluster.lock-migration", "on", false}, {optionAIO, "on", false}, {optionAIO, "off", false}, {optionSDFS, "on", false}, {optionSDFS, "", false},
	}
}

// optionSDFS adds a translator to the bricks.
const optionSDFS = "features.sdfs"

// misfit reports whether an option that is set does not suit the volume.
func (v modelVolume) misfit() bool {
	for key, value := range v.options {
		if v.unfit(key, value) && !v.foreign(key) {
			return true
		}
	}
	return false
}

// unfit reports whether the volume is too narrow for an option, or has too few subvolumes.
func (v modelVolume) unfit(key, value string) bool {
	n, err := strconv.Atoi(value)
	switch {
	case key == "cluster.lock-migration":
		return value == "on" && v.kind() != api.SubvolDistribute
	case err != nil:
		return false
	case key == "cluster.quorum-count":
		return n > v.width
	case key == "cluster.subvols-per-directory":
		return n > len(v.sets())
	case key == "disperse.quorum-count":
		return n != 0 && (n < v.needs() || n > v.width)
	}
	return false
}

// foreign reports whether an option is for volumes of another kind.
func (v modelVolume) foreign(key string) bool {
	kind, one := map[string]string{
		"cluster.quorum-count": api.SubvolReplicate, "cluster.self-heal-daemon": api.SubvolReplicate,
		"disperse.quorum-count": api.SubvolDisperse, "cluster.disperse-self-heal-daemon": api.SubvolDisperse,
	}[key]
	return one && kind != v.kind()
}

// switchesGranular reports whether options switch the healing of folders entry by entry on where something may be left to heal.
func (v modelVolume) switchesGranular(options map[string]string) bool {
	return v.kind() == api.SubvolReplicate && v.state != volume.Created && options[optionGranular] == "on" && v.options[optionGranular] != "on"
}

// mayBecome says why a volume cannot have other options.
func (v modelVolume) mayBecome(options map[string]string) []api.Kind {
	on := func(options map[string]string, key string) bool { return options[key] == "on" }
	switch {
	case options["cluster.quorum-type"] == "fixed" && options["cluster.quorum-count"] == "":
		return only(api.Invalid)
	case v.switchesGranular(options):
		return only(api.State)
	case v.state != volume.Started:
		return nil
	case on(options, optionAIO) != on(v.options, optionAIO), on(options, optionSDFS) != on(v.options, optionSDFS):
		return only(api.State)
	}
	return nil
}

// toChange finds a volume, which cannot be changed while the server quorum is not met.
func (w *world) toChange(name string) (modelVolume, []api.Kind) {
	v, there := w.volumes[name]
	switch {
	case !there:
		return v, only(api.NotFound)
	case v.wantsQuorum() && !w.quorum():
		return v, only(api.Unavailable)
	}
	return v, nil
}

func (v modelVolume) wantsQuorum() bool { return v.options[optionServerQuorum] == "server" }

// quorum reports whether enough peers of the pool are there.
func (w *world) quorum() bool {
	active := 0
	for id := range w.peers {
		if w.up[id] {
			active++
		}
	}
	ratio, err := strconv.Atoi(strings.TrimSuffix(w.pool[OptionQuorumRatio], "%"))
	if err != nil {
		return active > len(w.peers)/2
	}
	return active*100 >= ratio*len(w.peers)
}

// setDeed sets an option of a volume; an empty value takes it back.
type setDeed struct {
	about
	setting
}

func (d setDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	_, there := w.volumes[d.name]
	switch {
	case refused != nil && (!there || d.key != optionServerQuorum):
		return refused
	case d.wrong, d.key == "group" && !w.groups[d.value], d.value != "" && (v.foreign(d.key) || v.unfit(d.key, d.value)):
		return only(api.Invalid)
	}
	options := cloneMap(v.options)
	switch {
	case d.key == "group":
		options["performance.cache-size"] = "256MB"
	case d.value == "":
		delete(options, d.key)
	default:
		options[d.key] = d.value
	}
	return w.setOptions(d.name, options)
}

// setOptions gives a volume other options.
func (w *world) setOptions(name string, options map[string]string) []api.Kind {
	v := w.volumes[name]
	if refused := v.mayBecome(options); refused != nil {
		return refused
	}
	v.options = options
	w.volumes[name] = v
	return only(ok)
}

func (d setDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].SetOptions(ctx, d.name, api.VolumeOptionReq{Options: map[string]string{d.key: d.value}})
	return err
}

// unsetDeed puts one option back, or all if key is empty.
type unsetDeed struct {
	about
	key string
}

func (d unsetDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	_, there := w.volumes[d.name]
	switch {
	case refused != nil && (!there || d.key != optionServerQuorum):
		return refused
	case d.key == "no.such-option":
		return only(api.Invalid)
	}
	fresh := xlator.CreateOptions(v.kind())
	options := cloneMap(v.options)
	for key := range v.options {
		if d.key == key || d.key == "" && key != volume.OptionQuota && key != volume.OptionInodeQuota { // by which a quota holds
			delete(options, key)
		}
	}
	for key, value := range fresh {
		if _, set := v.options[key]; d.key == "" || d.key == key && set {
			options[key] = value
		}
	}
	if v.switchesGranular(options) {
		delete(options, optionGranular) // nobody has looked whether something is left to heal
	}
	return w.setOptions(d.name, options)
}

func (d unsetDeed) do(ctx context.Context, r *modelRig, via string) error {
	req := api.VolumeOptionResetReq{All: d.key == ""}
	if d.key != "" {
		req.Options = []string{d.key}
	}
	_, err := r.c[via].ResetOptions(ctx, d.name, req)
	return err
}

// editDeed sets metadata of a volume; an empty value deletes it.
type editDeed struct {
	about
	key, value string
}

func (d editDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	if refused != nil {
		return refused
	}
	v.metadata[d.key] = d.value
	if d.value == "" {
		delete(v.metadata, d.key)
	}
	return only(ok)
}

func (d editDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].Edit(ctx, d.name, api.VolumeEditReq{Metadata: map[string]string{d.key: d.value}, DeleteMetadata: d.value == ""})
	return err
}

// poolDeed sets an option of the pool; an empty value takes it back.
type poolDeed struct{ setting }

// poolSettings are options of the pool.
func poolSettings() []setting {
	return []setting{
		{"cluster.max-bricks-per-process", "5", false}, {"cluster.max-bricks-per-process", "7", false}, {"cluster.max-bricks-per-process", "", false},
		{"cluster.max-bricks-per-process", "many", true}, {"no.such-option", "1", true},
		{OptionQuorumRatio, "100%", false}, {OptionQuorumRatio, "30", false}, {OptionQuorumRatio, "", false}, {OptionQuorumRatio, "101%", true},
	}
}

func (d poolDeed) apply(w *world) []api.Kind {
	if d.wrong {
		return only(api.Invalid)
	}
	w.pool[d.key] = d.value
	if d.value == "" {
		delete(w.pool, d.key)
	}
	return only(ok)
}

func (d poolDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := Cluster{r.c[via]}.SetOptions(ctx, api.ClusterOptionReq{Options: map[string]string{d.key: d.value}})
	return err
}

// groupDeed makes an option group, or deletes it.
type groupDeed struct {
	name string
	gone bool
}

func (d groupDeed) apply(w *world) []api.Kind {
	switch {
	case d.gone && !w.groups[d.name]:
		return only(api.NotFound)
	case !d.gone && w.groups[d.name]:
		return only(api.Exists)
	}
	w.groups[d.name] = true
	if d.gone {
		delete(w.groups, d.name)
	}
	return only(ok)
}

func (d groupDeed) do(ctx context.Context, r *modelRig, via string) error {
	if d.gone {
		return r.c[via].DeleteGroup(ctx, d.name)
	}
	_, err := r.c[via].CreateGroup(ctx, api.OptionGroupReq{OptionGroup: api.OptionGroup{Name: d.name, Options: []api.GroupOption{{Name: "performance.cache-size", OnValue: "256MB"}}}})
	return err
}

// zoneDeed changes the zone of a peer.
type zoneDeed struct{ peer, zone string }

func (d zoneDeed) apply(w *world) []api.Kind {
	if _, in := w.peers[d.peer]; !in {
		return only(api.NotFound)
	}
	w.peers[d.peer] = modelPeer{zone: d.zone}
	return only(ok)
}

func (d zoneDeed) do(ctx context.Context, r *modelRig, _ string) error {
	_, err := r.peers.Edit(ctx, d.peer, api.PeerEditReq{Zone: d.zone})
	return err
}

// detachDeed takes a peer out of the pool. The first peer is the one that is asked.
type detachDeed struct {
	peer  string
	force bool
}

func (d detachDeed) apply(w *world) []api.Kind {
	_, in := w.peers[d.peer]
	switch {
	case !in:
		return only(api.NotFound)
	case !d.force && w.lacksQuorum():
		return only(api.Unavailable)
	case d.peer == modelIDs[0]:
		return only(api.Invalid)
	case w.holds(d.peer), w.devices:
		return only(api.Forbidden)
	case !w.up[d.peer] && !d.force:
		return only(api.Unavailable)
	}
	delete(w.peers, d.peer)
	return only(ok)
}

func (d detachDeed) do(ctx context.Context, r *modelRig, _ string) error {
	return r.peers.Delete(ctx, d.peer, d.force)
}

// lacksQuorum reports whether a volume asks for the server quorum, which is not met.
func (w *world) lacksQuorum() bool {
	for _, v := range w.volumes {
		if v.wantsQuorum() && !w.quorum() {
			return true
		}
	}
	return false
}

// holds reports whether a peer holds bricks.
func (w *world) holds(peerID string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(w.volumes)), func(v modelVolume) bool {
		return slices.Contains(brickPeers(v.bricks), peerID)
	})
}

// joinDeed brings a peer into the pool.
type joinDeed struct{ peer string }

func (d joinDeed) apply(w *world) []api.Kind {
	if w.lacksQuorum() {
		return only(api.Unavailable)
	}
	// One that does not run and holds nothing may come in anew: its host was installed again.
	if _, in := w.peers[d.peer]; in && (w.up[d.peer] || w.holds(d.peer)) {
		return only(api.Exists)
	}
	w.peers[d.peer] = modelPeer{}
	return only(ok)
}

func (d joinDeed) do(ctx context.Context, r *modelRig, _ string) error { return r.join(ctx, d.peer) }

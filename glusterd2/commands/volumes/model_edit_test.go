package volumes

import (
	"context"
	"maps"
	"slices"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// setting is an option that the model knows: what a value becomes, or that it is wrong.
type setting struct {
	key, value string
	wrong      bool
}

// settings are options of volumes that may be set while these run.
func settings() []setting {
	return []setting{
		{"performance.cache-size", "64MB", false}, {"performance.cache-size", "128MB", false}, {"performance.cache-size", "elephants", true},
		{"performance.cache-size", "", false}, {"user.note", "a b", false}, {"user.note", "", false}, {"nfs.disable", "off", false},
		{"no.such-option", "1", true}, {"cluster.self-heal-daemon", "perhaps", true}, {"group", "g1", false}, {"group", "g2", false},
		{"diagnostics.latency-measurement", "on", false}, {"diagnostics.latency-measurement", "", false},
	}
}

// setDeed sets an option of a volume; an empty value takes it back.
type setDeed struct {
	about
	setting
}

func (d setDeed) apply(w *world) []api.Kind {
	v, there := w.volumes[d.name]
	switch {
	case !there:
		return only(api.NotFound)
	case d.wrong, d.key == "group" && !w.groups[d.value]:
		return only(api.Invalid)
	case d.key == "group":
		v.options["performance.cache-size"] = "256MB"
		return only(ok)
	}
	v.options[d.key] = d.value
	if d.value == "" {
		delete(v.options, d.key)
	}
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
	v, there := w.volumes[d.name]
	switch {
	case !there:
		return only(api.NotFound)
	case d.key == "no.such-option":
		return only(api.Invalid)
	case d.key != "":
		delete(v.options, d.key)
		return only(ok)
	}
	options := xlator.CreateOptions(v.kind())
	for _, key := range []string{volume.OptionQuota, volume.OptionInodeQuota} {
		if value, set := v.options[key]; set {
			options[key] = value // by which a quota holds
		}
	}
	v.options = options
	w.volumes[d.name] = v
	return only(ok)
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
	v, there := w.volumes[d.name]
	if !there {
		return only(api.NotFound)
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

// holds reports whether a peer holds bricks.
func (w *world) holds(peerID string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(w.volumes)), func(v modelVolume) bool {
		return slices.Contains(brickPeers(v.bricks), peerID)
	})
}

// joinDeed brings a peer into the pool.
type joinDeed struct{ peer string }

func (d joinDeed) apply(w *world) []api.Kind {
	// One that does not run and holds nothing may come in anew: its host was installed again.
	if _, in := w.peers[d.peer]; in && (w.up[d.peer] || w.holds(d.peer)) {
		return only(api.Exists)
	}
	w.peers[d.peer] = modelPeer{}
	return only(ok)
}

func (d joinDeed) do(ctx context.Context, r *modelRig, _ string) error { return r.join(ctx, d.peer) }

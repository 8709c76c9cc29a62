package volumes

import (
	"fmt"
	"maps"
	"slices"

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
		{"no.such-option", "1", true}, {"cluster.self-heal-daemon", "perhaps", true},
	}
}

// setDeed sets an option of a volume; an empty value takes it back.
type setDeed struct {
	name string
	setting
}

func (d setDeed) String() string { return fmt.Sprintf("set %s %s=%q", d.name, d.key, d.value) }

func (d setDeed) apply(w *world) []api.Kind {
	v, there := w.volumes[d.name]
	switch {
	case !there:
		return only(api.NotFound)
	case d.wrong:
		return only(api.Invalid)
	}
	v.options[d.key] = d.value
	if d.value == "" {
		delete(v.options, d.key)
	}
	return only(ok)
}

// resetDeed puts one option back, or all if key is empty.
type resetDeed struct{ name, key string }

func (d resetDeed) String() string { return fmt.Sprintf("reset %s %q", d.name, d.key) }

func (d resetDeed) apply(w *world) []api.Kind {
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
	kind := api.SubvolDistribute
	if v.replica > 1 {
		kind = api.SubvolReplicate
	}
	v.options = xlator.CreateOptions(kind)
	w.volumes[d.name] = v
	return only(ok)
}

// editDeed sets metadata of a volume; an empty value deletes it.
type editDeed struct{ name, key, value string }

func (d editDeed) String() string { return fmt.Sprintf("edit %s %s=%q", d.name, d.key, d.value) }

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

// poolDeed sets an option of the pool; an empty value takes it back.
type poolDeed struct{ setting }

// poolSettings are options of the pool.
func poolSettings() []setting {
	return []setting{
		{"cluster.max-bricks-per-process", "5", false}, {"cluster.max-bricks-per-process", "7", false}, {"cluster.max-bricks-per-process", "", false},
		{"cluster.max-bricks-per-process", "many", true}, {"no.such-option", "1", true},
	}
}

func (d poolDeed) String() string { return fmt.Sprintf("pool %s=%q", d.key, d.value) }

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

// groupDeed makes an option group, or deletes it.
type groupDeed struct {
	name string
	gone bool
}

func (d groupDeed) String() string { return fmt.Sprintf("group %s gone %v", d.name, d.gone) }

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

// zoneDeed changes the zone of a peer.
type zoneDeed struct{ peer, zone string }

func (d zoneDeed) String() string { return fmt.Sprintf("zone %s %q", d.peer, d.zone) }

func (d zoneDeed) apply(w *world) []api.Kind {
	if _, in := w.peers[d.peer]; !in {
		return only(api.NotFound)
	}
	w.peers[d.peer] = modelPeer{zone: d.zone}
	return only(ok)
}

// detachDeed takes a peer out of the pool. The first peer is the one that is asked.
type detachDeed struct {
	peer  string
	force bool
}

func (d detachDeed) String() string { return fmt.Sprintf("detach %s force %v", d.peer, d.force) }

func (d detachDeed) apply(w *world) []api.Kind {
	_, in := w.peers[d.peer]
	switch {
	case !in:
		return only(api.NotFound)
	case d.peer == modelIDs[0]:
		return only(api.Invalid)
	case w.holds(d.peer):
		return only(api.Forbidden)
	case !w.up[d.peer] && !d.force:
		return only(api.Unavailable)
	}
	delete(w.peers, d.peer)
	return only(ok)
}

// holds reports whether a peer holds bricks.
func (w *world) holds(peerID string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(w.volumes)), func(v modelVolume) bool {
		return slices.ContainsFunc(v.bricks, func(at string) bool { return peerOf(at) == peerID })
	})
}

// joinDeed brings a peer into the pool.
type joinDeed struct{ peer string }

func (d joinDeed) String() string { return "join " + d.peer }

func (d joinDeed) apply(w *world) []api.Kind {
	// One that does not run and holds nothing may come in anew: its host was installed again.
	if _, in := w.peers[d.peer]; in && (w.up[d.peer] || w.holds(d.peer)) {
		return only(api.Exists)
	}
	w.peers[d.peer] = modelPeer{}
	return only(ok)
}

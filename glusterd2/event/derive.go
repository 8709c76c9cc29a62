package event

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// maxEntries bounds the events of one commit, so that they never keep a change from being made.
const maxEntries = 200

// Derive returns, for store.Config.Derive, a function that makes the record of a commit's events. self is the id of
// this peer.
func Derive(self string) func(store.Reader, []store.Transition) []store.Write {
	return func(r store.Reader, changes []store.Transition) []store.Write {
		var entries []Entry
		for _, c := range changes {
			entries = append(entries, entriesOf(r, c)...)
		}
		if len(entries) == 0 {
			return nil
		}
		entries = renames(entries)
		rec := Record{Origin: self, Time: time.Now().UTC(), Events: entries[:min(len(entries), maxEntries)]}
		return []store.Write{records.Create(ulid.Make().String(), rec)}
	}
}

// entriesOf makes the events of one changed record.
func entriesOf(r store.Reader, c store.Transition) []Entry {
	if v, ok := volume.Records.Changed(c); ok {
		return volumeEntries(v)
	}
	if p, ok := peer.Records.Changed(c); ok {
		return peerEntries(p)
	}
	if t, ok := transaction.Changed(c); ok {
		return operationEntries(t)
	}
	if f, ok := Faults.Changed(c); ok {
		return faultEntries(r, f)
	}
	if o, ok := poolOptions.Changed(c); ok {
		return []Entry{{Name: api.EventClusterOptions, Data: map[string]string{api.DataChanged: differing(o.Old, o.New)}}}
	}
	if g, ok := groups.Changed(c); ok {
		return groupEntries(g)
	}
	if d, ok := device.Records.Changed(c); ok {
		return deviceEntries(d)
	}
	if l, ok := volume.AllLimits.Changed(c); ok {
		return limitEntries(r, l)
	}
	if t, ok := volume.Tasks.Changed(c); ok {
		return taskEntries(t)
	}
	if t, ok := volume.TaskResults.Changed(c); ok {
		return taskResultEntries(r, t)
	}
	return nil
}

// renames makes one event of the end of a volume and the beginning of another with the same id. Its task goes with it, and is no news.
func renames(entries []Entry) []Entry {
	var out []Entry
	for _, e := range entries {
		i := slices.IndexFunc(out, func(o Entry) bool {
			pair := o.Name+" "+e.Name == api.EventVolumeDeleted+" "+api.EventVolumeCreated || o.Name+" "+e.Name == api.EventVolumeCreated+" "+api.EventVolumeDeleted
			return pair && o.Data[api.DataVolumeID] != "" && o.Data[api.DataVolumeID] == e.Data[api.DataVolumeID]
		})
		if i < 0 {
			out = append(out, e)
			continue
		}
		old, now := out[i].Data, e.Data
		if e.Name == api.EventVolumeDeleted {
			old, now = now, old
		}
		data := maps.Clone(now)
		data[api.DataFormerName] = old[api.DataVolumeName]
		out[i] = Entry{Name: api.EventVolumeRenamed, Data: data}
	}
	return slices.DeleteFunc(out, func(e Entry) bool {
		return strings.HasPrefix(e.Name, "task.") && slices.ContainsFunc(out, func(o Entry) bool {
			return o.Name == api.EventVolumeRenamed && o.Data[api.DataVolumeName] == e.Data[api.DataVolumeName]
		})
	})
}

func groupEntries(c store.Changed[api.OptionGroup]) []Entry {
	name := api.EventGroupChanged
	if !c.Has {
		name = api.EventGroupDeleted
	}
	return []Entry{{Name: name, Data: map[string]string{api.DataGroup: c.ID}}}
}

func volumeEntries(c store.Changed[*volume.Volume]) []Entry {
	switch {
	case !c.Has && !c.Had:
		return []Entry{{Name: api.EventVolumeDeleted, Data: map[string]string{api.DataVolumeName: c.ID}}}
	case !c.Has:
		return []Entry{{Name: api.EventVolumeDeleted, Data: volumeData(c.Old)}}
	case c.Unknown:
		return []Entry{{Name: api.EventVolumeChanged, Data: volumeData(c.New)}}
	case !c.Had:
		return []Entry{{Name: api.EventVolumeCreated, Data: volumeData(c.New)}}
	}
	return volumeDifferences(c.Old, c.New)
}

func volumeData(v *volume.Volume) map[string]string {
	return map[string]string{api.DataVolumeName: v.Name, api.DataVolumeID: v.ID}
}

// volumeDifferences compares two states of a volume. A difference that has no event of its own is named in a general one.
func volumeDifferences(old, now *volume.Volume) []Entry {
	var out []Entry
	add := func(name string, more map[string]string) {
		data := volumeData(now)
		maps.Copy(data, more)
		out = append(out, Entry{Name: name, Data: data})
	}
	if old.State != now.State {
		name := api.EventVolumeStopped
		if now.State == volume.Started {
			name = api.EventVolumeStarted
		}
		add(name, nil)
	}
	if old.HasQuota() != now.HasQuota() {
		name := api.EventQuotaDisabled
		if now.HasQuota() {
			name = api.EventQuotaEnabled
		}
		add(name, nil)
	}
	if changed := differing(old.Options, now.Options); changed != "" {
		add(api.EventVolumeOptions, map[string]string{api.DataChanged: changed})
	}
	if changed := differing(old.Metadata, now.Metadata); changed != "" {
		add(api.EventVolumeMetadata, map[string]string{api.DataChanged: changed})
	}
	added, removed := bricksBeyond(now, old), bricksBeyond(old, now)
	for _, b := range added {
		add(api.EventBrickAdded, brickData(b))
	}
	for _, b := range removed {
		add(api.EventBrickRemoved, brickData(b))
	}
	switch {
	case len(added) > len(removed):
		add(api.EventVolumeExpanded, nil)
	case len(added) < len(removed):
		add(api.EventVolumeShrunk, nil)
	}
	told := []string{"state", "options", "metadata"}
	if len(added)+len(removed) > 0 {
		told = append(told, "subvols")
	}
	if rest := otherFields(old, now, told...); len(rest) > 0 {
		add(api.EventVolumeChanged, map[string]string{api.DataChanged: strings.Join(rest, ",")})
	}
	return out
}

func brickData(b volume.Brick) map[string]string {
	return map[string]string{api.DataBrickID: b.ID, api.DataPeerID: b.PeerID, api.DataBrickPath: b.Path}
}

// bricksBeyond returns the bricks of v that w does not have at their place.
func bricksBeyond(v, w *volume.Volume) []volume.Brick {
	others := w.Bricks()
	return slices.DeleteFunc(v.Bricks(), func(b volume.Brick) bool {
		return slices.ContainsFunc(others, func(o volume.Brick) bool { return o.PeerID == b.PeerID && o.Path == b.Path && o.ID == b.ID })
	})
}

func peerEntries(c store.Changed[*peer.Peer]) []Entry {
	data := map[string]string{api.DataPeerID: c.ID}
	switch {
	case c.Has:
		data[api.DataPeerName] = c.New.Name
	case c.Had:
		data[api.DataPeerName] = c.Old.Name
	}
	switch {
	case !c.Has:
		return []Entry{{Name: api.EventPeerRemoved, Data: data}}
	case !c.Had && !c.Unknown:
		return []Entry{{Name: api.EventPeerAdded, Data: data}}
	case c.Had:
		changed := otherFields(c.Old, c.New)
		if len(changed) == 0 {
			return nil
		}
		data[api.DataChanged] = strings.Join(changed, ",")
	}
	return []Entry{{Name: api.EventPeerChanged, Data: data}}
}

// volumeLocks is how the names of locks on volumes begin.
const volumeLocks = "volume/"

// operationEntries tells of a transaction's way through its states, and of a new owner.
func operationEntries(c store.Changed[transaction.Record]) []Entry {
	if !c.Has {
		return nil // history that was cleared away
	}
	now := c.New
	data := map[string]string{api.DataOperationID: c.ID, api.DataOperation: now.Operation}
	for _, lock := range now.Locks {
		if name, ok := strings.CutPrefix(lock, volumeLocks); ok {
			data[api.DataVolumeName] = name
		}
	}
	if now.Error != nil {
		data[api.DataReason] = clip(now.Error.Error())
	}
	name := map[transaction.State]string{
		transaction.Running: api.EventOperationStarted, transaction.Forward: api.EventOperationForward,
		transaction.Unwinding: api.EventOperationUnwinding, transaction.Stuck: api.EventOperationStuck,
		transaction.Done: api.EventOperationDone, transaction.Failed: api.EventOperationFailed,
		transaction.Abandoned: api.EventOperationAbandoned,
	}[now.State]
	var out []Entry
	if c.Had && c.Old.Owner != now.Owner {
		out = append(out, Entry{Name: api.EventOperationAdopted, Data: map[string]string{
			api.DataOperationID: c.ID, api.DataOperation: now.Operation, api.DataPeerID: now.Owner.Peer}})
	}
	if name != "" && (!c.Had || c.Old.State != now.State) {
		out = append(out, Entry{Name: name, Data: data})
	}
	return out
}

// faultNames are the events that tell of a fault's beginning and end.
func faultNames(kind string) (begin, end string) {
	switch kind {
	case FaultBrick:
		return api.EventBrickDown, api.EventBrickUp
	case FaultPeer:
		return api.EventPeerDown, api.EventPeerUp
	case FaultQuorum:
		return api.EventQuorumLost, api.EventQuorumRegained
	case FaultDisk:
		return api.EventDiskFull, api.EventDiskFreed
	case FaultDaemon:
		return api.EventDaemonDown, api.EventDaemonUp
	case FaultOrphan:
		return api.EventOrphanFound, api.EventOrphanGone
	}
	return "", ""
}

func faultEntries(r store.Reader, c store.Changed[Fault]) []Entry {
	f := c.New
	if !c.Has {
		f = c.Old
	}
	begin, end := faultNames(f.Kind)
	name := begin
	switch {
	case begin == "" || c.Has && c.Had:
		return nil
	case !c.Has && moot(r, f):
		return nil // what was not well is not there any more, and so did not become well
	case !c.Has:
		name = end
	}
	data := maps.Clone(f.Data)
	if data == nil {
		data = map[string]string{}
	}
	data[api.DataSince] = f.Since.UTC().Format(time.RFC3339Nano)
	if !c.Has {
		delete(data, api.DataReason)
		delete(data, api.DataTimes)
	}
	return []Entry{{Name: name, Data: data}}
}

// moot reports whether the volume of a fault does not run, or its peer is not in the pool.
func moot(r store.Reader, f Fault) bool {
	if name := f.Data[api.DataVolumeName]; name != "" {
		rec, ok, err := volume.Records.Get(r, name)
		if err != nil || !ok || rec.Value.State != volume.Started {
			return true
		}
	}
	_, ok, err := peer.Records.Get(r, f.Data[api.DataPeerID])
	return err != nil || !ok
}

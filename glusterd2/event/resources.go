package event

import (
	"slices"
	"strings"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

func deviceEntries(c store.Changed[*device.Device]) []Entry {
	d := c.New
	if !c.Has {
		d = c.Old
	}
	data := map[string]string{api.DataDeviceID: c.ID}
	if d != nil {
		data[api.DataPeerID], data[api.DataDevicePath] = d.PeerID, d.Name
	}
	switch {
	case !c.Has:
		return []Entry{{Name: api.EventDeviceRemoved, Data: data}}
	case !c.Had && !c.Unknown:
		return []Entry{{Name: api.EventDeviceAdded, Data: data}}
	case c.Had:
		changed := otherFields(c.Old, c.New)
		if len(changed) == 0 {
			return nil
		}
		data[api.DataChanged] = strings.Join(changed, ",")
	}
	return []Entry{{Name: api.EventDeviceChanged, Data: data}}
}

// limitEntries tells of the limits of a directory. Those that end with their volume are not told of.
func limitEntries(r store.Reader, c store.Changed[volume.Limit]) []Entry {
	volumeID, _ := volume.LimitID(c.ID)
	vols, _ := volume.Records.List(r) // one that cannot be read has no name to tell either
	i := slices.IndexFunc(vols, func(rec store.Record[*volume.Volume]) bool { return rec.Value.ID == volumeID })
	if i < 0 || !c.Has && vols[i].Value.State != volume.Started {
		return nil
	}
	data := volumeData(vols[i].Value)
	if !c.Has {
		data[api.DataPath] = c.Old.Path
		return []Entry{{Name: api.EventQuotaLimitRemoved, Data: data}}
	}
	data[api.DataPath] = c.New.Path
	changed := otherFields(c.Old, c.New, "gfid", "path")
	if len(changed) == 0 {
		return nil // only the path under which it was found
	}
	data[api.DataChanged] = strings.Join(changed, ",")
	name := api.EventQuotaLimitSet
	if c.Had && (c.Old.Usage != nil && c.New.Usage == nil || c.Old.Objects != nil && c.New.Objects == nil) {
		name = api.EventQuotaLimitRemoved // one of the two
	}
	return []Entry{{Name: name, Data: data}}
}

// taskEntries tells of the begin of a task and of its stop. A record that goes away was history.
func taskEntries(c store.Changed[*volume.Task]) []Entry {
	if !c.Has {
		return nil
	}
	var name string
	switch {
	case !c.Had && !c.Unknown, c.Had && c.Old.ID != c.New.ID:
		name = api.EventTaskStarted
	case c.Had && c.New.Stop && !c.Old.Stop:
		name = api.EventTaskStopped
	default:
		return nil
	}
	return []Entry{{Name: name, Data: map[string]string{api.DataVolumeName: c.ID, api.DataTask: c.New.Kind, api.DataTaskID: c.New.ID}}}
}

// taskResultEntries tells how a peer's part of a task ended.
func taskResultEntries(r store.Reader, c store.Changed[*volume.TaskResult]) []Entry {
	if !c.Has || !c.New.Status.Final() || c.Had && c.Old.Task == c.New.Task && c.Old.Status == c.New.Status {
		return nil
	}
	name, peerID, _ := strings.Cut(c.ID, "/")
	data := map[string]string{api.DataVolumeName: name, api.DataPeerID: peerID, api.DataTaskID: c.New.Task, api.DataStatus: c.New.Status.String()}
	if task, ok, err := volume.Tasks.Get(r, name); err == nil && ok && task.Value.ID == c.New.Task {
		data[api.DataTask] = task.Value.Kind
	}
	if c.New.Error != "" {
		data[api.DataReason] = clip(c.New.Error)
	}
	return []Entry{{Name: api.EventTaskEnded, Data: data}}
}

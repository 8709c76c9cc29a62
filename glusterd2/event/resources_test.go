package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/device"
	"gd2/glusterd2/event"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// TestEventsOfDevices changes a device in each way.
func TestEventsOfDevices(t *testing.T) {
	r := newRig(t)
	d := device.Device{ID: "d1", PeerID: "peer-2", Name: "/dev/sdb", State: api.DeviceEnabled}
	rev := r.commit(device.Records.Create(d.ID, &d))
	off := d
	off.State = api.DeviceDisabled
	rev = r.commit(device.Records.Update(d.ID, &off, rev))
	rev = r.commit(device.Records.Update(d.ID, &off, rev))
	r.commit(device.Records.Delete(d.ID, rev))
	want := []string{"device.added peer-2", "device.changed peer-2 state", "device.removed peer-2"}
	if diff := cmp.Diff(want, r.all()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if got := r.log.Last(event.Filter{}, 1)[0].Data; got[api.DataDevicePath] != "/dev/sdb" || got[api.DataDeviceID] != "d1" {
		t.Errorf("the device is not named: %v", got)
	}
}

// TestEventsOfQuotas switches a quota on, changes limits in each way, and deletes the volume with a limit.
func TestEventsOfQuotas(t *testing.T) {
	r := newRig(t)
	v := gv0()
	v.State = volume.Started
	rev := r.commit(volume.Records.Create("gv0", v))
	on := *v
	on.Options = map[string]string{volume.OptionQuota: "on"}
	rev = r.commit(volume.Records.Update("gv0", &on, rev))
	limits := volume.Limits(v.ID)
	l := volume.Limit{GFID: "g1", Path: "/a", Usage: &volume.Bound{Hard: 1 << 30}}
	at := r.commit(limits.Create(l.GFID, l))
	l.Objects = &volume.Bound{Hard: 100}
	at = r.commit(limits.Update(l.GFID, l, at))
	l.Path = "/b" // found elsewhere: no change that anybody made
	at = r.commit(limits.Update(l.GFID, l, at))
	l.Usage = nil
	at = r.commit(limits.Update(l.GFID, l, at))
	r.commit(limits.Delete(l.GFID, at))
	at = r.commit(limits.Create(l.GFID, l))
	off := on
	off.Options = map[string]string{volume.OptionQuota: "off"}
	rev = r.commit(volume.Records.Update("gv0", &off, rev))
	off.State = volume.Stopped
	rev = r.commit(volume.Records.Update("gv0", &off, rev))
	r.commit(limits.Delete(l.GFID, at))
	r.commit(volume.Records.Delete("gv0", rev))
	want := []string{
		"volume.created gv0", "quota.enabled gv0", "volume.options.changed gv0 features.quota",
		"quota.limit.set gv0 usage", "quota.limit.set gv0 objects", "quota.limit.removed gv0 usage", "quota.limit.removed gv0",
		"quota.limit.set gv0 objects", "quota.disabled gv0", "volume.options.changed gv0 features.quota", "volume.stopped gv0", "volume.deleted gv0",
	}
	if diff := cmp.Diff(want, r.all()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestEventsOfTasks follows a task over a rename of its volume to its end.
func TestEventsOfTasks(t *testing.T) {
	r := newRig(t)
	rev := r.commit(volume.Records.Create("gv0", gv0()))
	task := volume.Task{ID: "t1", Kind: volume.TaskRebalance, Peers: []string{"peer-1", "peer-2"}}
	at := r.commit(volume.Tasks.Create("gv0", &task))
	result := func(s volume.TaskStatus) *volume.TaskResult { return &volume.TaskResult{Task: "t1", Status: s} }
	of1 := volume.TaskResultID("gv0", "peer-1")
	res := r.commit(volume.TaskResults.Create(of1, result(volume.TaskRuns)))
	res = r.commit(volume.TaskResults.Update(of1, result(volume.TaskComplete), res))
	stopped := task
	stopped.Stop = true
	at = r.commit(volume.Tasks.Update("gv0", &stopped, at))
	r.commit(volume.TaskResults.Create(volume.TaskResultID("gv0", "peer-2"), result(volume.TaskStopped)))
	renamed := *gv0()
	renamed.Name = "gv1"
	r.commit(volume.Records.Delete("gv0", rev), volume.Records.Create("gv1", &renamed), volume.Tasks.Delete("gv0", at), volume.Tasks.Create("gv1", &stopped),
		volume.TaskResults.Delete(of1, res), volume.TaskResults.Create(volume.TaskResultID("gv1", "peer-1"), result(volume.TaskComplete)))
	want := []string{
		"volume.created gv0", "task.started gv0", "task.ended gv0 peer-1", "task.stopped gv0", "task.ended gv0 peer-2", "volume.renamed gv1 gv0",
	}
	if diff := cmp.Diff(want, r.all()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

package heketi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/store"
	"gd2/transaction"
)

// states are the states of a device as Heketi calls them.
var states = map[string]string{
	api.DeviceEnabled: heketi.StateOnline, api.DeviceDisabled: heketi.StateOffline, api.DeviceFailed: heketi.StateFailed,
}

// stateOf is the state of a device as Heketi calls it. One that is being emptied, or was, has failed there.
func stateOf(d *device.Device) string {
	if d.Evacuation != nil {
		return heketi.StateFailed
	}
	return states[d.State]
}

// ours is a state of a device as gd2 calls it; "" for what is no state of Heketi's.
func ours(state string) string {
	for own, theirs := range states {
		if theirs == state {
			return own
		}
	}
	return ""
}

// readState reads the request for another state, and how devices are emptied for it.
func readState(r *request) (state string, how api.EvacuateReq, err error) {
	var req heketi.StateRequest
	if err := r.decode(&req); err != nil {
		return "", how, err
	}
	if ours(req.State) == "" {
		return "", how, invalid("state", "%.40q is not one of online, offline and failed", req.State)
	}
	how.NoHealCheck, err = noHealCheck(req.HealCheck)
	return req.State, how, err
}

// noHealCheck reports whether a request leaves out the look for what is still to be healed from a brick.
func noHealCheck(text string) (bool, error) {
	switch text {
	case "", heketi.HealCheckEnable:
		return false, nil
	case heketi.HealCheckDisable:
		return true, nil
	}
	return false, invalid("healcheck", "%.40q is not one of enable and disable", text)
}

// mayBecome refuses changes of state that Heketi does not make: what failed must be taken back offline, and what is online
// must be offline before it fails. A node that failed stays so.
func mayBecome(what, id, from, to string) error {
	switch {
	case from == heketi.StateFailed && to == heketi.StateOnline, from == heketi.StateFailed && what == "node" && to != from:
		return faultf(http.StatusInternalServerError, "Cannot move a failed/removed %s to %s state", what, to)
	case from == heketi.StateOnline && to == heketi.StateFailed:
		return faultf(http.StatusInternalServerError, "%s must be offline before remove operation is performed, %s:%s", strings.ToUpper(what[:1])+what[1:], what, id)
	}
	return nil
}

func (s *service) setNodeState(_ context.Context, r *request) (reply, error) {
	state, how, err := readState(r)
	if err != nil {
		return reply{}, err
	}
	return s.job(r, func(ctx context.Context) error {
		t, n, err := s.nodeOf(ctx, r)
		if err != nil {
			return err
		}
		if err := mayBecome("node", n.ID, n.State, state); err != nil {
			return err
		}
		change := n.inState(state)
		if state == heketi.StateFailed {
			if change.Emptied, err = s.failDevices(ctx, t, n, how); err != nil {
				return err
			}
		}
		return s.edit(ctx, change)
	})
}

// inState is the change of a node's state. A node that is not online gets no bricks.
func (n *node) inState(state string) editParams {
	rec, p := n.Node, *n.peer.Value
	rec.State, p.NoBricks = state, state != heketi.StateOnline
	return editParams{
		Nodes: []change[*Node]{{ID: rec.ID, New: &rec, Revision: n.revision}},
		Peers: []change[*peer.Peer]{{ID: p.ID, New: &p, Revision: n.peer.Revision}},
	}
}

// failDevices has all devices of a node emptied, and returns their ids. If any of them cannot be, none is.
func (s *service) failDevices(ctx context.Context, t *topology, n *node, how api.EvacuateReq) ([]string, error) {
	var ids []string
	serving := false
	for _, d := range t.devicesOf(n.PeerID) {
		ids = append(ids, d.ID)
		serving = serving || stateOf(d) != heketi.StateFailed
	}
	if !serving {
		return ids, nil
	}
	_, err := s.Devices.EvacuatePeer(transaction.Part(ctx), n.PeerID, how)
	return ids, notEmptied(err, "peer evacuate "+n.peer.Value.Name)
}

// notEmptied is the refusal to empty devices as Heketi's clients know it. To one of a peer that is away it adds what an administrator can
// do: that its host is off cannot be said to Heketi's API.
func notEmptied(err error, command string) error {
	switch {
	case api.IsKind(err, api.Unavailable):
		return faultf(http.StatusServiceUnavailable, "%v: 'glustercli %s --gone'", err, command)
	case api.IsKind(err, api.State):
		return faultf(http.StatusInternalServerError, "No Replacement was found: %v", err)
	}
	return err
}

func (s *service) setDeviceState(_ context.Context, r *request) (reply, error) {
	state, how, err := readState(r)
	if err != nil {
		return reply{}, err
	}
	return s.changeDevice(r, func(ctx context.Context, t *topology, d *device.Device) error {
		from := stateOf(d)
		if err := mayBecome("device", d.ID, from, state); err != nil {
			return err
		}
		switch {
		case state == heketi.StateFailed && from != state:
			return s.failDevice(ctx, t, d, how)
		case state == heketi.StateFailed: // asked once more, who wants to know when it is empty
			return s.edit(ctx, editParams{edited: edited{Emptied: []string{d.ID}}})
		case from == state:
			return nil
		}
		return s.editDevice(ctx, d, api.DeviceEditReq{State: ours(state)})
	})
}

// failDevice takes a device out of service. Its bricks are moved to others, one after the other, each healed before the next.
func (s *service) failDevice(ctx context.Context, t *topology, d *device.Device, how api.EvacuateReq) error {
	uses, err := s.uses(t)
	if err != nil {
		return err
	}
	if len(uses.bricks[d.ID]) > 0 {
		_, err := s.Devices.Evacuate(ctx, d.PeerID, d.ID, how)
		return notEmptied(err, "device evacuate "+t.nameOf(d.PeerID)+" "+d.Name)
	}
	return s.editDevice(ctx, d, api.DeviceEditReq{State: api.DeviceFailed})
}

// emptyingOf are the devices that are to be empty before a job has ended.
func emptyingOf(op api.Operation) []string {
	var done edited
	if op.Operation == editName {
		_ = json.Unmarshal(op.Result, &done) // our own
	}
	return done.Emptied
}

// emptied waits until devices have been emptied, which goes on after the operation that began it; false if that takes longer than ctx. The
// error says that one was taken back meanwhile.
func (s *service) emptied(ctx context.Context, devices []string) (bool, error) {
	changed, unsubscribe := s.Store.Subscribe(store.PrefixDevices)
	defer unsubscribe()
	for {
		busy, err := s.emptying(devices)
		if err != nil || !busy {
			return err == nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false, nil
		}
	}
}

// emptying reports whether any of the devices is being emptied.
func (s *service) emptying(devices []string) (busy bool, err error) {
	if len(devices) == 0 {
		return false, nil
	}
	uses, err := device.Uses(s.Store)
	if err != nil {
		return false, err
	}
	for _, id := range devices {
		rec, there, err := device.Records.Get(s.Store, id)
		switch {
		case err != nil:
			return false, err
		case !there:
		case rec.Value.Evacuation != nil:
			busy = busy || rec.Value.Evacuation.Done.IsZero()
		case uses[id].Bricks > 0:
			return false, faultf(http.StatusInternalServerError, "device %s was taken back before it was empty", id)
		}
	}
	return busy, nil
}

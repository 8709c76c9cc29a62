package devices

import (
	"context"
	"maps"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type editParams struct {
	Device   device.Device `json:"device"`
	Revision int64         `json:"revision"`
	Use      device.Use    `json:"use"`
	Host     string        `json:"host"`
	Rescan   bool          `json:"rescan,omitempty"`
}

func editOperation(host Host) transaction.Operation[editParams, api.Device] {
	measured := transaction.NewOutput[Measure]("measured")
	return transaction.Operation[editParams, api.Device]{
		Name: "device.edit", Version: 1,
		Steps: []transaction.Step[editParams]{{
			Name: "measure",
			Peers: func(p editParams) []string {
				if p.Rescan {
					return []string{p.Device.PeerID}
				}
				return []string{}
			},
			Do: func(ctx context.Context, call *transaction.Call, p editParams) error {
				m, err := host.Rescan(ctx, p.Device)
				measured.Set(call, m)
				return err
			},
			Effects: func(p editParams, _ string) []api.Effect {
				if p.Device.Provisioner != api.ProvisionerLVM {
					return nil
				}
				return []api.Effect{{Action: api.ActionChange, Kind: api.OnFile, Name: p.Device.Name, Note: "its volume group takes in what it was made larger by"}}
			},
		}},
		Commit: func(p editParams, out transaction.Outputs) ([]store.Write, []store.Guard, api.Device, error) {
			d := p.Device
			if m, ok := measured.Get(out, d.PeerID); ok {
				m.put(&d)
			}
			return []store.Write{device.Records.Update(d.ID, &d, p.Revision)}, nil, d.Info(p.Use, p.Host), nil
		},
	}
}

// Edit changes the state or the tags of a device, or measures it again.
func (c *Commands) Edit(ctx context.Context, peerName, name string, req api.DeviceEditReq) (api.Device, error) {
	rec, err := c.find(ctx, peerName, name)
	if err != nil {
		return api.Device{}, err
	}
	changed, err := edited(*rec.Value, req)
	if err != nil {
		return api.Device{}, err
	}
	uses, err := device.Uses(c.Store)
	if err != nil {
		return api.Device{}, err
	}
	p := editParams{Device: changed, Revision: rec.Revision, Use: uses[rec.ID], Host: peer.Hosts(c.Store)(changed.PeerID), Rescan: req.Rescan}
	if req.Rescan {
		if err := c.online(changed.PeerID); err != nil {
			return api.Device{}, err
		}
	}
	return c.Ops.edit.Run(ctx, c.Engine, editPlan(p))
}

func editPlan(p editParams) transaction.Plan[editParams] {
	plan := transaction.Plan[editParams]{
		Params: p, Locks: []string{device.Lock(p.Device.ID)}, Guards: []store.Guard{device.Records.MustBe(p.Device.ID, p.Revision)},
	}
	if p.Rescan {
		plan.Peers = []string{p.Device.PeerID}
	}
	return plan
}

// edited is a device with what a request changes.
func edited(d device.Device, req api.DeviceEditReq) (device.Device, error) {
	switch req.State {
	case "":
	case api.DeviceEnabled, api.DeviceDisabled:
		d.State, d.Evacuation = req.State, nil
	case api.DeviceFailed:
		d.State = req.State // one that is being emptied still is
	default:
		return d, api.FieldErrorf("state", "state %.40q: use %s, %s or %s", req.State, api.DeviceEnabled, api.DeviceDisabled, api.DeviceFailed)
	}
	if req.State == "" && len(req.Tags) == 0 && !req.Rescan {
		return d, api.FieldErrorf("state", "nothing to change: give state, tags or rescan")
	}
	d.Tags = maps.Clone(d.Tags)
	for k, v := range req.Tags {
		if v == "" {
			delete(d.Tags, k)
			continue
		}
		if d.Tags == nil {
			d.Tags = map[string]string{}
		}
		d.Tags[k] = v
	}
	return d, device.CheckTags(d.Tags)
}

package devices

import (
	"context"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// adoptOperation puts a device on record that another program has made, with bricks on it. Its peer measures it, and changes nothing.
func adoptOperation(host Host) transaction.Operation[addParams, api.Device] {
	measured := transaction.NewOutput[Measure]("measured")
	return transaction.Operation[addParams, api.Device]{
		Name: "device.adopt", Version: 1,
		Steps: []transaction.Step[addParams]{{
			Name: "measure",
			Do: func(ctx context.Context, call *transaction.Call, p addParams) error {
				m, err := host.Measure(ctx, p.Device)
				measured.Set(call, m)
				return err
			},
			Effects: func(addParams, string) []api.Effect { return nil },
		}},
		Commit: func(p addParams, out transaction.Outputs) ([]store.Write, []store.Guard, api.Device, error) {
			return recordMeasured(p, out, measured)
		},
	}
}

// recordMeasured is the commit of a new device, as its peer has measured it.
func recordMeasured(p addParams, out transaction.Outputs, measured transaction.Output[Measure]) ([]store.Write, []store.Guard, api.Device, error) {
	d := p.Device
	m, ok := measured.Get(out, d.PeerID)
	if !ok {
		return nil, nil, api.Device{}, api.Errorf(api.Internal, "peer %s has not measured %s", p.Host, d.Name)
	}
	m.put(&d)
	return append(p.Mark.writes(), device.Records.Create(d.ID, &d)), []store.Guard{peer.Records.MustBe(d.PeerID, p.PeerRevision)},
		d.Info(device.Use{}, p.Host), nil
}

// Adopt puts a device on record that another program has made, under the id that it has there.
func (c *Commands) Adopt(ctx context.Context, d device.Device) (api.Device, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return api.Device{}, err
	}
	p, err := peer.Find(c.Store, d.PeerID)
	if err != nil {
		return api.Device{}, err
	}
	if err := device.CheckName(d.Name); err != nil {
		return api.Device{}, err
	}
	if err := c.unknown(d, p.Value.Name, ""); err != nil {
		return api.Device{}, err
	}
	if err := c.online(p.ID); err != nil {
		return api.Device{}, err
	}
	return c.Ops.adopt.Run(ctx, c.Engine, addPlan(addParams{Device: d, Host: p.Value.Host, PeerRevision: p.Revision}))
}

package volumes

import (
	"context"
	"fmt"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type adoptParams struct {
	Volume *volume.Volume `json:"volume"`
	// Peers and Devices are the revisions of the records of those that hold bricks: none may have left meanwhile.
	Peers   map[string]int64 `json:"peers"`
	Devices map[string]int64 `json:"devices"`
}

// adoptOperation puts a volume on record that another program has made. Its peers look whether their bricks are there and belong to it,
// and change nothing.
func adoptOperation(host Host) transaction.Operation[adoptParams, none] {
	return transaction.Operation[adoptParams, none]{
		Name: "volume.adopt", Version: 1,
		Steps: []transaction.Step[adoptParams]{{
			Name: "look", Effects: func(adoptParams, string) []api.Effect { return nil },
			Do: func(_ context.Context, _ *transaction.Call, p adoptParams) error {
				_, err := host.SurveyStart(inState(p.Volume, volume.Stopped), false)
				return err
			},
		}},
		Commit: func(p adoptParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			guards := peersMustBe(p.Peers)
			for id, rev := range p.Devices {
				guards = append(guards, device.Records.MustBe(id, rev))
			}
			return []store.Write{volume.Records.Create(p.Volume.Name, p.Volume)}, guards, none{}, nil
		},
	}
}

// Adopt puts a volume on record that another program has made, with the bricks and the ids that it has. Options that are not known
// here are left out; they are returned in words.
func (c *Commands) Adopt(ctx context.Context, v *volume.Volume) (left []string, err error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	if err := c.checkCreate(api.VolumeCreateReq{Name: v.Name}); err != nil {
		return nil, err
	}
	if err := c.checkBricks(v); err != nil {
		return nil, err
	}
	adopted := *v
	adopted.Options, left = c.knownOptions(v)
	p, err := c.planAdopt(&adopted)
	if err != nil {
		return nil, err
	}
	if err := c.allOnline(v.Peers()); err != nil {
		return nil, err
	}
	_, err = c.Ops.adopt.Run(ctx, c.Engine, adoptPlan(p))
	return left, err
}

func adoptPlan(p adoptParams) transaction.Plan[adoptParams] {
	return transaction.Plan[adoptParams]{
		Params: p, Peers: p.Volume.Peers(), Locks: append(brickLocks(p.Volume), Lock(p.Volume.Name)),
		Guards: []store.Guard{volume.Records.MustBeAbsent(p.Volume.Name)},
	}
}

func (c *Commands) planAdopt(v *volume.Volume) (adoptParams, error) {
	p := adoptParams{Volume: v, Peers: map[string]int64{}, Devices: map[string]int64{}}
	for b := range v.All() {
		if _, err := c.place(api.BrickReq{PeerID: b.PeerID, Path: b.Path}, p.Peers); err != nil {
			return p, err
		}
		if b.Device == "" {
			continue
		}
		rec, there, err := device.Records.Get(c.Store, b.Device)
		if err != nil || !there {
			return p, api.Errorf(api.Invalid, "brick %s of volume %s is on device %s, which is not on record: %v", b.Path, v.Name, b.Device, err)
		}
		p.Devices[b.Device] = rec.Revision
	}
	return p, nil
}

// knownOptions are the options of a volume that are known here, and in words the others.
func (c *Commands) knownOptions(v *volume.Volume) (map[string]string, []string) {
	known, left := xlator.CreateOptions(v.Shape().Type), []string{}
	for k, val := range v.Options {
		resolved, err := c.resolve(map[string]string{k: val}, shapeOf(v))
		if err != nil {
			left = append(left, fmt.Sprintf("option %s of volume %s: %v", k, v.Name, err))
			continue
		}
		for name, value := range resolved {
			known[name] = value
		}
	}
	return known, left
}

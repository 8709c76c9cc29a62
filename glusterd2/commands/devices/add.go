package devices

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type addParams struct {
	Device device.Device `json:"device"`
	Host   string        `json:"host"`
	Wipe   bool          `json:"wipe,omitempty"`
	// PeerRevision is that of the peer's record.
	PeerRevision int64 `json:"peer-revision"`
	// Mark is the device whose place it takes, marked so, if there is one.
	Mark markParams `json:"mark,omitzero"`
}

func addOperation(host Host) transaction.Operation[addParams, api.Device] {
	measured := transaction.NewOutput[Measure]("measured")
	effects := func(p addParams, _ string) []api.Effect { return takeEffects(p) }
	return transaction.Operation[addParams, api.Device]{
		Name: "device.add", Version: 1,
		Steps: []transaction.Step[addParams]{{
			Name: "take",
			Do: func(ctx context.Context, call *transaction.Call, p addParams) error {
				m, err := host.Take(ctx, p.Device, p.Wipe)
				measured.Set(call, m)
				return err
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p addParams) error {
				return host.Release(ctx, p.Device)
			},
			Effects: effects,
			Survey: func(ctx context.Context, call *transaction.Call, p addParams) ([]api.Effect, error) {
				_, err := host.Look(ctx, p.Device, p.Wipe)
				return effects(p, call.PeerID), err
			},
		}},
		Commit: func(p addParams, out transaction.Outputs) ([]store.Write, []store.Guard, api.Device, error) {
			return recordMeasured(p, out, measured)
		},
	}
}

// newRecord tells of the record of a device whose id is not known before it is made.
func newRecord(name string) api.Effect {
	return api.Effect{Action: api.ActionCreate, Kind: api.OnRecord, Name: recordName("ID-OF-THE-NEW-DEVICE"), Note: name}
}

// recordName is what a plan calls the record of a device.
func recordName(id string) string { return strings.TrimPrefix(store.PrefixDevices, store.Root) + id }

func takeEffects(p addParams) []api.Effect {
	e := api.Effect{Action: api.ActionChange, Kind: api.OnDirectory, Name: p.Device.Name, Note: "is marked as a device"}
	if p.Device.Provisioner == api.ProvisionerLVM {
		e.Kind, e.Note = api.OnFile, "becomes a volume group"
	}
	if p.Wipe {
		e.Action, e.Irreversible, e.Note = api.ActionDestroy, true, "whatever it holds is wiped"
	}
	return []api.Effect{e}
}

// Add takes a device of a peer into use.
func (c *Commands) Add(ctx context.Context, peerName string, req api.DeviceAddReq) (api.Device, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return api.Device{}, err
	}
	p, err := peer.Find(c.Store, peerName)
	if err != nil {
		return api.Device{}, err
	}
	d, err := newDevice(p.ID, req)
	if err != nil {
		return api.Device{}, err
	}
	if err := c.mayAdd(p, d, ""); err != nil {
		return api.Device{}, err
	}
	if err := device.Records.Subject(ctx, d.ID, 0); err != nil {
		return api.Device{}, err
	}
	transaction.Also(ctx, api.OperationPlan{Records: []api.Effect{newRecord(d.Name)}})
	return c.Ops.add.Run(ctx, c.Engine, addPlan(addParams{Device: d, Host: p.Value.Host, Wipe: req.Wipe != "", PeerRevision: p.Revision}))
}

// addPlan locks the path, so that of two additions of the same device one is refused.
func addPlan(p addParams) transaction.Plan[addParams] {
	plan := markPlan(p.Mark)
	return transaction.Plan[addParams]{
		Params: p, Peers: []string{p.Device.PeerID}, Guards: plan.Guards,
		Locks: append(plan.Locks, device.Lock(p.Device.ID), "device-path/"+p.Device.PeerID+p.Device.Name),
	}
}

// newDevice checks a request and chooses the id.
func newDevice(peerID string, req api.DeviceAddReq) (device.Device, error) {
	d := device.Device{
		// Without dashes: the names of LVM's volumes are made of it, in which a dash is written twice.
		ID: strings.ReplaceAll(uuid.NewString(), "-", ""), PeerID: peerID, Name: req.Device, Provisioner: req.Provisioner,
		State: api.DeviceEnabled, Tags: req.Tags,
	}
	if d.Provisioner == "" {
		d.Provisioner = api.ProvisionerLVM
	}
	switch d.Provisioner {
	case api.ProvisionerLVM, api.ProvisionerLoop, api.ProvisionerDirectory:
	default:
		return d, api.FieldErrorf("provisioner", "provisioner %.40q: use %s, %s or %s", d.Provisioner,
			api.ProvisionerLVM, api.ProvisionerLoop, api.ProvisionerDirectory)
	}
	if err := device.CheckName(d.Name); err != nil {
		return d, err
	}
	if req.Wipe != "" && req.Wipe != d.Name {
		return d, api.FieldErrorf("wipe", "wipe %.80q: repeat the path of the device, %s, to have everything on it wiped", req.Wipe, d.Name)
	}
	if req.Wipe != "" && d.Provisioner != api.ProvisionerLVM {
		return d, api.FieldErrorf("wipe", "wipe is for block devices: empty the directory %s yourself", d.Name)
	}
	return d, device.CheckTags(d.Tags)
}

// mayAdd demands that a peer can take a device into use, perhaps where another was that it replaces.
func (c *Commands) mayAdd(p store.Record[*peer.Peer], d device.Device, replaced string) error {
	if err := c.unknown(d, p.Value.Name, replaced); err != nil {
		return err
	}
	if p.Value.Leaving {
		return api.Errorf(api.Conflict, "peer %s is being detached: it gets no devices", p.Value.Name)
	}
	return c.online(p.ID)
}

// unknown refuses a device that the peer has already, and one that contains it or lies in it. The one that is replaced does not count if
// it has the same path: whether another disk is there now its peer sees.
func (c *Commands) unknown(d device.Device, host, replaced string) error {
	recs, err := device.Records.List(c.Store)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		have := rec.Value
		if have.PeerID != d.PeerID || have.ID == replaced && have.Name == d.Name {
			continue
		}
		if have.Name == d.Name {
			return api.Errorf(api.Exists, "device %s of peer %s is in use already, as %s", d.Name, host, have.ID).With("device", have.ID)
		}
		if strings.HasPrefix(d.Name, have.Name+"/") || strings.HasPrefix(have.Name, d.Name+"/") {
			return api.FieldErrorf("device", "device %s overlaps with the device %s of peer %s", d.Name, have.Name, host)
		}
	}
	return nil
}

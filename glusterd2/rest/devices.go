package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Devices is where peers make bricks of a size. A device is named by its path on the peer, or by its id.
type Devices interface {
	// List lists the devices of a peer, or of all if it is empty.
	List(ctx context.Context, peer string) ([]api.Device, error)
	Get(ctx context.Context, peer, device string) (api.Device, error)
	Add(ctx context.Context, peer string, req api.DeviceAddReq) (api.Device, error)
	Edit(ctx context.Context, peer, device string, req api.DeviceEditReq) (api.Device, error)
	// Evacuate and EvacuatePeer have all bricks of a device, or of all devices of a peer, moved to others.
	Evacuate(ctx context.Context, peer, device string, req api.EvacuateReq) (api.Device, error)
	EvacuatePeer(ctx context.Context, peer string, req api.EvacuateReq) ([]api.Device, error)
	// Replace puts a new device in the place of one, with its bricks, and returns the new one.
	Replace(ctx context.Context, peer, device string, req api.DeviceReplaceReq) (api.Device, error)
	// Remove gives up a device without bricks; force does so without touching it.
	Remove(ctx context.Context, peer, device string, force bool) error
}

func (a *API) deviceRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/devices", Name: "DevicesList", Access: Read,
			Description: "Lists the devices on which bricks of a size are made."}, a.deviceList),
		serve(Route{Method: http.MethodGet, Path: "/v1/devices/{peerid}", Name: "DevicesListInPeer", Access: Read,
			Description: "Lists the devices of a peer."}, a.deviceList),
		serve(Route{Method: http.MethodPost, Path: "/v1/devices/{peerid}", Name: "DeviceAdd", Conditional: true, Access: Admin, Plans: true, Status: http.StatusCreated,
			Requires: []string{"device"}, Description: "Takes a device of a peer into use."}, a.deviceAdd),
		serve(Route{Method: http.MethodGet, Path: "/v1/devices/{peerid}/{device}", Tail: "device", Conditional: true, Name: "DeviceInfo", Access: Read,
			Description: "Shows a device, named by its path or its id."}, a.deviceGet),
		serve(Route{Method: http.MethodPost, Path: "/v1/devices/{peerid}/{device}/evacuate", Tail: "device", Conditional: true, Name: "DeviceEvacuate", Access: Admin, Plans: true,
			Description: "Has all bricks of a device moved to others, one by one; the device tells how far that is."}, a.deviceEvacuate),
		serve(Route{Method: http.MethodPost, Path: "/v1/devices/{peerid}/{device}/replace", Tail: "device", Conditional: true, Name: "DeviceReplace", Access: Admin, Plans: true,
			Status: http.StatusCreated, Requires: []string{"device"},
			Description: "Takes a new device into use, has all bricks of a device moved, to the new one if they can, and gives the old one up; the operation tells how far that is."}, a.deviceReplace),
		serve(Route{Method: http.MethodPost, Path: "/v1/peers/{peerid}/evacuate", Conditional: true, Name: "PeerEvacuate", Access: Admin, Plans: true,
			Description: "Has all bricks of all devices of a peer moved to others."}, a.peerEvacuate),
		serve(Route{Method: http.MethodPost, Path: "/v1/devices/{peerid}/{device}", Tail: "device", Conditional: true, Name: "DeviceEdit", Access: Admin, Plans: true,
			Description: "Changes the state or the tags of a device, or measures it again."}, a.deviceEdit),
		serve(Route{Method: http.MethodDelete, Path: "/v1/devices/{peerid}/{device}", Tail: "device", Conditional: true, Name: "DeviceRemove", Access: Admin, Plans: true,
			Status: http.StatusNoContent, Query: []Param{{Name: "force", Description: "leave the device itself alone: it is gone", Bare: true}},
			Description: "Gives up a device that holds no bricks."}, a.deviceRemove),
	}
}

func (a *API) deviceList(ctx context.Context, r *Request, _ None) ([]api.Device, error) {
	return a.cfg.Devices.List(ctx, r.Vars["peerid"])
}

func (a *API) deviceGet(ctx context.Context, r *Request, _ None) (api.Device, error) {
	return a.cfg.Devices.Get(ctx, r.Vars["peerid"], r.Vars["device"])
}

func (a *API) deviceAdd(ctx context.Context, r *Request, req api.DeviceAddReq) (api.Device, error) {
	d, err := a.cfg.Devices.Add(ctx, r.Vars["peerid"], req)
	if err == nil {
		r.Location("devices", d.PeerID, d.ID)
	}
	return d, err
}

func (a *API) deviceEdit(ctx context.Context, r *Request, req api.DeviceEditReq) (api.Device, error) {
	return a.cfg.Devices.Edit(ctx, r.Vars["peerid"], r.Vars["device"], req)
}

func (a *API) deviceEvacuate(ctx context.Context, r *Request, req api.EvacuateReq) (api.Device, error) {
	return a.cfg.Devices.Evacuate(ctx, r.Vars["peerid"], r.Vars["device"], req)
}

func (a *API) deviceReplace(ctx context.Context, r *Request, req api.DeviceReplaceReq) (api.Device, error) {
	d, err := a.cfg.Devices.Replace(ctx, r.Vars["peerid"], r.Vars["device"], req)
	if err == nil {
		r.Location("devices", d.PeerID, d.ID)
	}
	return d, err
}

func (a *API) peerEvacuate(ctx context.Context, r *Request, req api.EvacuateReq) ([]api.Device, error) {
	return a.cfg.Devices.EvacuatePeer(ctx, r.Vars["peerid"], req)
}

func (a *API) deviceRemove(ctx context.Context, r *Request, _ None) (None, error) {
	return None{}, a.cfg.Devices.Remove(ctx, r.Vars["peerid"], r.Vars["device"], r.Flag("force"))
}

package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"gd2/pkg/api"
)

type fakeDevices struct{ f *fake }

var _ Devices = fakeDevices{}

func (d fakeDevices) List(_ context.Context, peer string) ([]api.Device, error) {
	return []api.Device{{ID: "d1", Device: "/dev/sdb", Tags: map[string]string{}}}, d.f.call("devices", peer)
}
func (d fakeDevices) Get(_ context.Context, peer, device string) (api.Device, error) {
	return api.Device{ID: "d1", Tags: map[string]string{}}, d.f.call("device", peer, device)
}
func (d fakeDevices) Add(_ context.Context, peer string, req api.DeviceAddReq) (api.Device, error) {
	return api.Device{ID: "d1", PeerID: "p2", Tags: map[string]string{}}, d.f.call("add device", peer, req.Device)
}
func (d fakeDevices) Edit(_ context.Context, peer, device string, req api.DeviceEditReq) (api.Device, error) {
	return api.Device{ID: "d1", Tags: map[string]string{}}, d.f.call("edit device", peer, device, req.State)
}
func (d fakeDevices) Evacuate(_ context.Context, peer, device string, req api.EvacuateReq) (api.Device, error) {
	return api.Device{ID: "d1", Tags: map[string]string{}}, d.f.call("evacuate device", peer, device, fmt.Sprint(req.Gone))
}
func (d fakeDevices) Replace(_ context.Context, peer, device string, req api.DeviceReplaceReq) (api.Device, error) {
	return api.Device{ID: "d2", PeerID: "p2", Tags: map[string]string{}}, d.f.call("replace device", peer, device, req.Device)
}
func (d fakeDevices) EvacuatePeer(_ context.Context, peer string, req api.EvacuateReq) ([]api.Device, error) {
	return []api.Device{{ID: "d1", Tags: map[string]string{}}}, d.f.call("evacuate peer", peer, fmt.Sprint(req.Gone))
}
func (d fakeDevices) Remove(_ context.Context, peer, device string, force bool) error {
	if force {
		return d.f.call("forget device", peer, device)
	}
	return d.f.call("remove device", peer, device)
}

// glusterd2's clients name a device by its path.
func TestDeviceByPath(t *testing.T) {
	r := newRig(t, nil)
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/devices/p2/dev/disk/by-id/x", nil)
	r.api.ServeHTTP(w, req)
	if w.Code == http.StatusNotFound {
		t.Errorf("no route: %s", w.Body)
	}
}

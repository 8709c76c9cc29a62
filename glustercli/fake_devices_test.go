package main

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"gd2/pkg/api"
)

func (f *fake) listDevices(r *http.Request, _ []byte) (int, any, error) {
	list := []api.Device{}
	for _, d := range f.devices {
		if id := mux.Vars(r)["peer"]; id == "" || id == d.PeerID {
			list = append(list, d)
		}
	}
	return http.StatusOK, list, nil
}

func (f *fake) addDevice(r *http.Request, body []byte) (int, any, error) {
	var req api.DeviceAddReq
	_ = json.Unmarshal(body, &req)
	if req.Device == "/dev/full" && req.Wipe != req.Device {
		return 0, nil, api.Errorf(api.State, "device /dev/full holds ext4")
	}
	d := api.Device{
		ID: "d1", Device: req.Device, PeerID: mux.Vars(r)["peer"], Hostname: "node1", Provisioner: req.Provisioner, State: api.DeviceEnabled,
		Tags: req.Tags, TotalSize: 100 << 30, FreeSize: 60 << 30, UsedSize: 40 << 30, Bricks: 2,
	}
	f.devices = append(f.devices, d)
	return http.StatusCreated, d, nil
}

func (f *fake) device(r *http.Request) (int, error) {
	i := slices.IndexFunc(f.devices, func(d api.Device) bool { return d.ID == mux.Vars(r)["device"] })
	if i < 0 {
		return 0, api.Errorf(api.NotFound, "no such device")
	}
	return i, nil
}

func (f *fake) editDevice(r *http.Request, body []byte) (int, any, error) {
	i, err := f.device(r)
	if err != nil {
		return 0, nil, err
	}
	var req api.DeviceEditReq
	_ = json.Unmarshal(body, &req)
	if req.State != "" {
		f.devices[i].State = req.State
	}
	for k, v := range req.Tags {
		if f.devices[i].Tags[k] = v; v == "" {
			delete(f.devices[i].Tags, k)
		}
	}
	return http.StatusOK, f.devices[i], nil
}

func (f *fake) removeDevice(r *http.Request, _ []byte) (int, any, error) {
	i, err := f.device(r)
	if err != nil {
		return 0, nil, err
	}
	if f.devices[i].Bricks > 0 && r.URL.Query().Get("force") == "" {
		return 0, nil, api.Errorf(api.State, "device %s holds bricks", f.devices[i].Device)
	}
	f.devices = slices.Delete(f.devices, i, i+1)
	return http.StatusNoContent, nil, nil
}

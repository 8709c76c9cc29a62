package heketi

import (
	"context"
	"net/http"
	"strings"

	"gd2/glusterd2/device"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

func (s *service) deviceRoutes() []route {
	const path = "/devices" + idPattern
	return []route{
		post("/devices", forAdmin, s.addDevice),
		read(path, forAdmin, s.getDevice),
		remove(path, forAdmin, s.deleteDevice),
		post(path+"/state", forAdmin, s.setDeviceState),
		post(path+"/tags", forAdmin, s.setDeviceTags),
		{http.MethodGet, path + "/resync", forAdmin, true, s.resyncDevice},
	}
}

func (s *service) addDevice(_ context.Context, r *request) (reply, error) {
	var req heketi.DeviceAddRequest
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	if err := device.CheckName(req.Name); err != nil {
		return reply{}, invalid("name", "%v", err)
	}
	if err := checkTags(req.Tags); err != nil {
		return reply{}, err
	}
	return s.job(r, func(ctx context.Context) error {
		t, err := s.topology(ctx)
		if err != nil {
			return err
		}
		n := t.node(strings.ToLower(req.Node))
		if n == nil {
			return errNoID()
		}
		_, err = s.Devices.Add(ctx, n.PeerID, heketi.TopologyDevice{Name: req.Name, DestroyData: req.DestroyData, Tags: req.Tags}.Request())
		return err
	})
}

// deviceOf returns the device that a request is about, and all others; Heketi's error if there is none.
func (s *service) deviceOf(ctx context.Context, r *request) (*topology, *device.Device, error) {
	t, err := s.topology(ctx)
	if err != nil {
		return nil, nil, err
	}
	d := t.device(r.id())
	if d == nil {
		return nil, nil, errNoID()
	}
	return t, d, nil
}

func (s *service) getDevice(ctx context.Context, r *request) (reply, error) {
	t, d, err := s.deviceOf(ctx, r)
	if err != nil {
		return reply{}, err
	}
	uses, err := s.uses(t)
	if err != nil {
		return reply{}, err
	}
	return ok(uses.device(d))
}

// changeDevice is a job that changes a device.
func (s *service) changeDevice(r *request, do func(ctx context.Context, t *topology, d *device.Device) error) (reply, error) {
	return s.job(r, func(ctx context.Context) error {
		t, d, err := s.deviceOf(ctx, r)
		if err != nil {
			return err
		}
		return do(ctx, t, d)
	})
}

func (s *service) deleteDevice(_ context.Context, r *request) (reply, error) {
	var req struct {
		ForceForget bool `json:"forceforget"`
	}
	if err := r.decodeAny(&req); err != nil {
		return reply{}, err
	}
	return s.changeDevice(r, func(ctx context.Context, t *topology, d *device.Device) error {
		uses, err := s.uses(t)
		switch {
		case err != nil:
			return err
		case len(uses.bricks[d.ID]) > 0:
			return faultf(http.StatusConflict, "Unable to delete device [%s] because it contains bricks", d.ID)
		case stateOf(d) != heketi.StateFailed:
			return faultf(http.StatusBadRequest, "device: %s is not in failed state", d.ID)
		}
		return s.Devices.Remove(ctx, d.PeerID, d.ID, req.ForceForget)
	})
}

func (s *service) editDevice(ctx context.Context, d *device.Device, req api.DeviceEditReq) error {
	_, err := s.Devices.Edit(ctx, d.PeerID, d.ID, req)
	return err
}

func (s *service) setDeviceTags(_ context.Context, r *request) (reply, error) {
	var req heketi.TagsChangeRequest
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	var after map[string]string
	err := s.wait(r, func(ctx context.Context) error {
		_, d, err := s.deviceOf(ctx, r)
		if err != nil {
			return err
		}
		if after, err = tagged(d.Tags, req); err != nil {
			return err
		}
		edit := map[string]string{}
		for k := range d.Tags {
			edit[k] = "" // taken away, unless it is set again
		}
		for k, v := range after {
			edit[k] = v
		}
		if len(edit) == 0 {
			return nil
		}
		return s.editDevice(ctx, d, api.DeviceEditReq{Tags: edit})
	})
	if err != nil {
		return reply{}, err
	}
	return ok(after)
}

// resyncDevice measures a device again.
func (s *service) resyncDevice(_ context.Context, r *request) (reply, error) {
	return s.changeDevice(r, func(ctx context.Context, _ *topology, d *device.Device) error {
		return s.editDevice(ctx, d, api.DeviceEditReq{Rescan: true})
	})
}

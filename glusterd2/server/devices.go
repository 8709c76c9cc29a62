package server

import (
	"context"
	"path/filepath"

	"gd2/glusterd2/backing"
	"gd2/glusterd2/commands/devices"
	"gd2/glusterd2/device"
)

// deviceHost is what this host can do with its devices.
type deviceHost struct {
	backing *backing.Host
	mounts  string
}

var _ devices.Host = deviceHost{}

// mounts is the directory below which the filesystems of bricks are mounted.
func (s *Server) mounts() string { return filepath.Join(s.cfg.RunDir, "bricks") }

// Look implements devices.Host.
func (h deviceHost) Look(ctx context.Context, d device.Device, wipe bool) (devices.Measure, error) {
	p, err := h.backing.Of(d.Provisioner)
	if err != nil {
		return devices.Measure{}, err
	}
	m, err := p.Look(ctx, backing.Device{ID: d.ID, Name: d.Name, UUID: d.UUID}, wipe)
	return h.measure(m), err
}

// Take implements devices.Host.
func (h deviceHost) Take(ctx context.Context, d device.Device, wipe bool) (devices.Measure, error) {
	p, err := h.backing.Of(d.Provisioner)
	if err != nil {
		return devices.Measure{}, err
	}
	m, err := p.Take(ctx, backing.Device{ID: d.ID, Name: d.Name, UUID: d.UUID}, wipe)
	return h.measure(m), err
}

// Measure implements devices.Host.
func (h deviceHost) Measure(ctx context.Context, d device.Device) (devices.Measure, error) {
	p, err := h.backing.Of(d.Provisioner)
	if err != nil {
		return devices.Measure{}, err
	}
	m, err := p.Measure(ctx, backing.Device{ID: d.ID, Name: d.Name, UUID: d.UUID})
	return h.measure(m), err
}

// Rescan implements devices.Host.
func (h deviceHost) Rescan(ctx context.Context, d device.Device) (devices.Measure, error) {
	p, err := h.backing.Of(d.Provisioner)
	if err != nil {
		return devices.Measure{}, err
	}
	m, err := p.Rescan(ctx, backing.Device{ID: d.ID, Name: d.Name, UUID: d.UUID})
	return h.measure(m), err
}

func (h deviceHost) measure(m backing.Measure) devices.Measure {
	return devices.Measure{Size: m.Size, Unit: m.Unit, UUID: m.UUID, Mounts: h.mounts}
}

// Release implements devices.Host.
func (h deviceHost) Release(ctx context.Context, d device.Device) error {
	p, err := h.backing.Of(d.Provisioner)
	if err != nil {
		return err
	}
	return p.Release(ctx, backing.Device{ID: d.ID, Name: d.Name, UUID: d.UUID})
}

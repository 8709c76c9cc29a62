package heal

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// Options that switch healing.
const (
	optionReplicate = "cluster.self-heal-daemon"
	optionDisperse  = "cluster.disperse-self-heal-daemon"
)

// switchOf is the option that switches the self-heal daemon for a volume.
func switchOf(v *volume.Volume) string {
	if v.Shape().Type == api.SubvolDisperse {
		return optionDisperse
	}
	return optionReplicate
}

// Switch switches the self-heal daemon for a volume on or off.
func (c *Commands) Switch(ctx context.Context, name string, on bool) (api.VolumeInfo, error) {
	v, err := c.find(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if !v.NeedsSelfHeal() {
		return api.VolumeInfo{}, api.Errorf(api.State, "volume %s is of type %s: only replicate and disperse volumes heal", name, v.TypeName())
	}
	value := "off"
	if on {
		value = "on"
	}
	return c.cfg.Options.SetOptions(ctx, name, api.VolumeOptionReq{Options: map[string]string{switchOf(v): value}})
}

// Granular switches the healing of folders entry by entry. To switch it on, all bricks must be there and nothing be left to
// heal: the notes that a heal left in the other way are not read any more.
func (c *Commands) Granular(ctx context.Context, name string, on bool) (api.VolumeInfo, error) {
	v, err := c.started(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if v.Shape().Type != api.SubvolReplicate {
		return api.VolumeInfo{}, api.Errorf(api.State, "volume %s is of type %s: only replicate volumes heal folders entry by entry", name, v.TypeName())
	}
	if on {
		if err := c.cfg.Tool.ReadyForGranular(ctx, name); err != nil {
			return api.VolumeInfo{}, err
		}
	}
	return c.cfg.Options.SwitchGranular(ctx, name, on)
}

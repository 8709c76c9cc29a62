package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// optionGranular has folders healed entry by entry.
const optionGranular = "cluster.granular-entry-heal"

// SwitchGranular switches the healing of folders entry by entry. To switch it on, the caller has made sure that nothing is
// left to heal.
func (c *Commands) SwitchGranular(ctx context.Context, name string, on bool) (api.VolumeInfo, error) {
	return c.changeOptions(ctx, name, []string{optionGranular}, func(v *volume.Volume) error {
		v.Options[optionGranular] = "off"
		if on {
			v.Options[optionGranular] = "on"
		}
		return nil
	})
}

// notGranular refuses to switch it on together with other options, where nobody has looked whether something is left to heal:
// what bricks have noted in the other way is not read any more.
func notGranular(was, is *volume.Volume) error {
	if isOn(was, optionGranular) || !isOn(is, optionGranular) || was.State == volume.Created || was.Shape().Type != api.SubvolReplicate {
		return nil
	}
	return api.Errorf(api.State, "option %s of volume %s is switched on only while nothing is left to heal, which "+
		"'glustercli volume heal %s granular-entry-heal enable' looks for", optionGranular, is.Name, is.Name).With(api.FieldField, "options")
}

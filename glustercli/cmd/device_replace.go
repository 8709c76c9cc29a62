package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func newDeviceReplace(a *app) *cobra.Command {
	var f evacuateFlags
	var req api.DeviceReplaceReq
	var wipe bool
	c := &cobra.Command{
		Use: "replace PEER OLD NEW", Short: "Put a new disk in the place of one, which may be dead", Args: wants(3, 3),
		Long: `Put a new disk in the place of one, which may be dead: NEW is taken into use with the provisioner and the tags of OLD, all bricks of
OLD are moved, to NEW if they can, and OLD is given up. NEW gets no other bricks meanwhile. NEW may have the path of OLD, if
another disk is there now.

` + evacuateHelp + `
It is one operation: operation show, or --wait, tells how far it is. operation cancel ends it, and both devices stay.`,
		Example: `  glustercli device replace node1 /dev/sdb /dev/sdc --wait
  glustercli device replace node3 /dev/sdb /dev/sdb --gone --new-peer node4
  glustercli device replace node3-gone /dev/sdb /dev/sdb    # after peer probe node3 --replaces node3`,
		ValidArgsFunction: a.complete(deviceNames),
	}
	f.register(c)
	c.Flags().StringVar(&req.PeerID, "new-peer", "", "the peer that NEW is on, if not that of OLD or the one in its place")
	c.Flags().StringToStringVar(&req.Tags, "tag", nil, "tags for NEW besides those of OLD, TAG=VALUE,...; without a VALUE it does not get the tag")
	c.Flags().BoolVar(&wipe, "wipe", false, "wipe NEW if it holds something: what it holds is lost")
	c.RunE = a.do("device replace", func(ctx context.Context, args []string) error {
		old, err := a.findDevice(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		req.Device, req.EvacuateReq = args[2], f.EvacuateReq
		if wipe {
			req.Wipe = args[2]
			if err := a.confirm(ctx, "everything on the new device "+args[2]+" is lost"); err != nil {
				return err
			}
		}
		d, err := a.client.DeviceReplace(ctx, old.PeerID, old.ID, req)
		if err != nil {
			return err
		}
		if !f.wait {
			return a.done(d, "device replace: %s:%s takes the place of %s:%s: the bricks are being moved", d.Hostname, d.Device, old.Hostname, old.Device)
		}
		if d, err = a.replaced(ctx, d); err != nil {
			return err
		}
		return a.done(d, "device replace: %s:%s has taken the place of %s:%s", d.Hostname, d.Device, old.Hostname, old.Device)
	})
	return c
}

// replaced waits until a new device has taken the place of another.
func (a *app) replaced(ctx context.Context, d api.Device) (api.Device, error) {
	found, err := a.client.Operations(ctx, client.OperationFilter{Operation: "device.replace", Lock: "device/" + d.ID})
	if err != nil {
		return d, err
	}
	for _, o := range found.Operations {
		if _, err := a.client.Wait(ctx, o.ID); err != nil {
			return d, err
		}
	}
	return a.client.Device(ctx, d.PeerID, d.ID)
}

package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func (a *app) deviceCmd() *cobra.Command {
	c := group("device", "Name the disks on which volumes of a size are made",
		newDeviceAdd(a), newDeviceList(a), newDeviceInfo(a), newDeviceEdit(a), newDeviceEvacuate(a), newDeviceReplace(a), newDeviceRemove(a))
	c.Aliases = []string{"devices"}
	return c
}

func newDeviceAdd(a *app) *cobra.Command {
	var req api.DeviceAddReq
	var wipe bool
	c := &cobra.Command{
		Use: "add PEER DEVICE", Short: "Take a disk, or a directory, into use for volumes of a size", Args: wants(2, 2),
		Long: `Take a device of a peer into use. A block device becomes a volume group of LVM. With --provisioner loop or directory it is an
empty directory: bricks are images in it, or directories.`,
		Example: `  glustercli device add node1 /dev/sdb --tag tier=ssd
  glustercli device add node1 /srv/bricks --provisioner loop`,
		ValidArgsFunction: a.complete(peerNames()),
	}
	c.Flags().StringVar(&req.Provisioner, "provisioner", api.ProvisionerLVM, "lvm, loop or directory")
	c.Flags().StringToStringVar(&req.Tags, "tag", nil, "tags, TAG=VALUE,...")
	c.Flags().BoolVar(&wipe, "wipe", false, "wipe the block device if it holds something: what it holds is lost")
	completeWords(c, "provisioner", api.ProvisionerLVM, api.ProvisionerLoop, api.ProvisionerDirectory)
	c.RunE = a.do("device add", func(ctx context.Context, args []string) error {
		p, err := a.findPeer(ctx, args[0])
		if err != nil {
			return err
		}
		req.Device = args[1]
		if wipe {
			req.Wipe = args[1]
			if err := a.confirm(ctx, "everything on "+args[1]+" of "+peerHost(p)+" is lost"); err != nil {
				return err
			}
		}
		d, err := a.client.DeviceAdd(ctx, p.ID, req)
		if err != nil {
			return err
		}
		return a.done(d, "device add: %s:%s: success", peerHost(p), d.Device)
	})
	return c
}

func newDeviceList(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "list [PEER]", Aliases: []string{"ls"}, Short: "List the devices in a table", Args: wants(0, 1), ValidArgsFunction: a.complete(peerNames()),
	}
	c.RunE = a.do("device list", func(ctx context.Context, args []string) error {
		peerID := ""
		if len(args) > 0 {
			p, err := a.findPeer(ctx, args[0])
			if err != nil {
				return err
			}
			peerID = p.ID
		}
		devices, err := a.client.Devices(ctx, peerID)
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(devices, nil), func(w io.Writer) {
			var rows [][]string
			for _, d := range devices {
				rows = append(rows, []string{
					d.Hostname, d.Device, d.Provisioner, d.State, size(d.TotalSize), size(d.FreeSize), fmt.Sprint(d.Bricks), orDash(tags(d.Tags)),
				})
			}
			a.table(w, []string{"PEER", "DEVICE", "PROVISIONER", "STATE", "SIZE", "FREE", "BRICKS", "TAGS"}, rows)
		})
	})
	return c
}

// tags writes tags as they are given.
func tags(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, ",")
}

// findDevice returns the device of a peer that is called name: its path or its id.
func (a *app) findDevice(ctx context.Context, peer, name string) (api.Device, error) {
	p, err := a.findPeer(ctx, peer)
	if err != nil {
		return api.Device{}, err
	}
	devices, err := a.client.Devices(ctx, p.ID)
	if err != nil {
		return api.Device{}, err
	}
	var known []string
	for _, d := range devices {
		if d.ID == name || d.Device == name {
			return d, nil
		}
		known = append(known, d.Device)
	}
	return api.Device{}, api.Errorf(api.NotFound, "%s has no device %s; it has %s", peerHost(p), name, orDash(strings.Join(known, ", ")))
}

func newDeviceInfo(a *app) *cobra.Command {
	c := &cobra.Command{Use: "info PEER DEVICE", Short: "Show a device", Args: wants(2, 2), ValidArgsFunction: a.complete(deviceNames)}
	c.RunE = a.do("device info", func(ctx context.Context, args []string) error {
		d, err := a.findDevice(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		return a.emit(d, func(w io.Writer) {
			say(w, "Device: %s:%s\nID: %s\nProvisioner: %s\nState: %s\nSize: %s\nUsed: %s\nFree: %s\nBricks: %d\nTags: %s\n", d.Hostname, d.Device, d.ID,
				d.Provisioner, d.State, size(d.TotalSize), size(d.UsedSize), size(d.FreeSize), d.Bricks, orDash(tags(d.Tags)))
			if d.Evacuation != nil {
				say(w, "Evacuation: since %s, %s\n", d.Evacuation.Since, evacuationText(d.Evacuation))
			}
		})
	})
	return c
}

func newDeviceEdit(a *app) *cobra.Command {
	var req api.DeviceEditReq
	var remove []string
	c := &cobra.Command{
		Use: "edit PEER DEVICE", Short: "Disable or enable a device, change its tags, or measure it again", Args: wants(2, 2),
		Long:              "Disable or enable a device, change its tags, or measure it again. A disabled device keeps its bricks and gets no new ones.",
		ValidArgsFunction: a.complete(deviceNames),
	}
	c.Flags().StringVar(&req.State, "state", "", "enabled, disabled or failed")
	c.Flags().StringToStringVar(&req.Tags, "tag", nil, "tags to set, TAG=VALUE,...")
	c.Flags().StringSliceVar(&remove, "untag", nil, "tags to take away")
	c.Flags().BoolVar(&req.Rescan, "rescan", false, "measure the device again, after it was made larger")
	completeWords(c, "state", api.DeviceEnabled, api.DeviceDisabled, api.DeviceFailed)
	c.RunE = a.do("device edit", func(ctx context.Context, args []string) error {
		if req.Tags == nil {
			req.Tags = map[string]string{}
		}
		for _, tag := range remove {
			req.Tags[tag] = ""
		}
		if req.State == "" && len(req.Tags) == 0 && !req.Rescan {
			return usagef("nothing to change: give --state, --tag, --untag or --rescan")
		}
		d, err := a.findDevice(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		if d, err = a.client.DeviceEdit(ctx, d.PeerID, d.ID, req); err != nil {
			return err
		}
		return a.done(d, "device edit: success")
	})
	return c
}

func newDeviceRemove(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "remove PEER DEVICE [force]", Aliases: []string{"rm", "delete"}, Short: "Give up a device that holds no bricks", Args: wants(2, 3),
		Long:              "Give up a device that holds no bricks. With force the device itself is not touched, for a disk or a peer that is gone.",
		ValidArgsFunction: a.complete(deviceNames),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "leave the device itself alone")
	c.RunE = a.do("device remove", func(ctx context.Context, args []string) error {
		args = takeForce(args, &force)
		if len(args) > 2 {
			return usagef("%s is not understood; only force may follow the device", quoted(args[2]))
		}
		d, err := a.findDevice(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		remove := func(ctx context.Context) error { return a.client.DeviceRemove(ctx, d.PeerID, d.ID, force) }
		if err := a.confirmPlan(ctx, "device "+d.Hostname+":"+d.Device+" is given up", remove); err != nil {
			return err
		}
		if err := remove(ctx); err != nil {
			return err
		}
		return a.done(nil, "device remove: success")
	})
	return c
}

package cmd

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

// evacuateFlags are those of device evacuate and peer evacuate.
type evacuateFlags struct {
	api.EvacuateReq
	wait bool
}

func (f *evacuateFlags) register(c *cobra.Command) {
	c.Flags().BoolVar(&f.Gone, "gone", false, "the peer is away for good and its host is off: its bricks are made anew from the others")
	c.Flags().BoolVar(&f.Force, "force", false, "begin although some bricks find no place or must not move now: they move when they can, and nothing is given up")
	c.Flags().BoolVar(&f.NoHealCheck, "no-heal-check", false, "move bricks although others have files to be healed from them: what only the old ones have is lost")
	c.Flags().BoolVar(&f.wait, "wait", false, "wait until all bricks have been moved and healed, and show how far it is")
}

const evacuateHelp = `All moves are planned before the first begins, and --dry-run shows them: if a brick finds no place, or its set is not whole, nothing begins.
The bricks are moved one by one; the next when the last is healed. The files of a brick without copies are moved to a new one, and
it goes when none is left on it. All goes on by itself, through restarts of daemons too: device info and operation show tell how
far it is, and what it waits for. device edit --state enabled or operation cancel ends it; a device that is empty can be removed.`

func newDeviceEvacuate(a *app) *cobra.Command {
	var f evacuateFlags
	c := &cobra.Command{
		Use: "evacuate PEER DEVICE", Short: "Move all bricks of a device to others", Args: wants(2, 2),
		Long: "Move all bricks of a device to others, by the rules of their volumes.\n\n" + evacuateHelp,
		Example: `  glustercli device evacuate node1 /dev/sdb --wait
  glustercli device evacuate node3 /dev/sdb --gone`,
		ValidArgsFunction: a.complete(deviceNames),
	}
	f.register(c)
	c.RunE = a.do("device evacuate", func(ctx context.Context, args []string) error {
		d, err := a.findDevice(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		if d, err = a.client.DeviceEvacuate(ctx, d.PeerID, d.ID, f.EvacuateReq); err != nil {
			return err
		}
		return a.evacuated(ctx, "device evacuate", []api.Device{d}, f.wait)
	})
	return c
}

func newPeerEvacuate(a *app) *cobra.Command {
	var f evacuateFlags
	c := &cobra.Command{
		Use: "evacuate PEER", Short: "Move all bricks of a peer's devices to other peers", Args: wants(1, 1),
		Long: "Move all bricks of a peer's devices to devices of other peers, by the rules of their volumes.\n\n" + evacuateHelp,
		Example: `  glustercli peer evacuate node1 --wait
  glustercli peer evacuate node3 --gone`,
		ValidArgsFunction: a.complete(peerNames()),
	}
	f.register(c)
	c.RunE = a.do("peer evacuate", func(ctx context.Context, args []string) error {
		p, err := a.findPeer(ctx, args[0])
		if err != nil {
			return err
		}
		devices, err := a.client.PeerEvacuate(ctx, p.ID, f.EvacuateReq)
		if err != nil {
			return err
		}
		return a.evacuated(ctx, "peer evacuate", devices, f.wait)
	})
	return c
}

// evacuatePoll is how often it is looked how far an evacuation is.
const evacuatePoll = time.Second

// evacuated shows devices that are being emptied; with wait once they are.
func (a *app) evacuated(ctx context.Context, command string, devices []api.Device, wait bool) error {
	for i := range devices {
		said := ""
		for wait && devices[i].Evacuation != nil && !devices[i].Evacuation.Done {
			if text := evacuationText(devices[i].Evacuation); text != said {
				a.note("%s: %s:%s: %s", command, devices[i].Hostname, devices[i].Device, text)
				said = text
			}
			select {
			case <-time.After(evacuatePoll):
			case <-ctx.Done():
				return ctx.Err()
			}
			d, err := a.client.Device(ctx, devices[i].PeerID, devices[i].ID)
			if err != nil {
				return err
			}
			devices[i] = d
		}
	}
	return a.emit(oneOrAll(devices, nil), func(w io.Writer) {
		for _, d := range devices {
			say(w, "%s: %s:%s: %s\n", command, d.Hostname, d.Device, evacuationText(d.Evacuation))
		}
	})
}

// evacuationText says how far an evacuation is.
func evacuationText(e *api.Evacuation) string {
	switch {
	case e == nil:
		return "ended by a change of its state"
	case e.Done:
		return "all bricks have been moved"
	case e.Waits != "":
		return fmt.Sprintf("%d%%, %d of %d bricks left; %s", e.Percent, e.Left, e.Bricks, e.Waits)
	case e.Healing != "":
		return fmt.Sprintf("%d%%, %d of %d bricks left; volume %s is being healed", e.Percent, e.Left, e.Bricks, e.Healing)
	}
	return fmt.Sprintf("%d%%, %d of %d bricks left", e.Percent, e.Left, e.Bricks)
}

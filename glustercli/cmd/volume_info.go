package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// wordAll stands for every volume where a volume is named.
const wordAll = "all"

func newVolumeInfo(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "info [VOLUME|all]", Short: "Show what a volume is made of", Args: wants(0, 1),
		ValidArgsFunction: a.complete(volumeNames()),
	}
	c.RunE = a.do("volume info", func(ctx context.Context, args []string) error {
		vols, err := a.volumes(ctx, args)
		if err != nil {
			return err
		}
		if len(vols) == 0 {
			a.note("No volumes present")
		}
		return a.emit(oneOrAll(vols, args), func(w io.Writer) {
			for i, v := range vols {
				if i > 0 {
					say(w, "\n")
				}
				writeInfo(w, v)
			}
		})
	})
	return c
}

// volumes returns the volume that the first argument names, or every volume.
func (a *app) volumes(ctx context.Context, args []string) ([]api.VolumeInfo, error) {
	if named(args) {
		v, err := a.client.Volume(ctx, args[0])
		return []api.VolumeInfo{v}, err
	}
	return a.client.Volumes(ctx, client.Filter{})
}

func named(args []string) bool { return len(args) > 0 && args[0] != wordAll }

// oneOrAll gives JSON readers the object they asked for: one volume, or a list.
func oneOrAll[T any](list []T, args []string) any {
	if named(args) && len(list) == 1 {
		return list[0]
	}
	if list == nil {
		return []T{}
	}
	return list
}

// writeInfo writes a volume as gluster does, for the scripts that read it.
func writeInfo(w io.Writer, v api.VolumeInfo) {
	say(w, "Volume Name: %s\n", v.Name)
	say(w, "Type: %s\n", v.Type)
	say(w, "Volume ID: %s\n", v.ID)
	say(w, "Status: %s\n", v.State)
	say(w, "Snapshot Count: %d\n", len(v.SnapList))
	say(w, "Number of Bricks: %s\n", brickCount(v))
	say(w, "Transport-type: %s\n", v.Transport)
	say(w, "Bricks:\n")
	for i, b := range bricksOf(v) {
		note := ""
		if b.Type == api.BrickTypeArbiter {
			note = " (arbiter)"
		}
		say(w, "Brick%d: %s%s\n", i+1, brickName(b), note)
	}
	writeMap(w, "Options Reconfigured:", v.Options)
	writeMap(w, "Metadata:", v.Metadata)
}

func writeMap(w io.Writer, title string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	say(w, "%s\n", title)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		say(w, "%s: %s\n", k, m[k])
	}
}

// brickCount writes the number of bricks as a product of subvolumes and their parts: 2 x (2 + 1) = 6.
func brickCount(v api.VolumeInfo) string {
	total := len(bricksOf(v))
	sub := len(v.Subvols)
	switch {
	case v.DisperseCount > 0:
		return fmt.Sprintf("%d x (%d + %d) = %d", sub, v.DisperseCount-v.DisperseRedundancyCount, v.DisperseRedundancyCount, total)
	case v.ArbiterCount > 0 && sub > 0:
		return fmt.Sprintf("%d x (%d + %d) = %d", sub, total/sub-v.ArbiterCount, v.ArbiterCount, total)
	case v.ReplicaCount > 1:
		return fmt.Sprintf("%d x %d = %d", sub, v.ReplicaCount, total)
	}
	return fmt.Sprintf("%d", total)
}

func bricksOf(v api.VolumeInfo) []api.BrickInfo {
	var out []api.BrickInfo
	for _, s := range v.Subvols {
		out = append(out, s.Bricks...)
	}
	return out
}

func brickName(b api.BrickInfo) string {
	host := b.Hostname
	if host == "" {
		host = b.PeerID
	}
	return host + ":" + b.Path
}

func newVolumeList(a *app) *cobra.Command {
	var long bool
	var f listFlags
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List the names of the volumes", Args: wants(0, 0)}
	c.Example = "  glustercli volume list --selector tier=gold,!retired --fields name,state\n  glustercli volume list --limit 100"
	c.Flags().BoolVarP(&long, "long", "l", false, "a table with type, state and number of bricks")
	f.add(c, "volumes")
	c.RunE = a.do("volume list", func(ctx context.Context, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		if len(f.fields) > 0 {
			page, err := a.client.VolumeFields(ctx, f.Filter, f.fields...)
			if err != nil {
				return err
			}
			return a.objects(page, f.fields)
		}
		page, err := a.client.VolumePage(ctx, f.Filter)
		if err != nil {
			return err
		}
		vols := page.Items
		if len(vols) == 0 {
			a.note("No volumes present")
		}
		defer a.more(page.Next)
		return a.emit(oneOrAll(vols, nil), func(w io.Writer) {
			if long {
				a.volumeTable(w, vols)
				return
			}
			for _, v := range vols {
				say(w, "%s\n", v.Name)
			}
		})
	})
	return c
}

func (a *app) volumeTable(w io.Writer, vols []api.VolumeInfo) {
	if len(vols) == 0 {
		return
	}
	var rows [][]string
	for _, v := range vols {
		rows = append(rows, []string{v.Name, v.Type, v.State, brickCount(v), v.ID})
	}
	a.table(w, []string{"NAME", "TYPE", "STATE", "BRICKS", "ID"}, rows)
}

package cmd

import (
	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/bytesize"
)

// sizedFlags ask for a volume by its size: gd2 makes the bricks.
type sizedFlags struct {
	size, maxBrick, averageFile string
	fields                      api.SmartVolumeFields
}

func (f *sizedFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.size, "size", "", "size of the volume, such as 10GiB: gd2 makes the bricks on devices that it chooses")
	s.IntVar(&f.fields.DistributeCount, "distribute", 0, "with --size: subvolumes over which the files are spread; default as few as fit")
	s.StringVar(&f.maxBrick, "max-brick-size", "", "with --size: size of the largest brick")
	s.StringVar(&f.averageFile, "average-file-size", "", "with --size: size of the files that arbiter bricks are made for; default 64KiB")
	s.StringSliceVar(&f.fields.LimitPeers, "limit-peers", nil, "with --size: use only devices of these peers")
	s.StringSliceVar(&f.fields.LimitZones, "limit-zones", nil, "with --size: use only devices in these zones")
	s.StringSliceVar(&f.fields.ExcludePeers, "exclude-peers", nil, "with --size: use no devices of these peers")
	s.StringSliceVar(&f.fields.ExcludeZones, "exclude-zones", nil, "with --size: use no devices in these zones")
	s.BoolVar(&f.fields.SubvolZonesOverlap, "subvols-zones-overlap", false, "with --size: copies may share a zone, if not a peer")
	s.BoolVar(&f.fields.SnapshotEnabled, "enable-snapshot", false, "with --size: leave room for snapshots")
	s.Float64Var(&f.fields.SnapshotReserveFactor, "snapshot-reserve-factor", 0, "with --size: a brick takes so many times its size")
	s.StringVar(&f.fields.ProvisionerType, "provisioner", "", "with --size: use only devices of this kind: lvm, loop or directory")
	s.StringSliceVar(&f.fields.MatchTags, "match-tag", nil, "with --size: use only devices with this tag, TAG=VALUE, or without it, TAG!=VALUE")
	completeWords(c, "provisioner", api.ProvisionerLVM, api.ProvisionerLoop, api.ProvisionerDirectory)
}

// given tells whether a volume of a size is asked for.
func (f *sizedFlags) given() bool { return f.size != "" }

// into puts what the flags say into a request.
func (f *sizedFlags) into(req *api.VolumeCreateReq, shape createFlags) error {
	req.SmartVolumeFields = f.fields
	for _, c := range []struct {
		flag, text string
		into       *uint64
	}{
		{"size", f.size, &req.Size}, {"max-brick-size", f.maxBrick, &req.MaxBrickSize}, {"average-file-size", f.averageFile, &req.AverageFileSize},
	} {
		if c.text == "" {
			continue
		}
		n, err := bytesize.Parse(c.text)
		if err != nil {
			return usagef("--%s: %v", c.flag, err)
		}
		*c.into = uint64(n)
	}
	if f.given() {
		req.ReplicaCount, req.ArbiterCount = shape.replica, shape.arbiter
		req.DisperseCount, req.DisperseData, req.DisperseRedundancy = shape.disperse, shape.data, shape.redundancy
	}
	return nil
}

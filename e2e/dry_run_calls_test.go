package e2e

import (
	"context"
	"slices"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// changes are calls of the REST interface, each with effects that can be seen, in an order in which each succeeds. A call that is
// new has its place here, or in excused.
func (r *rig) changes() []change {
	return slices.Concat(r.volumeChanges(), r.quotaChanges(), r.brickChanges(), r.lastChanges(), r.deviceChanges(), r.peerChanges())
}

// excused are the calls with a plan that are not tried here, and why.
func excused() map[string]string {
	return map[string]string{
		"HeketiImport":       "it needs what a Heketi has left: TestHeketiImport",
		"TransactionRetry":   "the former name of OperationRetry",
		"TransactionAbandon": "the former name of OperationAbandon",
	}
}

// onVolume is a change that is answered with the volume.
func onVolume(name string, do func(ctx context.Context, c *client.Client) (api.VolumeInfo, error)) change {
	return change{name: name, do: func(ctx context.Context, c *client.Client) error {
		_, err := do(ctx, c)
		return err
	}}
}

func (r *rig) volumeChanges() []change {
	replica := volumeOf("gv0", api.SubvolReq{Type: api.SubvolReplicate, ReplicaCount: 3},
		"node1:/srv/deep/gv0", "node2:/srv/deep/gv0", "node3:/srv/deep/gv0")
	replica.Metadata = map[string]string{"owner": "me"}
	start := func(volume string) change {
		return change{name: "VolumeStart", starts: volume, do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeStart(ctx, volume, api.VolumeStartReq{})
			return err
		}}
	}
	return []change{
		onVolume("VolumeCreate", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeCreate(ctx, replica)
		}),
		onVolume("EditVolume", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeEdit(ctx, "gv0", api.VolumeEditReq{Metadata: map[string]string{"owner": "you"}})
		}),
		onVolume("VolumeOptions", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeSet(ctx, "gv0", api.VolumeOptionReq{Options: map[string]string{"performance.cache-size": "64MB"}})
		}),
		start("gv0"),
		// A directory that is there keeps its files; its parents are there as well.
		onVolume("VolumeCreate", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeCreate(ctx, volumeOf("gv1", api.SubvolReq{}, "node1:/srv/there/before", "node2:/srv/gv1"))
		}),
		start("gv1"), // no self-heal daemon is needed
		{name: "SelfHeal", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeHeal(ctx, "gv0", client.HealFull)
			return err
		}},
		{name: "SelfHealDisable", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeSelfHeal(ctx, "gv0", false)
			return err
		}},
		{name: "SelfHealEnable", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeSelfHeal(ctx, "gv0", true)
			return err
		}},
		{name: "ProfileStart", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeProfileStart(ctx, "gv0")
			return err
		}},
		{name: "ProfileStop", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.VolumeProfileStop(ctx, "gv0")
			return err
		}},
		onVolume("GranularEntryHealDisable", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeGranularHeal(ctx, "gv0", false)
		}),
		onVolume("GranularEntryHealEnable", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeGranularHeal(ctx, "gv0", true)
		}),
		{name: "SplitBrainOperation", do: func(ctx context.Context, c *client.Client) error { // no file is: nothing changes
			_, err := c.VolumeSplitBrain(ctx, "gv0", api.SplitBrainSource, api.SplitBrainReq{HostName: "node1", BrickName: "/srv/deep/gv0"})
			return err
		}},
	}
}

// lastChanges end the volume.
func (r *rig) lastChanges() []change {
	return []change{
		onVolume("VolumeReset", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeReset(ctx, "gv0", api.VolumeOptionResetReq{All: true})
		}),
		onVolume("VolumeStop", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeStop(ctx, "gv0", api.VolumeStopReq{})
		}),
		onVolume("VolumeRename", func(ctx context.Context, c *client.Client) (api.VolumeInfo, error) {
			return c.VolumeRename(ctx, "gv0", api.VolumeRenameReq{Name: "gv2"})
		}),
		{name: "VolumeDelete", do: func(ctx context.Context, c *client.Client) error { return c.VolumeDelete(ctx, "gv2") }},
		{name: "OptionGroupCreate", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.OptionGroupCreate(ctx, api.OptionGroupReq{OptionGroup: api.OptionGroup{
				Name: "mine", Options: []api.GroupOption{{Name: "features.shard", OnValue: "on"}}}})
			return err
		}},
		{name: "OptionGroupDelete", do: func(ctx context.Context, c *client.Client) error { return c.OptionGroupDelete(ctx, "mine") }},
		{name: "SetClusterOptions", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.ClusterSet(ctx, map[string]string{"cluster.max-bricks-per-process": "50"})
			return err
		}},
	}
}

func (r *rig) peerChanges() []change {
	return []change{
		{name: "EditPeer", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.PeerEdit(ctx, "node2", api.PeerEditReq{Zone: "z2"})
			return err
		}},
		{name: "AddPeer", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.PeerAdd(ctx, api.PeerAddReq{Addresses: []string{"node4"}})
			return err
		}},
		{name: "DeletePeer", do: func(ctx context.Context, c *client.Client) error { return c.PeerRemove(ctx, r.ids[newPeer], false) }},
		{name: "ResetPeer", host: 4, without: "node4 is outside the pool that is looked at", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.Reset(ctx, api.PeerResetReq{})
			return err
		}},
		{name: "PeerToken", do: func(ctx context.Context, c *client.Client) error {
			t, err := c.PeerToken(ctx, api.PeerTokenReq{})
			r.token = t.Token
			return err
		}},
		{name: "JoinPool", host: 4, without: "node4 is outside the pool that is looked at", do: func(ctx context.Context, c *client.Client) error {
			_, err := c.Join(ctx, api.PeerJoinReq{Token: r.token})
			return err
		}},
	}
}

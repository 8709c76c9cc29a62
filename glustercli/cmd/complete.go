package cmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// completionLimit is how long completion may ask the pool: a shell that hangs is worse than no suggestion.
const completionLimit = time.Second

// names suggests what may follow the arguments that are there already.
type names func(ctx context.Context, c *client.Client, args []string) []string

// complete makes cobra's completion function. A pool that does not answer completes nothing.
func (a *app) complete(f names) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if err := a.connect(); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionLimit)
		defer cancel()
		return f(ctx, a.client, args), cobra.ShellCompDirectiveNoFileComp
	}
}

// volumeNames suggests the names of volumes first, and then the words given.
func volumeNames(more ...string) names {
	return func(ctx context.Context, c *client.Client, args []string) []string {
		if len(args) > 0 {
			return more
		}
		vols, err := c.Volumes(ctx, client.Filter{})
		if err != nil {
			return nil
		}
		out := make([]string, 0, len(vols))
		for _, v := range vols {
			out = append(out, v.Name+"\t"+v.Type+", "+v.State)
		}
		return out
	}
}

// optionNames suggests a volume, or all for the options of the pool, and then the options it has.
func optionNames(ctx context.Context, c *client.Client, args []string) []string {
	var out []string
	switch {
	case len(args) == 0:
		return append(volumeNames()(ctx, c, nil), wordAll)
	case args[0] == wordAll:
		options, err := c.ClusterOptions(ctx)
		if err != nil {
			return nil
		}
		for _, o := range options {
			out = append(out, o.Key+"\t"+o.Value)
		}
	default:
		options, err := c.VolumeOptions(ctx, args[0])
		if err != nil {
			return nil
		}
		for _, o := range options {
			out = append(out, o.Name+"\t"+o.Value)
		}
	}
	return out
}

// peerNames suggests the names of peers first, and then the words given.
func peerNames(more ...string) names {
	return func(ctx context.Context, c *client.Client, args []string) []string {
		if len(args) > 0 {
			return more
		}
		peers, err := c.Peers(ctx, client.Filter{})
		if err != nil {
			return nil
		}
		out := make([]string, 0, len(peers))
		for _, p := range peers {
			out = append(out, peerHost(p)+"\t"+p.ID)
		}
		return out
	}
}

// deviceNames suggests a peer, and then the devices that it has.
func deviceNames(ctx context.Context, c *client.Client, args []string) []string {
	if len(args) == 0 {
		return peerNames()(ctx, c, nil)
	}
	if len(args) > 1 {
		return nil
	}
	devices, err := c.Devices(ctx, args[0])
	if err != nil {
		return nil
	}
	var out []string
	for _, d := range devices {
		out = append(out, d.Device+"\t"+d.Provisioner+", "+d.State)
	}
	return out
}

// operationIDs suggests the operations that have not ended well.
func operationIDs(ctx context.Context, c *client.Client, args []string) []string {
	if len(args) > 0 {
		return nil
	}
	list, err := c.Operations(ctx, client.OperationFilter{})
	if err != nil {
		return nil
	}
	var out []string
	for _, t := range list.Operations {
		if t.State != api.OperationDone {
			out = append(out, t.ID+"\t"+t.Operation+", "+t.State)
		}
	}
	return out
}

// completeWords completes a flag with fixed words.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	f := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // only a misspelt flag in this package can cause it
	}
}

// clusterOptionNames suggests options of the pool.
func clusterOptionNames(ctx context.Context, c *client.Client, args []string) []string {
	return optionNames(ctx, c, append([]string{wordAll}, args...))
}

package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeStatedump(a *app) *cobra.Command {
	parts := []string{api.DumpAll, api.DumpMemory, api.DumpIOBufs, api.DumpCallpool, api.DumpPrivate, api.DumpFiles, api.DumpInodes, api.DumpHistory}
	c := &cobra.Command{
		Use:   "statedump VOLUME [quotad|shd|client HOST:PID] [all|mem|iobuf|callpool|priv|fd|inode|history]...",
		Short: "Have the bricks or daemons of a volume write their inner state to files on their hosts",
		Long: "Have the bricks of a volume, or with quotad or shd its quota or self-heal daemons, write their inner state to files on their hosts: all of it, or the parts named.\n" +
			"With client, a program that has the volume open with libgfapi does so; a mount takes the signal USR1 on its own host.\n" +
			"The files are in /var/run/gluster, those of bricks in the folder that the option server.statedump-path names.",
		Example: `  glustercli volume statedump gv0
  glustercli volume statedump gv0 mem callpool
  glustercli volume statedump gv0 quotad
  glustercli volume statedump gv0 client node7:4711`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: a.complete(volumeNames(append([]string{"quotad", "shd", "client"}, parts...)...)),
	}
	c.RunE = a.doOn("volume statedump", func(ctx context.Context, args []string) error {
		req, err := dumpWords(args[1:])
		if err != nil {
			return err
		}
		dumps, err := a.client.VolumeStatedump(ctx, args[0], req)
		if err != nil {
			return err
		}
		err = a.emit(dumps, func(w io.Writer) {
			for _, d := range dumps {
				if d.Error == "" {
					say(w, "%s: %s\n", dumpName(d), d.File)
				}
			}
		})
		return orGaps(err, dumps, func(d api.Statedump) (string, string) { return dumpName(d), d.Error })
	})
	return c
}

// dumpName names a process with the host on which its file is.
func dumpName(d api.Statedump) string {
	if d.Kind == api.ProcessBrick {
		return d.Name
	}
	return d.Name + " on " + d.Host
}

// dumpWords reads gluster's words: which daemons, and then which parts.
func dumpWords(words []string) (req api.StatedumpReq, err error) {
	if len(words) == 0 {
		return req, nil
	}
	switch words[0] {
	case "quotad":
		req.Quota, words = true, words[1:]
	case "shd":
		req.SelfHeal, words = true, words[1:]
	case "client":
		if len(words) != 2 {
			return req, usagef("statedump VOLUME client HOST:PID: name the host and the process id of one program that uses libgfapi")
		}
		req.Client, words = words[1], nil
	case wordNFS:
		return req, noNFS()
	}
	req.Options = words
	return req, nil
}

package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

const rotateWord = "rotate"

func newVolumeLog(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "log VOLUME rotate [HOST:PATH]",
		Short: "Have the bricks of a volume begin new logs",
		Long:  "Have the bricks of a volume, or one, begin new logs. The log until then gets the time after its name, in seconds since 1970.",
		Example: `  glustercli volume log gv0 rotate
  glustercli volume log gv0 rotate node1:/bricks/b1`,
		Args: wants(2, 3), ValidArgsFunction: a.complete(volumeNames(rotateWord)),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if args[0] == rotateWord && args[1] != rotateWord { // the older order of gluster's words
			args[0], args[1] = args[1], args[0]
		}
		return a.doOn("volume log", a.rotateLogs)(cmd, args)
	}
	return c
}

func (a *app) rotateLogs(ctx context.Context, args []string) error {
	if args[1] != rotateWord {
		return usagef("%s is not understood; what can be done with logs is %s", quoted(args[1]), rotateWord)
	}
	var brick string
	if len(args) > 2 {
		brick = args[2]
	}
	logs, err := a.client.VolumeLogRotate(ctx, args[0], brick)
	if err != nil {
		return err
	}
	err = a.emit(logs, func(w io.Writer) {
		for _, l := range logs {
			if l.Error == "" {
				say(w, "%s: %s, the old one is %s\n", l.Name, l.Log, orDash(l.Old))
			}
		}
	})
	return orGaps(err, logs, func(l api.RotatedLog) (string, string) { return l.Name, l.Error })
}

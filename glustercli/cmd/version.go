package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

// versions is the answer of the version command.
type versions struct {
	Client string           `json:"client"`
	Server *api.VersionResp `json:"server,omitempty"`
}

func (a *app) versionCmd() *cobra.Command {
	var only bool
	c := &cobra.Command{Use: "version", Short: "Show the versions of glustercli and of the daemon", Args: wants(0, 0)}
	c.Flags().BoolVar(&only, "client", false, "do not ask the daemon")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if only {
			a.started = true
			return a.showVersions(versions{Client: a.Version})
		}
		return a.do("version", a.bothVersions)(cmd, args)
	}
	return c
}

func (a *app) bothVersions(ctx context.Context, _ []string) error {
	s, err := a.client.Version(ctx)
	if err != nil {
		// Half the answer is better than none; the exit code says that the other half is missing.
		if shown := a.showVersions(versions{Client: a.Version}); shown != nil {
			return shown
		}
		return err
	}
	if s.APIVersion != api.APIVersion {
		a.note("version: warning: the daemon speaks version %d of the REST interface, glustercli version %d", s.APIVersion, api.APIVersion)
	}
	return a.showVersions(versions{Client: a.Version, Server: &s})
}

func (a *app) showVersions(v versions) error {
	return a.emit(v, func(w io.Writer) {
		say(w, "glustercli %s\n", v.Client)
		if v.Server != nil {
			say(w, "glusterd2 %s (REST interface %d)\n", v.Server.GlusterdVersion, v.Server.APIVersion)
		}
	})
}

package cmd

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"gd2/pkg/api"
)

// manDate stands in the man pages instead of the day they were made, so that the same source gives the same pages.
func manDate() *time.Time {
	t := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	return &t
}

// manCmd writes the man pages; the packaging calls it.
func (a *app) manCmd() *cobra.Command {
	c := &cobra.Command{Use: "man DIRECTORY", Short: "Write the man pages into a directory", Hidden: true, Args: wants(1, 1)}
	c.RunE = func(_ *cobra.Command, args []string) error {
		a.started = true
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return api.FieldErrorf("directory", "%v", err)
		}
		a.root.DisableAutoGenTag = true
		header := &doc.GenManHeader{Section: "1", Source: "gd2", Manual: "GlusterFS", Date: manDate()}
		if err := doc.GenManTree(a.root, header, args[0]); err != nil {
			return api.FieldErrorf("directory", "the man pages cannot be written: %v", err)
		}
		return nil
	}
	return c
}

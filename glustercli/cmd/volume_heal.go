package cmd

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func newVolumeHeal(a *app) *cobra.Command {
	var summary, splitBrain bool
	c := &cobra.Command{
		Use: "heal VOLUME [full|index|enable|disable|info [summary|split-brain]|statistics [heal-count [replica BRICK]]|\n" +
			"      split-brain {bigger-file|latest-mtime} FILE|split-brain source-brick BRICK [FILE]|granular-entry-heal {enable|disable}]",
		Short: "Heal a volume, show what is left to heal, end split-brains",
		Long: `Heal a volume, show what is left to heal, end split-brains. A brick is HOST:PATH, a file a path from the root of the volume, or
gfid:UUID as heal info shows it. "heal info VOLUME", "heal index VOLUME", "heal full VOLUME" and "heal split-brain VOLUME ..." mean the same
with the verb first.`,
		Example: `  glustercli volume heal gv0
  glustercli volume heal gv0 info summary
  glustercli volume heal gv0 split-brain latest-mtime /dir/file
  glustercli volume heal gv0 split-brain source-brick node1:/bricks/b1`,
		Args: wants(1, 5), ValidArgsFunction: a.complete(volumeNames("full", "index", "info", "enable", "disable", "statistics", "split-brain", "granular-entry-heal")),
	}
	c.Flags().BoolVar(&summary, "info-summary", false, "only the numbers (with info)")
	c.Flags().BoolVar(&splitBrain, "split-brain-info", false, "only files in split-brain (with info)")
	c.RunE = a.do("volume heal", func(ctx context.Context, args []string) error {
		volume, words := healWords(args)
		act, err := parseHeal(volume, words)
		if err != nil {
			return err
		}
		info := len(words) == 1 && words[0] == "info"
		switch {
		case (summary || splitBrain) && !info:
			return usagef("--info-summary and --split-brain-info go with info")
		case summary:
			act = healInfo(volume, client.HealInfoSummary)
		case splitBrain:
			act = healInfo(volume, client.HealInfoSplitBrain)
		}
		return act(ctx, a)
	})
	return c
}

// healAct is one way to heal, or to look at heals.
type healAct func(ctx context.Context, a *app) error

// healWords reads both grammars: gluster's, the volume first, and glusterd2's, the verb first. When both fit, because a
// volume is named like a verb, the verb comes first.
func healWords(args []string) (volume string, words []string) {
	if len(args) > 1 && slices.Contains([]string{"info", client.HealIndex, client.HealFull, "split-brain"}, args[0]) {
		return args[1], append([]string{args[0]}, args[2:]...)
	}
	return args[0], args[1:]
}

// parseHeal reads what comes after the volume.
func parseHeal(volume string, words []string) (healAct, error) {
	if len(words) == 0 {
		return startHeal(volume, client.HealIndex), nil
	}
	verb, rest := words[0], words[1:]
	if act := healVerbs(volume)[verb]; act != nil {
		if len(rest) > 0 {
			return nil, usagef("%s is too much", quoted(rest[0]))
		}
		return act, nil
	}
	switch verb {
	case "info":
		return parseHealInfo(volume, rest)
	case "statistics":
		return parseStatistics(volume, rest)
	case "split-brain":
		return parseSplitBrain(volume, rest)
	case "granular-entry-heal":
		if len(rest) != 1 || rest[0] != "enable" && rest[0] != "disable" {
			return nil, usagef("after granular-entry-heal comes enable or disable")
		}
		return granularHeal(volume, rest[0]), nil
	}
	return nil, usagef("%s is not understood; after the volume comes full, index, enable, disable, info, statistics, split-brain or granular-entry-heal", quoted(verb))
}

// healVerbs are those that nothing follows.
func healVerbs(volume string) map[string]healAct {
	return map[string]healAct{
		client.HealIndex: startHeal(volume, client.HealIndex), client.HealFull: startHeal(volume, client.HealFull),
		"enable": switchHeal(volume, true), "disable": switchHeal(volume, false),
	}
}

func startHeal(volume, kind string) healAct {
	return func(ctx context.Context, a *app) error {
		bricks, err := a.client.VolumeHeal(ctx, volume, kind)
		if err != nil {
			return err
		}
		return a.done(bricks, "Launching heal operation to perform %s self heal on volume %s has been successful\n"+
			"Use heal info commands to check status.", kind, volume)
	}
}

func switchHeal(volume string, on bool) healAct {
	return func(ctx context.Context, a *app) error {
		v, err := a.client.VolumeSelfHeal(ctx, volume, on)
		if err != nil {
			return err
		}
		return a.done(v, "volume heal: %s: self-heal daemon %s", volume, map[bool]string{true: "on", false: "off"}[on])
	}
}

func granularHeal(volume, verb string) healAct {
	return func(ctx context.Context, a *app) error {
		v, err := a.client.VolumeGranularHeal(ctx, volume, verb == "enable")
		if err != nil {
			return err
		}
		return a.done(v, "%s granular entry heal on volume %s has been successful", map[string]string{"enable": "Enable", "disable": "Disable"}[verb], volume)
	}
}

func parseHealInfo(volume string, rest []string) (healAct, error) {
	what, ok := map[string]string{
		"": client.HealInfoEntries, "summary": client.HealInfoSummary, "split-brain": client.HealInfoSplitBrain,
	}[strings.Join(rest, " ")]
	if !ok {
		return nil, usagef("heal info can show summary or split-brain, not %s", quoted(strings.Join(rest, " ")))
	}
	return healInfo(volume, what), nil
}

func healInfo(volume, what string) healAct {
	return func(ctx context.Context, a *app) error {
		bricks, err := a.client.VolumeHealInfo(ctx, volume, what)
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(bricks, nil), func(w io.Writer) {
			for _, b := range bricks {
				writeHeal(w, b, what)
			}
		})
	}
}

// writeHeal writes the report of one brick as gluster does.
func writeHeal(w io.Writer, b api.BrickHealInfo, what string) {
	say(w, "Brick %s\n", text(b.Name))
	for _, f := range b.Files {
		say(w, "%s\n", f)
	}
	say(w, "Status: %s\n", text(b.Status))
	switch what {
	case client.HealInfoSummary:
		say(w, "Total Number of entries: %s\n", amount(b.TotalEntries))
		say(w, "Number of entries in heal pending: %s\n", amount(b.EntriesInHealPending))
		say(w, "Number of entries in split-brain: %s\n", amount(b.EntriesInSplitBrain))
		say(w, "Number of entries possibly healing: %s\n", amount(b.EntriesPossiblyHealing))
	case client.HealInfoSplitBrain:
		say(w, "Number of entries in split-brain: %s\n", amount(b.Entries))
	default:
		say(w, "Number of entries: %s\n", amount(b.Entries))
	}
	say(w, "\n")
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func amount(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

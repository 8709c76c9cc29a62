package cmd

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// healAction is what the arguments of volume heal ask for: to heal (kind) or to report (info is set, what says what).
type healAction struct {
	volume string
	kind   string
	info   bool
	what   string
	// enable is the value for the self-heal daemon's switch, "" to leave it.
	enable string
}

// selfHealOption switches the self-heal daemon for a volume.
const selfHealOption = "cluster.self-heal-daemon"

func newVolumeHeal(a *app) *cobra.Command {
	var summary, splitBrain bool
	c := &cobra.Command{
		Use:   "heal VOLUME [full|index|enable|disable|info [summary|split-brain]]",
		Short: "Heal a volume, or show what is left to heal",
		Long: `Heal a volume, or show what is left to heal. "heal info VOLUME", "heal index VOLUME" and "heal full VOLUME" mean the same
as "heal VOLUME info" and so on.`,
		Args: wants(1, 3), ValidArgsFunction: a.complete(volumeNames("full", "index", "info", "enable", "disable")),
	}
	c.Flags().BoolVar(&summary, "info-summary", false, "only the numbers (with info)")
	c.Flags().BoolVar(&splitBrain, "split-brain-info", false, "only files in split-brain (with info)")
	c.RunE = a.do("volume heal", func(ctx context.Context, args []string) error {
		act, err := parseHeal(args)
		if err != nil {
			return err
		}
		switch {
		case (summary || splitBrain) && !act.info:
			return usagef("--info-summary and --split-brain-info go with info")
		case summary:
			act.what = client.HealInfoSummary
		case splitBrain:
			act.what = client.HealInfoSplitBrain
		}
		return a.heal(ctx, act)
	})
	return c
}

func (a *app) heal(ctx context.Context, act healAction) error {
	if act.info {
		return a.healInfo(ctx, act)
	}
	if act.enable != "" {
		req := api.VolumeOptionReq{Options: map[string]string{selfHealOption: act.enable}}
		v, err := a.client.VolumeSet(ctx, act.volume, req)
		if err != nil {
			return err
		}
		return a.done(v, "volume heal: %s: self-heal daemon %s", act.volume, act.enable)
	}
	if err := a.client.VolumeHeal(ctx, act.volume, act.kind); err != nil {
		return err
	}
	return a.done(nil, "Launching heal operation to perform %s self heal on volume %s has been successful\n"+
		"Use heal info commands to check status.", act.kind, act.volume)
}

// parseHeal reads both grammars: gluster's, the volume first, and glusterd2's, the verb first. When both fit, because a
// volume is named like a verb, the verb comes first.
func parseHeal(args []string) (healAction, error) {
	if len(args) > 1 && (args[0] == "info" || args[0] == client.HealIndex || args[0] == client.HealFull) {
		args = append([]string{args[1], args[0]}, args[2:]...)
	}
	act := healAction{volume: args[0], kind: client.HealIndex}
	verb := client.HealIndex
	if len(args) > 1 {
		verb = args[1]
	}
	most := 2
	switch verb {
	case client.HealIndex, client.HealFull:
		act.kind = verb
	case "enable":
		act.enable = "on"
	case "disable":
		act.enable = "off"
	case "info":
		act.info, most = true, 3
		if len(args) > 2 {
			what, ok := map[string]string{
				"summary": client.HealInfoSummary, "split-brain": client.HealInfoSplitBrain,
			}[args[2]]
			if !ok {
				return act, usagef("heal info can show summary or split-brain, not %s", quoted(args[2]))
			}
			act.what = what
		}
	default:
		return act, usagef("%s is not understood; after the volume comes full, index, enable, disable or info", quoted(verb))
	}
	if len(args) > most {
		return act, usagef("%s is too much", quoted(args[most]))
	}
	return act, nil
}

func (a *app) healInfo(ctx context.Context, act healAction) error {
	bricks, err := a.client.VolumeHealInfo(ctx, act.volume, act.what)
	if err != nil {
		return err
	}
	return a.emit(oneOrAll(bricks, nil), func(w io.Writer) {
		for _, b := range bricks {
			writeHeal(w, b, act.what)
		}
	})
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

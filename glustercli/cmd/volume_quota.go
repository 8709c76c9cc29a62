package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

// quotaOptions are gluster's words for the options of a quota.
var quotaOptions = map[string]string{
	"default-soft-limit": "features.default-soft-limit", "soft-timeout": "features.soft-timeout",
	"hard-timeout": "features.hard-timeout", "alert-time": "features.alert-time", "deem-statfs": "features.quota-deem-statfs",
}

// quotaUse is how many words may follow each verb: at least, at most.
var quotaWords = map[string][2]int{
	"enable": {0, 0}, "disable": {0, 0}, "info": {0, 0}, "list": {0, -1}, "list-objects": {0, -1},
	"limit-usage": {2, 3}, "limit-objects": {2, 3}, "remove": {1, 1}, "remove-objects": {1, 1},
	"default-soft-limit": {1, 1}, "soft-timeout": {1, 1}, "hard-timeout": {1, 1}, "alert-time": {1, 1}, "deem-statfs": {1, 1},
}

func newVolumeQuota(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "quota VOLUME VERB [ARGUMENT]...",
		Short: "Limit what directories of a volume may hold",
		Long: `Limit what directories of a volume may hold.

  enable                                  switch quota on; what is there already is counted in the background
  disable                                 take all limits away and switch quota off
  limit-usage PATH SIZE [PERCENT]         a limit of bytes; from PERCENT on bricks warn (soft limit)
  limit-objects PATH NUMBER [PERCENT]     a limit of files and directories
  list [PATH]...                          limits of bytes, and what is used
  list-objects [PATH]...                  limits of objects, and what is used
  remove PATH, remove-objects PATH        take a limit away
  default-soft-limit PERCENT              the soft limit of limits that have none
  soft-timeout TIME, hard-timeout TIME    how old a brick's knowledge of what is used may be, below and above the soft limit
  alert-time TIME                         how often bricks warn
  deem-statfs on|off                      whether df shows the limit of a directory as its size
  info                                    how quota is set, and how far the bricks have counted`,
		Example: `  glustercli volume quota gv0 enable
  glustercli volume quota gv0 limit-usage /projects 100GB 90
  glustercli volume quota gv0 list`,
		Args: wants(2, -1),
		ValidArgsFunction: a.complete(volumeNames("enable", "disable", "limit-usage", "limit-objects", "list", "list-objects", "remove",
			"remove-objects", "default-soft-limit", "soft-timeout", "hard-timeout", "alert-time", "deem-statfs", "info")),
	}
	c.RunE = a.do("volume quota", func(ctx context.Context, args []string) error {
		if err := checkQuotaWords(args[1], len(args)-2); err != nil {
			return err
		}
		return a.quota(ctx, args[0], args[1], args[2:])
	})
	return c
}

func checkQuotaWords(verb string, n int) error {
	words, ok := quotaWords[verb]
	switch {
	case !ok:
		return usagef("%s is not understood; see glustercli volume quota --help", quoted(verb))
	case n < words[0]:
		return usagef("%s takes %d words after it, not %d", verb, words[0], n)
	case words[1] >= 0 && n > words[1]:
		return usagef("%s takes at most %d words after it, not %d", verb, words[1], n)
	}
	return nil
}

func (a *app) quota(ctx context.Context, volume, verb string, args []string) error {
	if option, ok := quotaOptions[verb]; ok {
		v, err := a.client.VolumeSet(ctx, volume, api.VolumeOptionReq{Options: map[string]string{option: args[0]}})
		if err != nil {
			return err
		}
		return a.done(v, "volume quota : success")
	}
	typ := api.QuotaUsage
	if strings.HasSuffix(verb, "-objects") {
		typ = api.QuotaObjects
	}
	switch verb {
	case "list", "list-objects":
		return a.quotaList(ctx, volume, typ, args)
	case "limit-usage", "limit-objects":
		return a.quotaLimit(ctx, volume, typ, args)
	case "remove", "remove-objects":
		if err := a.client.QuotaRemove(ctx, volume, api.QuotaRemoveReq{Path: args[0], Type: typ}); err != nil {
			return err
		}
		return a.done(nil, "volume quota : success")
	}
	return a.quotaSwitch(ctx, volume, verb)
}

func (a *app) quotaSwitch(ctx context.Context, volume, verb string) error {
	var q api.Quota
	var err error
	switch verb {
	case "enable":
		q, err = a.client.QuotaEnable(ctx, volume)
	case "disable":
		if err := a.confirm(ctx, "disabling quota on volume "+volume+" deletes all its limits"); err != nil {
			return err
		}
		q, err = a.client.QuotaDisable(ctx, volume)
	default:
		return a.quotaInfo(ctx, volume)
	}
	if err != nil {
		return err
	}
	return a.done(q, "volume quota : success")
}

func (a *app) quotaLimit(ctx context.Context, volume, typ string, args []string) error {
	req := api.QuotaLimitReq{Path: args[0], Type: typ, HardLimit: args[1]}
	if len(args) > 2 {
		n, err := strconv.Atoi(strings.TrimSuffix(args[2], "%"))
		if err != nil {
			return usagef("the soft limit %s is no percentage, such as 80", quoted(args[2]))
		}
		req.SoftLimit = &n
	}
	l, err := a.client.QuotaLimit(ctx, volume, req)
	if err != nil {
		return err
	}
	return a.done(l, "volume quota : success")
}

func (a *app) quotaList(ctx context.Context, volume, typ string, paths []string) error {
	if len(paths) == 0 {
		paths = []string{""}
	}
	var list []api.QuotaLimit
	var failed []*api.Error
	for _, path := range paths {
		part, err := a.client.QuotaLimits(ctx, volume, typ, path)
		switch {
		case err == nil:
			list = append(list, part...)
		case len(paths) == 1:
			return err
		default:
			failed = append(failed, api.AsError(err))
		}
	}
	err := a.emit(oneOrAll(list, nil), func(w io.Writer) {
		if typ == api.QuotaObjects {
			a.table(w, []string{"PATH", "HARD-LIMIT", "SOFT-LIMIT", "FILES", "DIRS", "AVAILABLE", "SOFT EXCEEDED", "HARD EXCEEDED"}, quotaRows(list, false))
		} else {
			a.table(w, []string{"PATH", "HARD-LIMIT", "SOFT-LIMIT", "USED", "AVAILABLE", "SOFT EXCEEDED", "HARD EXCEEDED"}, quotaRows(list, true))
		}
	})
	if err == nil && len(failed) > 0 {
		err = &partial{failed}
	}
	return err
}

func quotaRows(list []api.QuotaLimit, bytes bool) [][]string {
	show := func(n uint64) string { return strconv.FormatUint(n, 10) }
	if bytes {
		show = gluster10Size
	}
	var rows [][]string
	for _, l := range list {
		row := []string{l.Path, show(l.HardLimit), fmt.Sprintf("%d%%(%s)", l.SoftLimitPercent, show(l.SoftLimit))}
		used := []string{show(l.Used)}
		if !bytes {
			used = []string{show(l.Files), show(l.Dirs)}
		}
		rest := []string{show(l.Available), yesOrNo(l.SoftExceeded), yesOrNo(l.HardExceeded)}
		if l.Error != "" {
			for i := range used {
				used[i] = "N/A"
			}
			rest = []string{"N/A", "N/A", "N/A (" + l.Error + ")"}
		}
		rows = append(rows, append(append(row, used...), rest...))
	}
	return rows
}

func yesOrNo(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

// gluster10Size writes bytes as gluster does in the lists of quotas: 1.0GB, 0Bytes.
func gluster10Size(n uint64) string {
	text := size(n)
	if number, ok := strings.CutSuffix(text, "iB"); ok {
		return number + "B"
	}
	return strings.TrimSuffix(text, "B") + "Bytes"
}

func (a *app) quotaInfo(ctx context.Context, volume string) error {
	q, err := a.client.Quota(ctx, volume)
	if err != nil {
		return err
	}
	return a.emit(q, func(w io.Writer) {
		say(w, "Enabled: %s\nLimits: %d\nDefault soft limit: %s\nSoft timeout: %s\nHard timeout: %s\nAlert time: %s\nDf shows limits: %s\n",
			yesOrNo(q.Enabled), q.Limits, q.DefaultSoftLimit, q.SoftTimeout, q.HardTimeout, q.AlertTime, q.DeemStatfs)
		rows := make([][]string, 0, len(q.Crawls))
		for _, k := range q.Crawls {
			rows = append(rows, []string{k.Brick, k.State, strconv.FormatInt(k.Entries, 10), orDash(k.Error)})
		}
		if len(rows) > 0 {
			a.table(w, []string{"BRICK", "COUNTED", "ENTRIES", "PROBLEM"}, rows)
		}
	})
}

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

// wordHelp is gluster's word for explaining options: volume set help.
const wordHelp = "help"

// setArgs lets the arguments of "volume set" be those of help too.
func setArgs(c *cobra.Command, args []string) error {
	if _, ok := asksHelp(args); ok {
		return nil
	}
	return wants(3, -1)(c, args)
}

// asksHelp reads "help", "help OPTION" and gluster's "VOLUME help", and returns the options that are asked about.
func asksHelp(args []string) (names []string, ok bool) {
	switch {
	case len(args) == 1 && args[0] == wordHelp, len(args) == 2 && args[1] == wordHelp:
		return nil, true
	case len(args) == 2 && args[0] == wordHelp:
		return args[1:], true
	}
	return nil, false
}

// optionHelp explains an option, or every one that glusterd documents.
func (a *app) optionHelp(ctx context.Context, names []string) error {
	list, err := a.client.OptionHelp(ctx, strings.Join(names, ""))
	if err != nil {
		return err
	}
	return a.emit(oneOrAll(list, names), func(w io.Writer) {
		for _, o := range list {
			if len(names) > 0 || o.OptionLevel == "Basic" {
				writeOptionHelp(w, o)
			}
		}
	})
}

// writeOptionHelp writes the help of one option as gluster does, and what gluster does not tell below.
func writeOptionHelp(w io.Writer, o api.OptionHelp) {
	say(w, "Option: %s\nDefault Value: %s\n", o.Name, orDash(o.DefaultValue))
	if limits := optionLimits(o); limits != "" {
		say(w, "Values: %s\n", limits)
	}
	if o.ManagedBy != "" {
		say(w, "Set by: the commands of %s\n", o.ManagedBy)
	}
	if o.Scope != api.ScopeVolume {
		say(w, "Set for: %s\n", o.Scope)
	}
	say(w, "Description: %s\n\n", orDash(o.Description))
}

// typeWords are the types of options as people read them.
var typeWords = map[string]string{
	"BOOL": "on or off", "INT": "a number", "SIZET": "a size", "TIME": "a time in seconds", "PERCENT": "a percentage",
	"PERCENT_OR_SIZET": "a percentage or a size", "DOUBLE": "a number", "PATH": "an absolute path",
	"INTERNET_ADDRESS_LIST": "addresses, separated by commas", "PRIORITY_LIST": "PATTERN:PRIORITY, separated by commas",
}

// optionLimits says which values an option takes; "" if any.
func optionLimits(o api.OptionHelp) string {
	what, show := typeWords[o.Type], func(n int64) string { return strconv.FormatInt(n, 10) }
	if o.Type == "SIZET" {
		show = func(n int64) string { return size(uint64(max(n, 0))) }
	}
	switch {
	case len(o.Values) > 0:
		return strings.Join(o.Values, ", ")
	case o.Min != nil && o.Max != nil:
		return fmt.Sprintf("%s from %s to %s", what, show(*o.Min), show(*o.Max))
	case o.Min != nil:
		return fmt.Sprintf("%s of at least %s", what, show(*o.Min))
	}
	return what
}

package cmd

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// defaultTimeout is how long a command waits for each answer of the pool.
const defaultTimeout = 2 * time.Minute

func (a *app) newRoot() *cobra.Command {
	root := group("glustercli", "The command line of gd2, a management plane for GlusterFS",
		a.volumeCmd(), a.peerCmd(), a.deviceCmd(), a.topologyCmd(), a.heketiCmd(), a.poolCmd(), a.clusterCmd(), a.operationCmd(), a.eventsCmd(), a.statusCmd(), a.getStateCmd(),
		a.versionCmd(), a.apiCmd(), a.logLevelCmd(), a.manCmd())
	root.Example = `  glustercli peer probe node2
  glustercli volume create gv0 replica 3 node1:/data/b node2:/data/b node3:/data/b
  glustercli volume start gv0
  glustercli status`
	root.Version = a.Version
	root.SetVersionTemplate("glustercli {{.Version}}\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagError)
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkGlobal() }
	f := root.PersistentFlags()
	f.StringSliceVar(&a.endpoints, "endpoints", nil,
		"where the pool answers, tried in turn: unix:///path, https://host:port (env "+envEndpoints+"; default this host)")
	f.StringVar(&a.user, "user", "glustercli", "who signs the requests")
	f.StringVar(&a.secretFile, "secret-file", "", "file with the secret that signs the requests (env "+envSecret+" holds the secret itself)")
	f.StringVar(&a.cacert, "cacert", "", "PEM file of the authority that signed the servers' certificates")
	f.BoolVar(&a.insecure, "insecure", false, "trust any server certificate")
	f.DurationVar(&a.timeout, "timeout", defaultTimeout, "how long to wait for each answer; 0 waits for ever")
	f.BoolVar(&a.async, "async", false, "do not wait for the end of a change: print the id of its operation")
	f.StringVar(&a.key, "idempotency-key", "", "a name for this change, chosen anew for each: repeated with the same name it is not done twice")
	f.StringVarP(&a.output, "output", "o", formatTable, "form of the output: table, json or yaml")
	f.BoolVar(&a.json, "json", false, "the same as -o json")
	f.BoolVarP(&a.yes, "yes", "y", false, "do not ask for confirmation")
	f.BoolVar(&a.dryRun, "dry-run", false, "show what would be done, on which peer, and change nothing")
	f.StringVar(&a.ifMatch, "if-match", "", "change something only if it is still as it was in the answer with this ETag; * if it exists, !* if it does not")
	f.BoolVar(&a.showTag, "show-etag", false, "write the ETag of the answer, for --if-match, to standard error")
	f.BoolVar(&a.quiet, "quiet", false, "do not say what was done")
	f.BoolVar(&a.noHeaders, "no-headers", false, "leave out the headers of tables")
	f.BoolVar(&a.debug, "debug", false, "show the requests and answers on standard error")
	f.StringVar(&a.mode, "mode", "", "script is the same as --yes (as in gluster)")
	f.BoolVar(&a.yes, "script-mode", false, "the same as --yes (as in glusterd2)")
	for _, name := range []string{"mode", "script-mode"} {
		f.Lookup(name).Hidden = true
	}
	completeWords(root, "output", formatTable, formatJSON, formatYAML)
	return root
}

// flagError explains an error of the flags. A value such as -1 looks like a flag.
func flagError(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && strings.Trim(unknown.GetSpecifiedShortnames(), "0123456789.") == "" &&
		unknown.GetSpecifiedShortnames() != "" {
		return usagef("-%s looks like a flag; put -- before values that begin with a dash", unknown.GetSpecifiedShortnames())
	}
	return asUsage(err)
}

// checkGlobal checks the flags that every command has.
func (a *app) checkGlobal() error {
	switch a.output {
	case formatTable, formatJSON, formatYAML:
	default:
		return usagef("--output is %q; it must be table, json or yaml", a.output)
	}
	switch a.mode {
	case "", "interactive":
	case "script":
		a.yes = true
	default:
		return usagef("--mode is %q; it must be script or interactive", a.mode)
	}
	return nil
}

// group makes a command that only holds others. A word that is none of them is an error, with what may have been meant.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, SuggestionsMinimumDistance: 2}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		msg := "there is no command " + quoted(args[0])
		if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
			msg += "; did you mean " + strings.Join(s, " or ") + "?"
		}
		return usagef("%s", msg)
	}
	c.AddCommand(subs...)
	return c
}

func quoted(s string) string { return `"` + s + `"` }

// wants says how many arguments a command takes, and what they are: its Use line without the command's name. most < 0 means
// any number.
func wants(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		_, form, _ := strings.Cut(cmd.Use, " ")
		switch {
		case len(args) < least:
			return usagef("%s is missing; it takes %s", missing(form, len(args)), form)
		case most == 0 && len(args) > 0:
			return usagef("%s is too much; it takes no arguments", quoted(args[0]))
		case most >= 0 && len(args) > most:
			return usagef("%s is too much; it takes %s", quoted(args[most]), form)
		}
		return nil
	}
}

// missing names argument i of a form such as "VOLUME {inode [RANGE]|entry [BASENAME]} [force]".
func missing(form string, i int) string {
	depth := 0
	words := strings.FieldsFunc(form, func(r rune) bool {
		switch r {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		return r == ' ' && depth == 0
	})
	if i < len(words) {
		return words[i]
	}
	return "an argument"
}

// wordNFS is what gluster calls the NFS server that GlusterFS once had.
const wordNFS = "nfs"

func noNFS() error {
	return usagef("GlusterFS's own NFS server is not run by glusterd2, so there is none to ask")
}

// takeForce removes a "force" that ends the arguments but is not the first: gluster's spelling of --force.
func takeForce(args []string, force *bool) []string {
	if n := len(args); n > 1 && args[n-1] == "force" {
		*force = true
		return args[:n-1]
	}
	return args
}

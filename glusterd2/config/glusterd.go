package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

// Glusterd is what the command line of glusterd says beside the configuration.
type Glusterd struct {
	// Foreground says that the daemon stays in the foreground (-N).
	Foreground bool
	// Ignored are options of the management translator that mean nothing here, as they were given.
	Ignored []string
}

// glusterdPresets are the defaults of a daemon that is called glusterd: what it shows to others is where glusterd has it.
func glusterdPresets() map[string]string {
	return map[string]string{
		"glusterd-dir": "/var/lib/glusterd", "hooksdir": "/var/lib/glusterd/hooks", "rundir": "/var/run/gluster",
		"logfile": "glusterd.log", "pidfile": "/var/run/glusterd.pid",
	}
}

// LoadGlusterd is Load for a daemon that is called glusterd: it takes glusterd's command line (args, without the program's name), and
// has its defaults. What the command line does not know, such as join, comes from the file and the variables. ErrHelp and
// ErrVersion are not failures.
func LoadGlusterd(args []string, getenv func(string) string) (*Config, Glusterd, error) {
	return loadGlusterd(args, getenv, thisHost())
}

func loadGlusterd(args []string, getenv func(string) string, h host) (*Config, Glusterd, error) {
	own, how := newGlusterdFlags(), Glusterd{}
	if err := parseGlusterd(own, args); err != nil {
		return nil, how, err
	}
	keys := map[string]string{}
	if err := glusterdKeys(own, keys); err != nil {
		return nil, how, err
	}
	options, _ := own.GetStringArray(flagXlatorOption)
	for _, o := range options {
		known, err := managementOption(o, keys)
		if err != nil {
			return nil, how, err
		}
		if !known {
			how.Ignored = append(how.Ignored, o)
		}
	}
	debug, _ := own.GetBool(flagDebug)
	how.Foreground, _ = own.GetBool(flagNoDaemon)
	how.Foreground = how.Foreground || debug
	flags := newFlags()
	for key, value := range keys {
		if err := flags.Set(key, value); err != nil {
			return nil, how, err
		}
	}
	cfg, err := loadParsed(flags, glusterdPresets(), getenv, h)
	return cfg, how, err
}

// Flags of glusterd (glusterd --help of 10.3).
const (
	flagPidFile      = "pid-file"
	flagLogFile      = "log-file"
	flagLogLevel     = "log-level"
	flagNoDaemon     = "no-daemon"
	flagDebug        = "debug"
	flagXlatorOption = "xlator-option"
	flagVersion      = "version"
)

// GlusterdUsage is the text of glusterd --help.
func GlusterdUsage() string {
	return "glusterd2 under the name of glusterd: it takes glusterd's command line, and keeps its files where glusterd has them.\n\n" +
		"Usage: glusterd [flags]\n\n" + newGlusterdFlags().FlagUsages() +
		"\nOptions of the management translator that mean something here: working-directory, run-directory, logging-directory,\n" +
		"glusterd-sockfile, transport.socket.bind-address. All else is configured in " + DefaultFile + ", or where " + EnvPrefix + "CONFIG says, and by\n" +
		"variables such as " + EnvPrefix + "JOIN: see glusterd2 --help.\n"
}

func newGlusterdFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("glusterd", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	presets := glusterdPresets()
	f.StringP(flagPidFile, "p", presets["pidfile"], "file of the daemon's process id")
	f.StringP(flagLogFile, "l", "/var/log/glusterfs/glusterd.log", "where the daemon logs")
	f.StringP(flagLogLevel, "L", "INFO", "TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or NONE")
	f.BoolP(flagNoDaemon, "N", false, "stay in the foreground")
	f.Bool(flagDebug, false, "stay in the foreground and log everything to standard error")
	f.StringArray(flagXlatorOption, nil, "management.OPTION=VALUE, as often as needed")
	f.BoolP(flagVersion, "V", false, "print the version and end")
	return f
}

func parseGlusterd(f *pflag.FlagSet, args []string) error {
	switch err := f.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return ErrHelp
	case err != nil:
		return fmt.Errorf("%w; glusterd --help lists the flags", err)
	}
	if asked, _ := f.GetBool(flagVersion); asked {
		return ErrVersion
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: glusterd takes flags only; glusterd --help lists them", f.Arg(0))
	}
	return nil
}

// glusterdKeys turns flags into keys of the configuration.
func glusterdKeys(f *pflag.FlagSet, keys map[string]string) error {
	for flag, key := range map[string]string{flagPidFile: "pidfile", flagLogFile: "logfile"} {
		if !f.Changed(flag) {
			continue
		}
		path, err := filepath.Abs(f.Lookup(flag).Value.String())
		if err != nil {
			return err
		}
		keys[key] = path
	}
	if f.Changed(flagLogLevel) {
		level, err := glusterdLevel(f.Lookup(flagLogLevel).Value.String())
		if err != nil {
			return err
		}
		keys["loglevel"] = level
	}
	if debug, _ := f.GetBool(flagDebug); debug {
		keys["loglevel"], keys["logfile"] = "debug", "STDERR"
	}
	return nil
}

// glusterdLevel is the level of the log by GlusterFS's name of it. NONE leaves what ends the daemon.
func glusterdLevel(name string) (string, error) {
	level, ok := map[string]string{
		"TRACE": "trace", "DEBUG": "debug", "INFO": "info", "WARNING": "warning", "ERROR": "error", "CRITICAL": "fatal", "NONE": "panic",
	}[strings.ToUpper(name)]
	if !ok {
		return "", wrong("--"+flagLogLevel, name, "it must be TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or NONE")
	}
	return level, nil
}

// stateBelow is where the daemon keeps its own state, below a working directory that it was given.
const stateBelow = "glusterd2"

// managementOption turns an option of the management translator into keys of the configuration, and reports whether it is one that
// means something here. Others are accepted: scripts pass on what old versions of glusterd knew.
func managementOption(text string, keys map[string]string) (known bool, err error) {
	option, value, ok := strings.Cut(text, "=")
	if !ok || !strings.Contains(option, ".") {
		return false, wrong("--"+flagXlatorOption, text, "it must be TRANSLATOR.OPTION=VALUE")
	}
	switch option {
	case "management.working-directory":
		keys["glusterd-dir"], keys["localstatedir"] = value, filepath.Join(value, stateBelow)
		keys["hooksdir"], keys["groupsdir"] = filepath.Join(value, "hooks"), filepath.Join(value, "groups")
	case "management.glusterd-sockfile":
		keys["glusterd-socket"] = value
	case "management.run-directory":
		keys["rundir"] = value
	case "management.logging-directory":
		keys["logdir"] = value
	case "management.transport.socket.bind-address":
		if net.ParseIP(value) == nil {
			return false, wrong(option, value, "it must be an IP address")
		}
		keys["clientaddress"], keys["peeraddress"] = net.JoinHostPort(value, "24007"), net.JoinHostPort(value, "24008")
		keys["brick-address"] = value
	default:
		return false, nil
	}
	return true, nil
}

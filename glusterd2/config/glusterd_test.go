package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// glusterdFile loads args of glusterd with a configuration file.
func glusterdFile(t *testing.T, text string, args ...string) (*Config, Glusterd, error) {
	t.Helper()
	file := writeFile(t, text, 0o600)
	return loadGlusterd(args, func(k string) string { return map[string]string{"GD2_CONFIG": file}[k] }, testHost())
}

func TestGlusterdDefaults(t *testing.T) {
	got, how, err := glusterdFile(t, "")
	if err != nil || how.Foreground || len(how.Ignored) > 0 {
		t.Fatal(how, err)
	}
	want, err := loadFile(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want.File, want.GlusterdDir, want.HooksDir = got.File, "/var/lib/glusterd", "/var/lib/glusterd/hooks"
	want.RunDir, want.LogFile, want.PIDFile = "/var/run/gluster", "/var/log/glusterfs/glusterd.log", "/var/run/glusterd.pid"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The options with which the tests of GlusterFS start several daemons on one host.
func TestGlusterdOptions(t *testing.T) {
	got, how, err := glusterdFile(t, "join = 'open'\nloglevel = 'info'\n",
		"--xlator-option", "management.working-directory=/d/1/glusterd", "--xlator-option=management.transport.socket.bind-address=127.1.1.1",
		"--xlator-option", "management.run-directory=/d/1/run/gluster", "--xlator-option", "management.logging-directory=/d/1/log",
		"--xlator-option", "management.glusterd-sockfile=/d/1/glusterd/gd.sock", "--xlator-option", "management.event-threads=2", "-LDEBUG", "-p", "/d/1/glusterd.pid", "--log-file=/d/1/log/test.log", "-N")
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"glusterd-dir": {got.GlusterdDir, "/d/1/glusterd"}, "localstatedir": {got.LocalStateDir, "/d/1/glusterd/glusterd2"},
		"hooksdir": {got.HooksDir, "/d/1/glusterd/hooks"}, "groupsdir": {got.GroupsDir, "/d/1/glusterd/groups"},
		"glusterd-socket": {got.GlusterdSocket, "/d/1/glusterd/gd.sock"}, "rundir": {got.RunDir, "/d/1/run/gluster"}, "logdir": {got.LogDir, "/d/1/log"}, "logfile": {got.LogFile, "/d/1/log/test.log"},
		"pidfile": {got.PIDFile, "/d/1/glusterd.pid"}, "loglevel": {got.LogLevel, "debug"}, "join": {got.Join, JoinOpen},
		"clientaddress": {got.ClientAddress, "127.1.1.1:24007"}, "peeraddress": {got.PeerAddress, "127.1.1.1:24008"},
		"brick-address": {got.BrickAddress, "127.1.1.1"}, "advertise-address": {got.AdvertiseAddress, "127.1.1.1"},
		"etcdpurls": {strings.Join(got.EtcdPURLs, " "), "https://127.1.1.1:2380"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if !how.Foreground || !slices.Equal(how.Ignored, []string{"management.event-threads=2"}) {
		t.Errorf("%+v", how)
	}
}

// Nothing but the configuration opens a pool to everybody.
func TestGlusterdJoin(t *testing.T) {
	if got, _, err := glusterdFile(t, ""); err != nil || got.Join != JoinProof {
		t.Errorf("%+v %v", got, err)
	}
	env := map[string]string{"GD2_CONFIG": writeFile(t, "", 0o600), "GD2_JOIN": "open"}
	if got, _, err := loadGlusterd(nil, func(k string) string { return env[k] }, testHost()); err != nil || got.Join != JoinOpen {
		t.Errorf("%+v %v", got, err)
	}
}

func TestGlusterdArguments(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-L", "LOUD"}, `--log-level is "LOUD"; it must be TRACE, DEBUG`},
		{[]string{"--xlator-option", "management"}, `it must be TRANSLATOR.OPTION=VALUE`},
		{[]string{"--xlator-option", "management.transport.socket.bind-address=x y"}, `it must be an IP address`},
		{[]string{"--xlator-option", "management.run-directory=run"}, `rundir is "run"; it must be an absolute path`},
		{[]string{"volume"}, `unexpected argument "volume"`},
		{[]string{"--nope"}, `glusterd --help lists the flags`},
	} {
		if _, _, err := glusterdFile(t, "", tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v\n got %v\nwant %s", tc.args, err, tc.want)
		}
	}
	for args, want := range map[string]error{"-V": ErrVersion, "--version": ErrVersion, "--help": ErrHelp} {
		if _, _, err := glusterdFile(t, "", args); !errors.Is(err, want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if !strings.Contains(GlusterdUsage(), "--xlator-option") {
		t.Error(GlusterdUsage())
	}
}

// Paths may be relative to where glusterd is started; --debug logs to the terminal.
func TestGlusterdDebug(t *testing.T) {
	got, how, err := glusterdFile(t, "", "--debug", "-p", "x.pid")
	here, werr := os.Getwd()
	if err != nil || werr != nil {
		t.Fatal(err, werr)
	}
	if !how.Foreground || got.LogFile != "STDERR" || got.LogLevel != "debug" || got.PIDFile != filepath.Join(here, "x.pid") {
		t.Errorf("%+v %+v", how, got)
	}
}

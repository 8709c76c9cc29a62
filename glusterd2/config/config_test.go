package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func noEnv(string) string { return "" }

// testHost has one interface and a name that leads nowhere.
func testHost() host {
	return host{
		name:   func() (string, error) { return "box", nil },
		lookup: func(string) ([]net.IP, error) { return nil, errors.New("no such host") },
		interfaces: func() ([]net.Addr, error) {
			return []net.Addr{&net.IPNet{IP: net.IPv4(127, 0, 0, 1)}, &net.IPNet{IP: net.IPv4(192, 0, 2, 7)}}, nil
		},
	}
}

func writeFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "glusterd2.toml")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func loadFile(t *testing.T, text string, args ...string) (*Config, error) {
	t.Helper()
	return load(append([]string{"--config", writeFile(t, text, 0o600)}, args...), noEnv, testHost())
}

func TestDefaults(t *testing.T) {
	c, err := loadFile(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		File: c.File, LocalStateDir: "/var/lib/glusterd2", RunDir: "/var/run/glusterd2", GlusterdSocket: "/var/run/glusterd.socket", LogDir: "/var/log/glusterfs",
		LogFile: "STDOUT", LogLevel: "info", LogFormat: "text", ClientAddress: ":24007", PeerAddress: ":24008",
		AdvertiseAddress: "192.0.2.7", RESTAuth: true, PlainHTTP: "loopback", Join: "proof",
		EtcdCURLs: []string{"https://0.0.0.0:2379"}, EtcdPURLs: []string{"https://0.0.0.0:2380"}, EtcdEndpoints: []string{},
		StoreVoters: 5, VoterReplaceAfter: 10 * time.Minute, CertificateLifetime: 365 * 24 * time.Hour, StoreQuota: 2 << 30, SnapshotInterval: time.Hour, SnapshotKeep: 24,
		EventsKeep: 10_000, EventsAge: 168 * time.Hour, EventStreams: 64,
		HooksDir: "/var/lib/glusterd2/hooks", GroupsDir: "/var/lib/glusterd/groups", PIDFile: "/var/run/glusterd2/glusterd2.pid",
		OperationsKeep: 1000, OperationsKeepFor: 720 * time.Hour, KeysKeepFor: 24 * time.Hour,
		GlusterFSD: "/usr/sbin/glusterfsd", GlusterFS: "/usr/sbin/glusterfs",
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestPrecedence(t *testing.T) {
	env := map[string]string{"GD2_LOGLEVEL": "warning", "GD2_LOGFORMAT": "json", "GD2_POOL_SECRET": "0123456789abcdef"}
	path := writeFile(t, "loglevel = 'debug'\nlogformat = 'text'\nrundir = '/run/x'\n", 0o600)
	maps.Copy(env, map[string]string{"GD2_CONFIG": path})
	c, err := load([]string{"--loglevel=error"}, func(k string) string { return env[k] }, testHost())
	if err != nil {
		t.Fatal(err)
	}
	if c.LogLevel != "error" || c.LogFormat != "json" || c.RunDir != "/run/x" || c.PoolSecret.Reveal() != "0123456789abcdef" {
		t.Errorf("flag, variable and file do not win in this order: %+v", c)
	}
	if c.PIDFile != "/run/x/glusterd2.pid" {
		t.Errorf("pidfile does not follow rundir: %s", c.PIDFile)
	}
}

func TestAddresses(t *testing.T) {
	c, err := loadFile(t, `clientaddress = "[::1]:24007"`)
	if err != nil {
		t.Fatal(err)
	}
	if c.AdvertiseAddress != "::1" || c.ClientEndpoint() != "[::1]:24007" || c.AdvertiseCURLs()[0] != "https://[::1]:2379" {
		t.Errorf("%q %q %q", c.AdvertiseAddress, c.ClientEndpoint(), c.AdvertiseCURLs())
	}
	c, err = loadFile(t, `advertise-address = "node1"`)
	if err != nil {
		t.Fatal(err)
	}
	if c.PeerEndpoint() != "node1:24008" || c.AdvertisePURLs()[0] != "https://node1:2380" {
		t.Errorf("%q %q", c.PeerEndpoint(), c.AdvertisePURLs())
	}
	h := testHost()
	h.lookup = func(string) ([]net.IP, error) { return []net.IP{net.IPv4(192, 0, 2, 9)}, nil }
	if got := h.address(":24007"); got != "box" {
		t.Errorf("a host name that resolves is not used: %q", got)
	}
	h.lookup = func(string) ([]net.IP, error) { return []net.IP{net.IPv4(127, 0, 1, 1)}, nil }
	if got := h.address("0.0.0.0:24007"); got != "192.0.2.7" {
		t.Errorf("a host name that leads to loopback is used: %q", got)
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct{ file, want string }{
		{`loglevle = "info"`, `unknown key "loglevle"; did you mean "loglevel"?`},
		{`zebra = 1`, `unknown key "zebra"`},
		{`usetls = true`, `key "usetls" of glusterd2 is not used by gd2; remove it`},
		{`loglevel = "loud"`, `loglevel is "loud"; it must be trace`},
		{`loglevel = 3`, `loglevel: 3 is not a text`},
		{`restauth = "perhaps"`, `restauth: "perhaps" is neither true nor false`},
		{`rundir = "run"`, `rundir is "run"; it must be an absolute path`},
		{`rundir = "/` + strings.Repeat("r", 90) + `"`, `sockets live there`},
		{`clientaddress = "24007"`, `clientaddress is "24007"; it must be host:port`},
		{`peeraddress = ":70000"`, `peeraddress is ":70000"; its port`},
		{`advertise-address = "node1:24007"`, `advertise-address is "node1:24007"`},
		{`plain-http = "yes"`, `plain-http is "yes"; it must be loopback, all or off`},
		{`cert-file = "/c.pem"`, `set both or neither`},
		{`pool-secret = "short"`, `pool-secret has 5 characters; it needs at least 16`},
		{`pool-secret = 12345678901234567`, `pool-secret: the value is not a text`},
		{`join = "everybody"`, `join is "everybody"; it must be proof or open`},
		{"join = 'open'\npool-secret = '0123456789abcdef'", `remove one of the two`},
		{`brick-address = "node1"`, `brick-address is "node1"; it must be an IP address`},
		{`glusterd-dir = "/var/lib/glusterd2/"`, `glusterd-dir is "/var/lib/glusterd2/"; it must be an absolute path other than localstatedir`},
		{`noembed = true`, `etcdendpoints must name`},
		{`etcdendpoints = ["http://a:1"]`, `used with noembed = true only`},
		{`etcdcurls = ["http://0.0.0.0:2379"]`, `it must be https://host:port`},
		{`etcdpurls = [2380]`, `etcdpurls: 2380 is not a text`},
		{`localstatedir = `, `toml`},
		{`store-voters = 2`, `store-voters is "2"; it must be 1, 3, 5 or 7`},
		{`store-voters = "many"`, `store-voters: "many" is not a whole number`},
		{`voter-replace-after = "1s"`, `voter-replace-after is "1s"; it must be at least 10s`},
		{`voter-replace-after = 600`, `voter-replace-after: "600" is not a time such as 90s`},
		{`store-quota = "1MiB"`, `store-quota is "1MiB"; it must be 64MiB to 8GiB`},
		{`store-quota = "much"`, `store-quota: "much" is not a size such as 2GiB`},
		{`snapshot-interval = "1s"`, `snapshot-interval is "1s"; it must be 0, for none, or at least 1m0s`},
		{`snapshot-keep = 0`, `snapshot-keep is "0"; it must be 1 to 10000`},
		{`events-keep = 99`, `events-keep is "99"; it must be 100 to 100000`},
		{`events-age = "1s"`, `events-age is "1s"; it must be at least 1m0s`},
		{`event-streams = 0`, `event-streams is "0"; it must be 1 to 10000`},
	} {
		_, err := loadFile(t, tc.file)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s\n got %v\nwant %s", tc.file, err, tc.want)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want error
	}{{[]string{"--help"}, ErrHelp}, {[]string{"-h"}, ErrHelp}, {[]string{"--version"}, ErrVersion}} {
		if _, err := load(tc.args, noEnv, testHost()); !errors.Is(err, tc.want) {
			t.Errorf("%v: %v", tc.args, err)
		}
	}
	for _, args := range [][]string{{"--nope"}, {"extra"}, {"--config", "/nonexistent/file.toml"}, {"--restauth=perhaps"}} {
		if _, err := load(args, noEnv, testHost()); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
	if strings.Contains(Usage(), "--pool-secret ") || !strings.Contains(Usage(), "--clientaddress") {
		t.Errorf("usage:\n%s", Usage())
	}
}

func TestSecret(t *testing.T) {
	const text = "sesame-sesame-sesame"
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadFile(t, fmt.Sprintf("pool-secret-file = %q", file))
	if err != nil {
		t.Fatal(err)
	}
	if c.PoolSecret.Reveal() != text {
		t.Errorf("secret is %q", c.PoolSecret.Reveal())
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", c, c, c, c.PoolSecret); strings.Contains(shown, "sesame") {
		t.Errorf("the secret is printed: %s", shown)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadFile(t, fmt.Sprintf("pool-secret-file = %q", file)); err == nil || !strings.Contains(err.Error(), "chmod 0600") {
		t.Errorf("a secret that everybody may read is accepted: %v", err)
	}
	open := writeFile(t, fmt.Sprintf("pool-secret = %q", text), 0o644)
	if _, err := load([]string{"--config", open}, noEnv, testHost()); err == nil || strings.Contains(err.Error(), "sesame") {
		t.Errorf("a config with a secret that everybody may read: %v", err)
	}
}

func TestPoolKeys(t *testing.T) {
	env := map[string]string{"GD2_STORE_QUOTA": "512MB", "GD2_SNAPSHOT_KEEP": "3"}
	path := writeFile(t, "store-voters = 3\nsnapshot-interval = 0\n", 0o600)
	c, err := load([]string{"--config", path, "--voter-replace-after=90s", "--snapshot-keep=7"}, func(k string) string { return env[k] }, testHost())
	if err != nil {
		t.Fatal(err)
	}
	if c.StoreVoters != 3 || c.SnapshotInterval != 0 || c.StoreQuota != 512<<20 || c.VoterReplaceAfter != 90*time.Second || c.SnapshotKeep != 7 {
		t.Errorf("%+v", c)
	}
}

// TestDocs keeps the page for users complete.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range schema() {
		if !strings.Contains(string(page), "`"+o.name+"`") {
			t.Errorf("docs/config.md does not have %s", o.name)
		}
	}
}

// TestExample keeps the commented example true: uncommented it holds every key once, each with its default.
func TestExample(t *testing.T) {
	raw, err := os.ReadFile("../../extras/glusterd2.toml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	var live strings.Builder
	for line := range strings.Lines(string(raw)) {
		key, value, found := strings.Cut(strings.TrimPrefix(line, "#"), " = ")
		if found && strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") {
			seen[key]++
			fmt.Fprintf(&live, "%s = %s", key, value)
		}
	}
	for _, o := range schema() {
		if seen[o.name] != 1 {
			t.Errorf("key %s is in the example %d times", o.name, seen[o.name])
		}
	}
	got, err := loadFile(t, live.String())
	if err != nil {
		t.Fatal(err)
	}
	want, err := loadFile(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want.File = got.File
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the example does not show the defaults:\n%s", diff)
	}
}

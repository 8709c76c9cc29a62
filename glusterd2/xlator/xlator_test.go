package xlator

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"

	"gd2/pkg/api"
)

var rep3 = Shape{Type: api.SubvolReplicate, Volume: "gv0", Subvols: 1, Replica: 3,
	Clients: []string{"gv0-client-0", "gv0-client-1", "gv0-client-4"}}

func load(t testing.TB) *Table {
	t.Helper()
	tab, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestLoad(t *testing.T) {
	tab := load(t)
	if len(tab.Rows()) != 395 || len(tab.Keys()) != 389 {
		t.Errorf("%d rows and %d keys, want 395 and 389", len(tab.Rows()), len(tab.Keys()))
	}
	for _, r := range tab.Rows() {
		if (r.Option == "") == (r.Special == "") {
			t.Errorf("%s: exactly one of option %q and special %q must be set", r.Key, r.Option, r.Special)
		}
		if r.Min != nil && r.Max != nil && *r.Min > *r.Max {
			t.Errorf("%s: range %d..%d", r.Key, *r.Min, *r.Max)
		}
	}
}

// TestDefaultsAreValid: what an option is by default must be a value that it accepts.
func TestDefaultsAreValid(t *testing.T) {
	tab := load(t)
	exceptions := map[string]string{
		"changelog.changelog-dir":    "the translator's default is a template that it fills in itself",
		"cluster.server-quorum-type": "glusterd writes off, which its own list (none, server) does not have",
		"features.scrub":             "the table has the type of the translator's switch, users say pause and resume",
	}
	for _, key := range tab.Keys() {
		def := tab.Default(key, Shape{Type: api.SubvolDistribute})
		if _, skip := exceptions[key]; skip || def == "" {
			continue
		}
		if err := tab.Validate(key, def); err != nil {
			t.Errorf("default: %v", err)
		}
	}
}

// TestDefaultsMatchGlusterd compares with what "gluster volume get rep3 all" of 10.3 printed.
func TestDefaultsMatchGlusterd(t *testing.T) {
	tab := load(t)
	// What was set on that volume or its pool when the text was captured.
	set := map[string]bool{
		"transport.address-family": true, "performance.client-io-threads": true, "features.uss": true,
		"features.quota-deem-statfs": true, "features.quota": true, "features.inode-quota": true,
		"features.bitrot": true, "storage.fips-mode-rchecksum": true, "features.scrub": true,
		"cluster.granular-entry-heal": true, "cluster.brick-multiplex": true,
	}
	// The key reaches two translators; glusterd shows the default of quick-read, ours is that of io-cache, which has the
	// documentation.
	set["performance.cache-size"] = true
	f, err := os.Open("testdata/volume-get-rep3-all.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line := regexp.MustCompile(`^(\S+)\s+(.*?)\s*(\(DEFAULT\))?\s*$`)
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		m := line.FindStringSubmatch(sc.Text())
		if m == nil || m[1] == "Option" || strings.HasPrefix(m[1], "---") {
			continue
		}
		n++
		key, want := m[1], strings.Replace(m[2], "(null)", "", 1)
		if got := tab.Default(key, rep3); got != want && !set[key] {
			t.Errorf("%s: default %q, glusterd shows %q", key, got, want)
		}
	}
	if n != 342 {
		t.Errorf("%d lines compared, want 342", n)
	}
}

func TestComplete(t *testing.T) {
	tab := load(t)
	for in, want := range map[string]string{
		"performance.cache-size":                      "performance.cache-size",
		"cache-size":                                  "performance.cache-size",
		"user.anything.at-all":                        "user.anything.at-all",
		"eager-lock":                                  "!several: use one of cluster.eager-lock, disperse.eager-lock",
		"debug/io-stats.count-fop-hits":               "diagnostics.count-fop-hits",
		"io-stats.latency-measurement":                "diagnostics.latency-measurement",
		"brick.debug/io-stats.log-level":              "diagnostics.brick-log-level",
		"fuse.io-stats.log-level":                     "diagnostics.client-log-level",
		"io-stats.log-level":                          "!several",
		"performance/io-cache.cache-size":             "performance.cache-size",
		"replicate.eager-lock":                        "cluster.eager-lock",
		"cluster/replicate.eager-lock":                "cluster.eager-lock",
		"afr.self-heal-daemon":                        "cluster.self-heal-daemon",
		"ec.eager-lock":                               "disperse.eager-lock",
		"dht.min-free-disk":                           "cluster.min-free-disk",
		"glustershd.cluster/replicate.data-self-heal": "cluster.data-self-heal",
		"features/shard.shard-block-size":             "features.shard-block-size",
		"perfomance.cache-size":                       "!did you mean performance.cache-size?",
		"features.shrad":                              "!features.shard",
		"cachesize":                                   "!performance.cache-size",
		"cluster.cache-size":                          "!performance.cache-size",
		"no.such.thing.whatever":                      "!does not exist in GlusterFS",
		"":                                            "!empty",
		"user.":                                       "!does not exist",
		"a\nb":                                        "!control characters",
		"user.`reboot`":                               "!backquotes",
		strings.Repeat("x", 5000):                     "!5000 bytes",
	} {
		got, err := tab.Complete(in)
		if part, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) || !api.IsKind(err, api.Invalid) {
				t.Errorf("Complete(%.40q) = %q, %v; want an Invalid error with %q", in, got, err, part)
			}
			continue
		}
		if got != want || err != nil {
			t.Errorf("Complete(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestValidate(t *testing.T) {
	tab := load(t)
	for _, c := range []struct{ key, value, want string }{
		{"performance.cache-size", "64MB", ""},
		{"performance.cache-size", "64mb", ""},
		{"performance.cache-size", "4.5gb", ""},
		{"performance.cache-size", "64M", "a size"},
		{"performance.cache-size", "4194304", ""},
		{"performance.cache-size", "1KB", "at least 4MB"},
		{"performance.cache-size", "100000TB", "at most 1TB"},
		{"performance.cache-size", "abc", "a size, such as 64MB"},
		{"performance.cache-size", "1e9", "a size"},
		{"performance.cache-size", "NaN", "a size"},
		{"performance.cache-size", "-5MB", "a size"},
		{"performance.cache-size", "99999999999999999999", "a size"},
		{"performance.write-behind-window-size", "2GB", "from 512KB to 1GB"},
		{"performance.io-thread-count", "64", ""},
		{"performance.io-thread-count", "65", "a whole number from 1 to 64"},
		{"performance.io-thread-count", "1_6", "a whole number"},
		{"storage.create-mask", "0755", ""},
		{"storage.create-mask", "0x1ff", ""},
		{"storage.create-mask", "01000", "from 0 to 511"},
		{"storage.owner-uid", "-1", ""},
		{"storage.owner-uid", "-2", "at least -1"},
		{"network.ping-timeout", "10", ""},
		{"network.ping-timeout", "2min", ""},
		{"network.ping-timeout", "-1", "a time in seconds"},
		{"network.ping-timeout", "1014", "from 0 to 1013"},
		{"network.ping-timeout", "2h30m", "a time in seconds"},
		{"cluster.min-free-inodes", "5%", ""},
		{"cluster.min-free-inodes", "101%", "from 0 to 100"},
		{"cluster.min-free-disk", "10GB", ""},
		{"cluster.min-free-disk", "200%", "percentage"},
		{"performance.read-ahead", "ENABLE", ""},
		{"performance.read-ahead", "maybe", "on or off"},
		{"features.ctime", "maybe", "on or off"},
		{"cluster.quorum-type", "bogus", "one of none, auto, fixed"},
		{"server.statedump-path", "relative", "absolute path"},
		{"server.statedump-path", "/a/../../b", "absolute path"},
		{"auth.allow", "10.0.0.*,host-1,192.168.0.0/24,fe80::1,*", ""},
		{"auth.allow", "10.0.0.1,,10.0.0.2", "comma-separated"},
		{"auth.allow", "a b", "comma-separated"},
		{"auth.allow", "300.1.1.1", "comma-separated"},
		{"auth.allow", "-host", "comma-separated"},
		{"auth.allow", "17%", "comma-separated"},
		{"auth.allow", "/(10.0.0.1|node-2),/pub(10.0.0.0/8|*),/a/b(fe80::1)", ""},
		{"auth.reject", "/pub(10.0.0.*)", ""},
		{"auth.allow", "10.*,10.9.*,*", ""},
		{"auth.allow", "10.*.300.1", "comma-separated"},
		{"auth.allow", "10.0.0.1*", "comma-separated"},
		{"auth.allow", "10.0.0.0/0", "comma-separated"},
		{"auth.allow", "2001:db8::*,*::1", ""},
		{"auth.allow", "2001:db8::1*", "comma-separated"},
		{"auth.allow", "10.**", "comma-separated"},
		{"auth.allow", "/pub", "/DIR(ADDRESS|ADDRESS)"},
		{"auth.allow", "/pub(10.0.0.1", "/DIR(ADDRESS|ADDRESS)"},
		{"auth.allow", "/pub((10.0.0.1))", "/DIR(ADDRESS|ADDRESS)"},
		{"auth.allow", "/pub()", "none of them"},
		{"auth.allow", "/pub(10.0.0.1,10.0.0.2)", "/DIR(ADDRESS|ADDRESS)"},
		{"auth.allow", "/pub(10.0.0.1|300.1.1.1)", "300.1.1.1"},
		{"auth.allow", "pub(10.0.0.1)", "absolute and plain"},
		{"auth.allow", "/pub/../x(10.0.0.1)", "absolute and plain"},
		{"auth.allow", "/pub/(10.0.0.1)", "absolute and plain"},
		{"auth.allow", "/pub(10.0.0.1),/pub(10.0.0.2)", "names the directory /pub once"},
		{"performance.cache-priority", "*.html:5", ""},
		{"performance.cache-priority", "html", "pattern:priority"},
		{"features.snapshot-directory", "snaps", "begins with a dot"},
		{"features.snapshot-directory", "./../x", "begins with a dot"},
		{"locks.mandatory-locking", "forced", ""},
		{"locks.mandatory-locking", "on", "off, file, forced, optimal"},
		{"user.note", "two words", ""},
		{"user.note", "two\nlines", "control characters"},
		{"user.note", "`id`", "backquotes"},
		{"user.note", "", "empty"},
		{"cluster.extra-hash-regex", "a\x00b", "control characters"},
		{"debug.trace", "posix", ""},
		{"debug.trace", "on", "the layer to watch"},
		{"nfs.disable", "off", ""},
		{"no.such", "1", "does not exist"},
	} {
		err := tab.Validate(c.key, c.value)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s=%q refused: %v", c.key, c.value, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !api.IsKind(err, api.Invalid)):
			t.Errorf("%s=%q: error %v, want one with %q", c.key, c.value, err, c.want)
		case err != nil && !strings.Contains(err.Error(), c.key):
			t.Errorf("%s=%q: the error does not name the option: %v", c.key, c.value, err)
		}
	}
}

func TestValidateFor(t *testing.T) {
	tab := load(t)
	disp := Shape{Type: api.SubvolDisperse, Volume: "gv0", Subvols: 1, Disperse: 6, Redundancy: 2}
	dist := Shape{Type: api.SubvolDistribute, Volume: "gv0", Subvols: 2, Replica: 1}
	for _, c := range []struct {
		shape            Shape
		key, value, want string
	}{
		{rep3, "cluster.quorum-count", "3", ""},
		{rep3, "cluster.quorum-count", "4", "at most the replica count, 3"},
		{disp, "cluster.quorum-count", "1", "replicated volumes only"},
		{rep3, "cluster.self-heal-daemon", "off", ""},
		{disp, "cluster.self-heal-daemon", "off", "replicated volumes only"},
		{disp, "cluster.disperse-self-heal-daemon", "off", ""},
		{rep3, "cluster.disperse-self-heal-daemon", "off", "dispersed volumes only"},
		{disp, "disperse.quorum-count", "5", ""},
		{disp, "disperse.quorum-count", "3", "from 4 (data bricks) to 6"},
		{rep3, "cluster.heal-timeout", "6", ""},
		{disp, "cluster.heal-timeout", "6", "60 seconds"},
		{dist, "cluster.subvols-per-directory", "3", "has 2 subvolumes"},
		{dist, "cluster.lock-migration", "on", ""},
		{rep3, "cluster.lock-migration", "on", "purely distributed"},
		{rep3, "cluster.lock-migration", "off", ""},
		{rep3, "cluster.read-subvolume", "gv0-client-1", ""},
		{rep3, "cluster.read-subvolume", "gv0-client-2", "one of gv0-client-0, gv0-client-1, gv0-client-4"},
		{rep3, "cluster.read-subvolume", "other-client-1", "gv0-client-0"},
		{rep3, "cluster.server-quorum-ratio", "51", "holds for all volumes"},
		{rep3, "features.quota", "on", "belongs to quota"},
		{rep3, "features.uss", "enable", "no snapshots yet"},
		{rep3, "features.uss", "off", ""},
		{rep3, "user.x", "y", ""},
	} {
		err := tab.ValidateFor(c.key, c.value, c.shape)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s=%s: error %v, want %q", c.shape.Type, c.key, c.value, err, c.want)
		}
	}
}

func TestRefit(t *testing.T) {
	rep2 := Shape{Type: api.SubvolReplicate, Volume: "gv0", Subvols: 1, Replica: 2, Clients: []string{"gv0-client-0", "gv0-client-1"}}
	single := Shape{Type: api.SubvolDistribute, Volume: "gv0", Subvols: 1, Replica: 1, Clients: []string{"gv0-client-0"}}
	for _, c := range []struct {
		shape            Shape
		key, value, want string
	}{
		{rep2, "cluster.quorum-count", "2", ""},
		{rep2, "cluster.quorum-count", "3", "at most the replica count, 2"},
		{rep2, "cluster.read-subvolume", "gv0-client-4", "one of gv0-client-0, gv0-client-1"},
		{rep2, "cluster.read-subvolume-index", "2", "from 0 to 1"},
		{rep2, "cluster.lock-migration", "on", "purely distributed"},
		{single, "cluster.quorum-count", "3", ""}, // without effect
		{single, "cluster.self-heal-daemon", "off", ""},
		{single, "cluster.subvols-per-directory", "2", "has 1 subvolumes"},
		{single, "performance.cache-size", "64MB", ""},
	} {
		err := Refit(map[string]string{"user.x": "y", c.key: c.value}, c.shape)
		switch {
		case c.want == "":
			if err != nil {
				t.Errorf("%s=%s: %v", c.key, c.value, err)
			}
		case !api.IsKind(err, api.State) || !strings.Contains(err.Error(), c.want) || api.AsError(err).Fields[FieldOption] != c.key:
			t.Errorf("%s=%s: error %v, want %q", c.key, c.value, err, c.want)
		}
	}
}

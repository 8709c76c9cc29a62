package config

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"gd2/pkg/similar"
)

// option is one key: its name in the file and as a flag, what it means, its default and the field that it fills.
type option struct {
	name  string
	usage string
	// value points at the field: *string, *bool, *int, *time.Duration, *bytesize.Bytes, *[]string or *Secret.
	value func(*Config) any
	// preset is the default in the form of the file. Empty with derive set: it depends on other keys.
	preset any
	// derive fills a field that was left empty, once all other keys are known.
	derive func(*Config)
	// noFlag keeps a key off the command line, where every user of the host could read it.
	noFlag bool
}

const secretFileKey = "pool-secret-file"

// schema lists every key there is, in the order in which help and the example file show them.
func schema() []option {
	return slices.Concat(placeOptions(), logOptions(), addressOptions(), accessOptions(), heketiOptions(), storeOptions(), eventOptions(), programOptions())
}

func placeOptions() []option {
	return []option{
		{name: "localstatedir", preset: "/var/lib/glusterd2", usage: "directory of what must survive a restart",
			value: func(c *Config) any { return &c.LocalStateDir }},
		{name: "rundir", preset: "/var/run/glusterd2", usage: "directory of sockets and pid files",
			value: func(c *Config) any { return &c.RunDir }},
		{name: "glusterd-socket", preset: "/var/run/glusterd.socket", usage: "unix socket for GlusterFS' own command gluster and tools; empty: none",
			value: func(c *Config) any { return &c.GlusterdSocket }},
		{name: "logdir", preset: "/var/log/glusterfs", usage: "directory of the logs of bricks and self-heal daemons",
			value: func(c *Config) any { return &c.LogDir }},
		{name: "hooksdir", preset: "", usage: "directory of hook scripts; empty: <localstatedir>/hooks",
			value:  func(c *Config) any { return &c.HooksDir },
			derive: func(c *Config) { orElse(&c.HooksDir, filepath.Join(c.LocalStateDir, "hooks")) }},
		{name: "groupsdir", preset: "/var/lib/glusterd/groups", usage: "directory of option groups, one file each in glusterd's format",
			value: func(c *Config) any { return &c.GroupsDir }},
		{name: "glusterd-dir", preset: "", value: func(c *Config) any { return &c.GlusterdDir },
			usage: "directory that shows the pool's records in the layout of glusterd's working directory; empty: none"},
		{name: "pidfile", preset: "", usage: "file of the daemon's process id; empty: <rundir>/glusterd2.pid",
			value:  func(c *Config) any { return &c.PIDFile },
			derive: func(c *Config) { orElse(&c.PIDFile, filepath.Join(c.RunDir, "glusterd2.pid")) }},
	}
}

func logOptions() []option {
	return []option{
		{name: "logfile", preset: "STDOUT", usage: "where the daemon logs: STDOUT, STDERR, a path, or a name below logdir",
			value: func(c *Config) any { return &c.LogFile }, derive: placeLogFile},
		{name: "loglevel", preset: "info", usage: "trace, debug, info, warning, error, fatal or panic",
			value: func(c *Config) any { return &c.LogLevel }},
		{name: "logformat", preset: LogText, usage: "text or json",
			value: func(c *Config) any { return &c.LogFormat }},
	}
}

func addressOptions() []option {
	return []option{
		{name: "clientaddress", preset: ":24007", usage: "host:port where REST and SunRPC listen; clients expect port 24007",
			value: func(c *Config) any { return &c.ClientAddress }},
		{name: "peeraddress", preset: ":24008", usage: "host:port where other peers are answered",
			value: func(c *Config) any { return &c.PeerAddress }},
		{name: "advertise-address", preset: "", value: func(c *Config) any { return &c.AdvertiseAddress },
			usage: "host name or IP by which others reach this peer; empty: taken from clientaddress, the host name or an interface"},
		{name: "brick-address", preset: "", usage: "the only address on which bricks listen; empty: every address",
			value: func(c *Config) any { return &c.BrickAddress }},
	}
}

func accessOptions() []option {
	return []option{
		{name: "restauth", preset: true, usage: "ask for a token at the REST API",
			value: func(c *Config) any { return &c.RESTAuth }},
		{name: "metrics-open", preset: false, usage: "let everybody read /metrics, since Prometheus cannot make tokens",
			value: func(c *Config) any { return &c.MetricsOpen }},
		{name: "plain-http", preset: PlainLoopback, usage: "answer HTTP without TLS: loopback, all or off",
			value: func(c *Config) any { return &c.PlainHTTP }},
		{name: "cert-file", preset: "", usage: "certificate of HTTPS, PEM; empty: one of the pool's own CA",
			value: func(c *Config) any { return &c.CertFile }},
		{name: "key-file", preset: "", usage: "key of cert-file, PEM",
			value: func(c *Config) any { return &c.KeyFile }},
		{name: "join", preset: JoinProof, usage: "what a peer must show to join: proof (a secret or a token), or open: nothing at all",
			value: func(c *Config) any { return &c.Join }},
		{name: "pool-secret", preset: "", noFlag: true, value: func(c *Config) any { return &c.PoolSecret },
			usage: "secret that peers of one pool share, at least 16 characters"},
		{name: secretFileKey, preset: "", usage: "file that holds the pool secret",
			value: func(*Config) any { return new(string) }},
	}
}

func heketiOptions() []option {
	return []option{
		{name: "heketi-address", preset: "", usage: "host:port where Heketi's API is served alone, such as :8080; empty: only at clientaddress",
			value: func(c *Config) any { return &c.Heketi.Address }},
		{name: "heketi-admin-key", preset: "", noFlag: true, usage: "key of Heketi's user admin; empty: Heketi's API is not served",
			value: func(c *Config) any { return &c.Heketi.AdminKey }},
		{name: "heketi-user-key", preset: "", noFlag: true, usage: "key of Heketi's user user, who may use volumes",
			value: func(c *Config) any { return &c.Heketi.UserKey }},
	}
}

func storeOptions() []option {
	return []option{
		{name: "etcdcurls", preset: []string{}, usage: "URLs where the embedded etcd answers clients; empty: https on port 2379",
			value:  func(c *Config) any { return &c.EtcdCURLs },
			derive: func(c *Config) { c.EtcdCURLs = orURL(c.EtcdCURLs, c.ClientAddress, "2379") }},
		{name: "etcdpurls", preset: []string{}, usage: "URLs where the embedded etcd answers other members; empty: https on port 2380",
			value:  func(c *Config) any { return &c.EtcdPURLs },
			derive: func(c *Config) { c.EtcdPURLs = orURL(c.EtcdPURLs, c.ClientAddress, "2380") }},
		{name: "noembed", preset: false, usage: "use the external etcd at etcdendpoints",
			value: func(c *Config) any { return &c.NoEmbed }},
		{name: "etcdendpoints", preset: []string{}, usage: "URLs of an external etcd, with noembed",
			value: func(c *Config) any { return &c.EtcdEndpoints }},
		{name: "store-voters", preset: 5, usage: "largest number of peers that vote in the store: 1, 3, 5 or 7",
			value: func(c *Config) any { return &c.StoreVoters }},
		{name: "voter-replace-after", preset: "10m", usage: "how long a voter may be away before another peer gets its vote",
			value: func(c *Config) any { return &c.VoterReplaceAfter }},
		{name: "certificate-lifetime", preset: "8760h", usage: "how long the certificates of peers are good; they renew themselves when a third of it is left",
			value: func(c *Config) any { return &c.CertificateLifetime }},
		{name: "repair-after", preset: "0s", usage: "how long a peer or a brick may be down before bricks of a size are made anew elsewhere; 0 never does it",
			value: func(c *Config) any { return &c.RepairAfter }},
		{name: "store-quota", preset: "2GiB", usage: "most that the store's database may take on disk",
			value: func(c *Config) any { return &c.StoreQuota }},
		{name: "snapshot-interval", preset: "1h", usage: "time between local snapshots of the store; 0 makes none",
			value: func(c *Config) any { return &c.SnapshotInterval }},
		{name: "snapshot-keep", preset: 24, usage: "how many local snapshots of the store are kept",
			value: func(c *Config) any { return &c.SnapshotKeep }},
		{name: "operations-keep", preset: 1000, usage: "how many operations that have ended are remembered",
			value: func(c *Config) any { return &c.OperationsKeep }},
		{name: "operations-keep-for", preset: "720h", usage: "how long they are remembered at most",
			value: func(c *Config) any { return &c.OperationsKeepFor }},
		{name: "keys-keep-for", preset: "24h", usage: "how long the Idempotency-Keys of requests are remembered",
			value: func(c *Config) any { return &c.KeysKeepFor }},
	}
}

func eventOptions() []option {
	return []option{
		{name: "events-keep", preset: 10_000, usage: "how many events the history keeps",
			value: func(c *Config) any { return &c.EventsKeep }},
		{name: "events-age", preset: "168h", usage: "how long an event stays in the history",
			value: func(c *Config) any { return &c.EventsAge }},
		{name: "event-streams", preset: 64, usage: "how many streams of events are open at this peer at most",
			value: func(c *Config) any { return &c.EventStreams }},
	}
}

func programOptions() []option {
	return []option{
		{name: "glusterfsd", preset: "/usr/sbin/glusterfsd", usage: "program that serves a brick",
			value: func(c *Config) any { return &c.GlusterFSD }},
		{name: "glusterfs", preset: "/usr/sbin/glusterfs", usage: "program of self-heal daemons and mounts",
			value: func(c *Config) any { return &c.GlusterFS }},
		{name: "profiling", preset: false, usage: "serve Go profiles to administrators",
			value: func(c *Config) any { return &c.Profiling }},
	}
}

// retired are keys that glusterd2 knew and gd2 has no use for, each with what to do instead.
func retired(key string) string {
	switch {
	case key == "usetls" || strings.HasPrefix(key, "etcd-client-"):
		return "remove it: traffic between peers is always encrypted with the pool's own certificates"
	case key == "eventsttl":
		return "use events-age, such as events-age = \"10m\""
	case key == "statedump":
		return "remove it: /statedump is always there for administrators"
	case strings.HasPrefix(key, "jaeger-") || strings.HasPrefix(key, "gluster-block-"):
		return "remove it: gd2 does not have this feature"
	}
	return ""
}

func orElse(s *string, fallback string) {
	if *s == "" {
		*s = fallback
	}
}

func placeLogFile(c *Config) {
	if c.LogFile != "STDOUT" && c.LogFile != "STDERR" && !filepath.IsAbs(c.LogFile) {
		c.LogFile = filepath.Join(c.LogDir, c.LogFile)
	}
}

// orURL is urls, or the one https URL on the host of the listen address if there are none.
func orURL(urls []string, listen, port string) []string {
	if len(urls) > 0 {
		return urls
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil || isWildcard(host) {
		host = "0.0.0.0"
	}
	return []string{"https://" + net.JoinHostPort(host, port)}
}

// unknownKey explains a key of the file that is not in the schema.
func unknownKey(file, key string) error {
	if why := retired(key); why != "" {
		return fmt.Errorf("%s: key %q of glusterd2 is not used by gd2; %s", file, key, why)
	}
	hint := ""
	if near := nearest(key); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("%s: unknown key %q%s", file, key, hint)
}

// nearest is the known key with the fewest edits to key, if they are few enough to be a slip.
func nearest(key string) string {
	best, name := len(key)/3+1, ""
	for _, o := range schema() {
		if d := similar.Distance(key, o.name); d <= best && (name == "" || d < best) {
			best, name = d, o.name
		}
	}
	return name
}

// Package config loads what a daemon is told when it starts: defaults, the file, the environment and the flags,
// in this order of growing precedence, into one validated struct that is passed on by value and never changes.
package config

import (
	"errors"
	"net"
	"net/url"
	"time"

	"gd2/pkg/bytesize"
)

// DefaultFile is read when --config names no other; it may be absent.
const DefaultFile = "/etc/glusterd2/glusterd2.toml"

// EnvPrefix begins the name of every environment variable that sets a key: pool-secret is GD2_POOL_SECRET.
const EnvPrefix = "GD2_"

// MinPoolSecret is the shortest pool-secret that is accepted, in characters.
const MinPoolSecret = 16

// ErrHelp and ErrVersion are returned by Load when the arguments ask for help (--help) or the version (--version):
// the caller prints Usage or its version and ends with success.
var (
	ErrHelp    = errors.New("help was asked for")
	ErrVersion = errors.New("the version was asked for")
)

// Values of plain-http: from where an HTTP request without TLS is answered.
const (
	// PlainLoopback answers plain HTTP from the host itself only.
	PlainLoopback = "loopback"
	// PlainAll answers plain HTTP from everywhere.
	PlainAll = "all"
	// PlainOff answers plain HTTP from nowhere.
	PlainOff = "off"
)

// Values of join: what a peer must show before it takes another into its pool, or goes into another's.
const (
	// JoinProof asks for the pool-secret or a token.
	JoinProof = "proof"
	// JoinOpen asks for nothing, as glusterd does: whoever reaches a peer that is alone may take it into a pool.
	JoinOpen = "open"
)

// Values of logformat.
const (
	LogText = "text"
	LogJSON = "json"
)

// Config is everything that a daemon is configured with. All paths are absolute once Load has returned it.
type Config struct {
	// File is the configuration file that was read; empty if there was none.
	File string

	// LocalStateDir holds what must survive a restart: identity, certificates, the store, volume state.
	LocalStateDir string
	// RunDir holds sockets and pid files.
	RunDir string
	// GlusterdSocket is the unix socket at which GlusterFS' own command gluster finds its daemon; empty for none.
	GlusterdSocket string
	// LogDir holds the logs of bricks and self-heal daemons, and LogFile if that is a bare name.
	LogDir string
	// LogFile is where the daemon itself logs: STDOUT, STDERR, a path, or a name below LogDir.
	LogFile string
	// LogLevel is a level of logrus: trace, debug, info, warning, error, fatal or panic.
	LogLevel string
	// LogFormat is LogText or LogJSON.
	LogFormat string

	// ClientAddress is where REST and SunRPC listen, as host:port; an empty host means every address.
	ClientAddress string
	// PeerAddress is where the gRPC of the other peers is answered, as host:port.
	PeerAddress string
	// AdvertiseAddress is the host name or IP address by which other peers and clients reach this peer.
	AdvertiseAddress string
	// BrickAddress is the only address on which bricks of this peer listen; empty means every address.
	BrickAddress string
	// RESTAuth tells whether a request needs a token.
	RESTAuth bool
	// MetricsOpen lets everybody read /metrics without a token.
	MetricsOpen bool
	// PlainHTTP is PlainLoopback, PlainAll or PlainOff.
	PlainHTTP string
	// CertFile and KeyFile name a certificate for HTTPS in place of one of the pool's own CA; both or neither.
	CertFile, KeyFile string
	// Join is JoinProof or JoinOpen.
	Join string
	// PoolSecret, the same on two peers, lets one probe the other into its pool. Empty: only join tokens do.
	PoolSecret Secret

	// Heketi is how Heketi's API is served, if it is.
	Heketi Heketi

	// EtcdCURLs and EtcdPURLs are where the embedded etcd listens for clients and for other members.
	EtcdCURLs, EtcdPURLs []string
	// NoEmbed makes the daemon a client of the external etcd at EtcdEndpoints.
	NoEmbed       bool
	EtcdEndpoints []string
	// StoreVoters is the largest number of peers that vote in the store: 1, 3, 5 or 7.
	StoreVoters int
	// CertificateLifetime is how long the certificates of peers are good that this peer signs; they are renewed when a third of it
	// is left.
	CertificateLifetime time.Duration
	// RepairAfter is how long a peer or a brick of a size may be down before its bricks are made anew elsewhere; 0 means for ever.
	RepairAfter time.Duration
	// VoterReplaceAfter is how long the peer of a voter may be away before another peer gets its vote.
	VoterReplaceAfter time.Duration
	// StoreQuota is the most that the store's database may take on disk, in bytes.
	StoreQuota bytesize.Bytes
	// SnapshotInterval is the time between the snapshots of the store that are kept on this peer; 0 makes none.
	// SnapshotKeep is how many are kept.
	SnapshotInterval time.Duration
	SnapshotKeep     int

	// EventsKeep is how many events the history keeps, EventsAge for how long. EventStreams is how many streams of
	// events are open at this peer at most. 0 means the default.
	EventsKeep   int
	EventsAge    time.Duration
	EventStreams int

	// OperationsKeep is how many operations that have ended are remembered, OperationsKeepFor how long they are at most.
	OperationsKeep    int
	OperationsKeepFor time.Duration
	// KeysKeepFor is how long the Idempotency-Keys of requests are remembered.
	KeysKeepFor time.Duration

	// HooksDir holds the scripts that run before and after a change.
	HooksDir string
	// GroupsDir holds option groups as files, in glusterd's format.
	GroupsDir string
	// GlusterdDir is where the records of the pool are shown as files in the layout of glusterd's working directory; empty
	// shows them nowhere.
	GlusterdDir string
	// PIDFile holds the daemon's process id while it runs.
	PIDFile string
	// Profiling serves the Go profiles to administrators.
	Profiling bool
	// GlusterFSD and GlusterFS are the programs that serve a brick and that mount a volume.
	GlusterFSD, GlusterFS string
}

// Heketi is the configuration of Heketi's API: it is served if the keys are set, at the client address and, if there is
// one, at Address, host:port.
type Heketi struct {
	Address           string
	AdminKey, UserKey Secret
}

// Secret is a text that never appears in logs or in printed structs.
type Secret string

// String hides the secret: it only tells whether there is one.
func (s Secret) String() string {
	if s == "" {
		return "(none)"
	}
	return "(set)"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// ClientEndpoint is the address, host:port, at which clients and data-plane processes reach this peer.
func (c *Config) ClientEndpoint() string { return c.advertised(c.ClientAddress) }

// PeerEndpoint is the address, host:port, at which the other peers reach this peer's gRPC.
func (c *Config) PeerEndpoint() string { return c.advertised(c.PeerAddress) }

// AdvertiseCURLs are EtcdCURLs as other peers must dial them: a wildcard host becomes AdvertiseAddress.
func (c *Config) AdvertiseCURLs() []string { return c.advertisedURLs(c.EtcdCURLs) }

// AdvertisePURLs are EtcdPURLs as other members must dial them: a wildcard host becomes AdvertiseAddress.
func (c *Config) AdvertisePURLs() []string { return c.advertisedURLs(c.EtcdPURLs) }

func (c *Config) advertised(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if isWildcard(host) {
		host = c.AdvertiseAddress
	}
	return net.JoinHostPort(host, port)
}

func (c *Config) advertisedURLs(urls []string) []string {
	out := make([]string, 0, len(urls))
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err == nil {
			u.Host = c.advertised(u.Host)
			raw = u.String()
		}
		out = append(out, raw)
	}
	return out
}

// isWildcard reports whether a listen host stands for every address of the machine.
func isWildcard(host string) bool {
	if host == "" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
}

package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/bytesize"
)

// maxRunDir keeps the path of a brick's socket (a slash, 16 hex digits, ".socket") and of our own below the 107
// bytes that a unix socket's address holds.
const maxRunDir = 80

// maxSocket is the longest path that the address of a unix socket holds.
const maxSocket = 107

// Validate checks every key by itself and the keys that belong together, and reports all that is wrong at once.
func (c *Config) Validate() error {
	return errors.Join(c.checkPlaces(), c.checkLog(), c.checkAddresses(), c.checkAccess(), c.checkHeketi(), c.checkStore(), c.checkPool(), c.checkEvents())
}

func (c *Config) checkPlaces() error {
	var errs []error
	for _, p := range []struct{ key, path string }{
		{"localstatedir", c.LocalStateDir}, {"rundir", c.RunDir}, {"logdir", c.LogDir}, {"hooksdir", c.HooksDir}, {"groupsdir", c.GroupsDir},
		{"pidfile", c.PIDFile}, {"glusterfsd", c.GlusterFSD}, {"glusterfs", c.GlusterFS},
	} {
		if !filepath.IsAbs(p.path) || strings.ContainsAny(p.path, "\n\x00") {
			errs = append(errs, wrong(p.key, p.path, "it must be an absolute path"))
		}
	}
	if p := c.GlusterdSocket; p != "" && (!filepath.IsAbs(p) || strings.ContainsAny(p, "\n\x00") || len(p) > maxSocket) {
		errs = append(errs, wrong("glusterd-socket", p, fmt.Sprintf("it must be an absolute path of at most %d characters, or empty", maxSocket)))
	}
	if p := c.GlusterdDir; p != "" && (!filepath.IsAbs(p) || filepath.Clean(p) == filepath.Clean(c.LocalStateDir)) {
		errs = append(errs, wrong("glusterd-dir", p, "it must be an absolute path other than localstatedir, or empty"))
	}
	if len(c.RunDir) > maxRunDir {
		errs = append(errs, wrong("rundir", c.RunDir, fmt.Sprintf("sockets live there, so it may have %d characters", maxRunDir)))
	}
	return errors.Join(errs...)
}

func (c *Config) checkLog() error {
	var errs []error
	if _, err := logrus.ParseLevel(c.LogLevel); err != nil {
		errs = append(errs, wrong("loglevel", c.LogLevel, "it must be trace, debug, info, warning, error, fatal or panic"))
	}
	if c.LogFormat != LogText && c.LogFormat != LogJSON {
		errs = append(errs, wrong("logformat", c.LogFormat, "it must be text or json"))
	}
	return errors.Join(errs...)
}

func (c *Config) checkAddresses() error {
	errs := []error{
		listenAddress("clientaddress", c.ClientAddress),
		listenAddress("peeraddress", c.PeerAddress),
		advertiseAddress(c.AdvertiseAddress),
	}
	if c.BrickAddress != "" && net.ParseIP(c.BrickAddress) == nil {
		errs = append(errs, wrong("brick-address", c.BrickAddress, "it must be an IP address, or empty"))
	}
	return errors.Join(errs...)
}

func (c *Config) checkAccess() error {
	var errs []error
	if !slices.Contains([]string{PlainLoopback, PlainAll, PlainOff}, c.PlainHTTP) {
		errs = append(errs, wrong("plain-http", c.PlainHTTP, "it must be loopback, all or off"))
	}
	switch {
	case c.Join != JoinProof && c.Join != JoinOpen:
		errs = append(errs, wrong("join", c.Join, "it must be proof or open"))
	case c.Join == JoinOpen && c.PoolSecret != "":
		errs = append(errs, errors.New("join is open, so pool-secret would protect nothing: remove one of the two"))
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, fmt.Errorf("cert-file is %q and key-file is %q: set both or neither", c.CertFile, c.KeyFile))
	}
	if n := len(c.PoolSecret.Reveal()); n > 0 && n < MinPoolSecret {
		errs = append(errs, fmt.Errorf("pool-secret has %d characters; it needs at least %d", n, MinPoolSecret))
	}
	return errors.Join(errs...)
}

func (c *Config) checkHeketi() error {
	var errs []error
	if (c.Heketi.AdminKey == "") != (c.Heketi.UserKey == "") {
		errs = append(errs, errors.New("heketi-admin-key and heketi-user-key: set both or neither"))
	}
	if c.Heketi.AdminKey != "" && c.Heketi.AdminKey == c.Heketi.UserKey {
		errs = append(errs, errors.New("heketi-admin-key and heketi-user-key are the same: choose two"))
	}
	if c.Heketi.Address == "" {
		return errors.Join(errs...)
	}
	if c.Heketi.AdminKey == "" {
		errs = append(errs, errors.New("heketi-address is set: set heketi-admin-key and heketi-user-key too"))
	}
	return errors.Join(append(errs, listenAddress("heketi-address", c.Heketi.Address))...)
}

func (c *Config) checkStore() error {
	if c.NoEmbed {
		if len(c.EtcdEndpoints) == 0 {
			return errors.New("noembed is true, so etcdendpoints must name the external etcd")
		}
		return urls("etcdendpoints", c.EtcdEndpoints, "http", "https")
	}
	if len(c.EtcdEndpoints) > 0 {
		return wrong("etcdendpoints", strings.Join(c.EtcdEndpoints, ","), "it is used with noembed = true only")
	}
	return errors.Join(urls("etcdcurls", c.EtcdCURLs, "https"), urls("etcdpurls", c.EtcdPURLs, "https"))
}

// Limits of what keeps the pool alive.
const (
	// minReplaceAfter is above what a restart of a daemon or a short loss of the network takes.
	minReplaceAfter = 10 * time.Second
	// minQuota leaves room for a database that is being defragmented; maxQuota is the most that etcd is meant for.
	minQuota, maxQuota  bytesize.Bytes = 64 << 20, 8 << 30
	minSnapshotInterval                = time.Minute
	maxSnapshotKeep                    = 10_000
	// A peer that is away for longer than a certificate lives has to join anew.
	minCertificate, maxCertificate = time.Hour, 10 * 365 * 24 * time.Hour
	// A host that starts again must not be taken for dead.
	minRepairAfter = 5 * time.Second
	// Every operation that has ended takes a kilobyte or so, on every peer.
	minOperations, maxOperations = 10, 100_000
	minOperationsFor             = time.Minute
)

func (c *Config) checkPool() error {
	var errs []error
	if !slices.Contains([]int{1, 3, 5, 7}, c.StoreVoters) {
		errs = append(errs, wrong("store-voters", strconv.Itoa(c.StoreVoters), "it must be 1, 3, 5 or 7"))
	}
	if c.VoterReplaceAfter < minReplaceAfter {
		errs = append(errs, wrong("voter-replace-after", c.VoterReplaceAfter.String(), "it must be at least "+minReplaceAfter.String()))
	}
	if c.CertificateLifetime < minCertificate || c.CertificateLifetime > maxCertificate {
		errs = append(errs, wrong("certificate-lifetime", c.CertificateLifetime.String(), fmt.Sprintf("it must be %s to %s", minCertificate, maxCertificate)))
	}
	if c.RepairAfter != 0 && c.RepairAfter < minRepairAfter {
		errs = append(errs, wrong("repair-after", c.RepairAfter.String(), "it must be 0, for never, or at least "+minRepairAfter.String()))
	}
	if c.StoreQuota < minQuota || c.StoreQuota > maxQuota {
		errs = append(errs, wrong("store-quota", c.StoreQuota.String(), fmt.Sprintf("it must be %s to %s", minQuota, maxQuota)))
	}
	if c.SnapshotInterval != 0 && c.SnapshotInterval < minSnapshotInterval {
		errs = append(errs, wrong("snapshot-interval", c.SnapshotInterval.String(), "it must be 0, for none, or at least "+minSnapshotInterval.String()))
	}
	if c.SnapshotKeep < 1 || c.SnapshotKeep > maxSnapshotKeep {
		errs = append(errs, wrong("snapshot-keep", strconv.Itoa(c.SnapshotKeep), fmt.Sprintf("it must be 1 to %d", maxSnapshotKeep)))
	}
	if c.OperationsKeep < minOperations || c.OperationsKeep > maxOperations {
		errs = append(errs, wrong("operations-keep", strconv.Itoa(c.OperationsKeep), fmt.Sprintf("it must be %d to %d", minOperations, maxOperations)))
	}
	if c.OperationsKeepFor < minOperationsFor {
		errs = append(errs, wrong("operations-keep-for", c.OperationsKeepFor.String(), "it must be at least "+minOperationsFor.String()))
	}
	return errors.Join(errs...)
}

// Limits of the history of events, which is in the memory of every peer.
const (
	minEventsKeep, maxEventsKeep = 100, 100_000
	minEventsAge                 = time.Minute
	maxEventStreams              = 10_000
)

func (c *Config) checkEvents() error {
	var errs []error
	if c.EventsKeep < minEventsKeep || c.EventsKeep > maxEventsKeep {
		errs = append(errs, wrong("events-keep", strconv.Itoa(c.EventsKeep), fmt.Sprintf("it must be %d to %d", minEventsKeep, maxEventsKeep)))
	}
	if c.EventsAge < minEventsAge {
		errs = append(errs, wrong("events-age", c.EventsAge.String(), "it must be at least "+minEventsAge.String()))
	}
	if c.EventStreams < 1 || c.EventStreams > maxEventStreams {
		errs = append(errs, wrong("event-streams", strconv.Itoa(c.EventStreams), fmt.Sprintf("it must be 1 to %d", maxEventStreams)))
	}
	if c.KeysKeepFor < minOperationsFor {
		errs = append(errs, wrong("keys-keep-for", c.KeysKeepFor.String(), "it must be at least "+minOperationsFor.String()))
	}
	return errors.Join(errs...)
}

func listenAddress(key, value string) error {
	hostname, port, err := net.SplitHostPort(value)
	if err != nil {
		return wrong(key, value, "it must be host:port, such as :24007 or 192.0.2.1:24007")
	}
	if hostname != "" && net.ParseIP(hostname) == nil && !isHostName(hostname) {
		return wrong(key, value, "its host is neither an IP address nor a host name")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return wrong(key, value, "its port must be a number from 1 to 65535")
	}
	return nil
}

func advertiseAddress(value string) error {
	if ip := net.ParseIP(value); ip != nil {
		if ip.IsUnspecified() {
			return wrong("advertise-address", value, "it must be an address that others can dial")
		}
		return nil
	}
	if !isHostName(value) {
		return wrong("advertise-address", value, "it must be a host name or an IP address, without a port")
	}
	return nil
}

func urls(key string, values []string, schemes ...string) error {
	for _, raw := range values {
		u, err := url.Parse(raw)
		if err != nil || !slices.Contains(schemes, u.Scheme) || u.Port() == "" || u.Path != "" || u.RawQuery != "" {
			return wrong(key, raw, "it must be "+strings.Join(schemes, " or ")+"://host:port")
		}
	}
	return nil
}

// isHostName accepts what RFC 1123 calls a host name, with underscores as found in the wild.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return false
			}
		}
	}
	return true
}

func wrong(key, value, right string) error {
	return fmt.Errorf("%s is %q; %s", key, value, right)
}

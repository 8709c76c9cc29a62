package store

import (
	"net/url"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/pkg/pki"
)

// TLSServerName is a DNS name in the certificate of every peer. Whoever dials a peer verifies this name and never the
// address: peers have many addresses and they change, the pool's CA says who belongs.
const TLSServerName = pki.ServerName

// Config is what a Store needs to know. All of it is given by the caller; nothing is read from anywhere else.
type Config struct {
	// PeerID is the name of this peer among the members of the store.
	PeerID string
	// Dir is where the store keeps its own state (store.json) and, as a member, its data (member-N).
	Dir string
	// ListenPeerURLs and ListenClientURLs are https URLs with a host and a port that the embedded server listens on.
	ListenPeerURLs, ListenClientURLs []string
	// AdvertisePeerURLs and AdvertiseClientURLs are those by which other peers reach it; default: what it listens on.
	AdvertisePeerURLs, AdvertiseClientURLs []string
	// TLS names the files of this peer's certificate and of its pool's CA.
	TLS TLS
	// NoEmbed uses the external etcd at Endpoints instead of an embedded server.
	NoEmbed bool
	// Endpoints are the client URLs of the external etcd; used with NoEmbed only.
	Endpoints []string
	// NameOf returns what people call a peer, from its record in r, for texts about members; it may be nil and may
	// return nothing.
	NameOf func(r Reader, peerID string) string
	// QuotaBytes bounds the database of the embedded server; default: DefaultQuotaBytes. All members should have the same.
	QuotaBytes int64
	// SnapshotEvery is the interval of snapshots on this peer's own disk, default DefaultSnapshotEvery; negative: none.
	// SnapshotKeep is how many are kept, default DefaultSnapshotKeep.
	SnapshotEvery time.Duration
	SnapshotKeep  int
	// Derive, if not nil, returns what is to be written together with every Commit because of its changes; r is this
	// peer's copy. Announcements are not commits.
	Derive func(r Reader, changes []Transition) []Write
	// Version is that of this gd2, for backups.
	Version string
	// Log gets everything that the store and the etcd in it have to say.
	Log *logrus.Entry

	// room returns how many bytes a directory's disk has left.
	room func(dir string) (int64, error)
	// revoked is set by Open where the embedded server may run.
	revoked *revocations
}

// TLS names three PEM files. They are read again at each handshake, so that they can be replaced while the daemon runs;
// only the CA by which the embedded server judges its clients is read when the server starts.
type TLS struct {
	CA, Cert, Key string
}

// check completes the configuration with its defaults and says what is wrong with it.
func (c *Config) check() error {
	if c.Log == nil {
		return api.Errorf(api.Internal, "store: the configuration has no log")
	}
	if c.NoEmbed {
		if len(c.Endpoints) == 0 {
			return api.FieldErrorf("etcdendpoints", "noembed is set but etcdendpoints is empty: name at least one client URL of the external etcd")
		}
		_, err := parseURLs("etcdendpoints", c.Endpoints, "http", "https")
		return err
	}
	if c.PeerID == "" || c.Dir == "" {
		return api.Errorf(api.Internal, "store: the configuration has no peer id or no directory")
	}
	if c.QuotaBytes == 0 {
		c.QuotaBytes = DefaultQuotaBytes
	}
	if c.QuotaBytes < minQuotaBytes {
		return api.FieldErrorf("store-quota", "store-quota is %d bytes: it must be at least %d MiB", c.QuotaBytes, minQuotaBytes>>20)
	}
	if c.room == nil {
		c.room = roomOn
	}
	if c.SnapshotEvery == 0 {
		c.SnapshotEvery = DefaultSnapshotEvery
	}
	if c.SnapshotKeep <= 0 {
		c.SnapshotKeep = DefaultSnapshotKeep
	}
	if len(c.AdvertisePeerURLs) == 0 {
		c.AdvertisePeerURLs = c.ListenPeerURLs
	}
	if len(c.AdvertiseClientURLs) == 0 {
		c.AdvertiseClientURLs = c.ListenClientURLs
	}
	for name, urls := range map[string][]string{
		"etcdpurls": c.ListenPeerURLs, "etcdcurls": c.ListenClientURLs,
		"advertised etcdpurls": c.AdvertisePeerURLs, "advertised etcdcurls": c.AdvertiseClientURLs,
	} {
		if _, err := parseURLs(name, urls, "https"); err != nil {
			return err
		}
	}
	return nil
}

// parseURLs accepts a list of scheme://host:port, which must not be empty. Field is for the error.
func parseURLs(field string, list []string, schemes ...string) ([]url.URL, error) {
	if len(list) == 0 {
		return nil, api.FieldErrorf(field, "%s is empty: it needs at least one URL such as https://192.0.2.1:2379", field)
	}
	urls := make([]url.URL, 0, len(list))
	for _, s := range list {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.Port() == "" || !strings.Contains(" "+strings.Join(schemes, " ")+" ", " "+u.Scheme+" ") {
			return nil, api.FieldErrorf(field, "%s contains %q: it must be a URL of the form %s://host:port", field, s, strings.Join(schemes, " or "))
		}
		if u.Path != "" && u.Path != "/" {
			return nil, api.FieldErrorf(field, "%s contains %q: it must not have a path", field, s)
		}
		u.Path = ""
		urls = append(urls, *u)
	}
	return urls, nil
}

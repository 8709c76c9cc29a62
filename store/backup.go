package store

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

// A backup is a tar of three entries in this order: what it is, etcd's snapshot of the database (with etcd's own SHA-256
// at its end), and the SHA-256 of that entry. The checksum comes last so that a backup can be streamed from a database of
// any size without a file in between.
const (
	backupFormat    = 1
	manifestEntry   = "manifest.json"
	snapshotEntry   = "snapshot.db"
	checksumEntry   = "checksum.json"
	maxManifestSize = 1 << 20
	// snapshotTimeout bounds a backup, of which the reader decides the speed.
	snapshotTimeout = 30 * time.Minute
)

// Manifest says what a backup holds.
type Manifest struct {
	Format int `json:"format"`
	// Version is the gd2 that made it.
	Version string `json:"gd2-version"`
	// ClusterID is the pool's id.
	ClusterID string `json:"cluster-id"`
	// Revision is one up to which the backup has everything; it may have more.
	Revision int64     `json:"revision"`
	Created  time.Time `json:"created"`
	// Size is that of the snapshot, in bytes, and SHA256 its checksum in hex. In the first entry of the stream the second
	// is empty.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	// Peers are the peers of the pool; Volumes is the number of its volumes.
	Peers   []BackupPeer `json:"peers"`
	Volumes int          `json:"volumes"`
}

// BackupPeer is a peer in a Manifest.
type BackupPeer struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

type checksum struct {
	SHA256 string `json:"sha256"`
}

// Snapshot streams a backup of the whole store to w: everything that was committed before the call, at one revision. It
// needs a quorum to begin; without one the error is of kind Unavailable. What it writes holds the pool's secrets.
func (s *Store) Snapshot(ctx context.Context, w io.Writer) (Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	if err := s.Sync(ctx); err != nil {
		return Manifest{}, err
	}
	m := s.manifest()
	sess, rev, err := s.snapshotSource(ctx)
	if err != nil {
		return m, err
	}
	defer sess.close()
	m.Revision = rev
	stream, err := etcdserverpb.NewMaintenanceClient(sess.client.ActiveConnection()).Snapshot(ctx, &etcdserverpb.SnapshotRequest{})
	if err != nil {
		return m, membershipError("read a snapshot of the store", err)
	}
	first, err := stream.Recv()
	if err != nil {
		return m, membershipError("read a snapshot of the store", err)
	}
	m.Size = int64(first.RemainingBytes) + int64(len(first.Blob)) + sha256.Size
	err = writeBackup(w, &m, func(to io.Writer) error {
		for resp := first; ; {
			if _, err := to.Write(resp.Blob); err != nil {
				return err
			}
			if resp, err = stream.Recv(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return membershipError("read a snapshot of the store", err)
			}
		}
	})
	return m, err
}

// snapshotSource connects to one member, this peer's own first, that has everything that was committed before the call:
// it says so by a linearizable read, whose revision is returned.
func (s *Store) snapshotSource(ctx context.Context) (*session, int64, error) {
	urls := s.session.Load().client.Endpoints()
	if sv := s.server.Load(); sv != nil && sv.running() {
		urls = append(append([]string{}, s.cfg.AdvertiseClientURLs...), urls...)
	}
	var last error
	for _, url := range urls {
		sess, err := dial(s.cfg, []string{url})
		if err != nil {
			return nil, 0, err
		}
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		resp, err := sess.client.Get(try, PrefixPool, clientv3.WithCountOnly())
		cancel()
		if err == nil {
			return sess, resp.Header.Revision, nil
		}
		sess.close()
		last = err
	}
	return nil, 0, membershipError("find a member of the store that makes a snapshot", last)
}

// manifest describes the pool by the copy in memory.
func (s *Store) manifest() Manifest {
	m := Manifest{
		Format: backupFormat, Version: s.cfg.Version, ClusterID: poolID(s), Created: time.Now().UTC().Truncate(time.Second),
		Peers: []BackupPeer{}, Volumes: len(s.scan(PrefixVolumes)),
	}
	for _, e := range s.scan(PrefixPeers) {
		p := BackupPeer{ID: strings.TrimPrefix(e.key, PrefixPeers)}
		if s.cfg.NameOf != nil {
			p.Name = s.cfg.NameOf(s, p.ID)
		}
		m.Peers = append(m.Peers, p)
	}
	return m
}

// poolID reads the pool's id out of its record; it is empty where there is none.
func poolID(r Reader) string {
	e, ok := r.lookup(PrefixPool)
	if !ok {
		return ""
	}
	var rec struct {
		D struct {
			ID string `json:"id"`
		} `json:"d"`
	}
	if json.Unmarshal(e.value, &rec) != nil {
		return ""
	}
	return rec.D.ID
}

// writeBackup writes the entries; m, which must know the size, gets the checksum.
func writeBackup(w io.Writer, m *Manifest, content func(io.Writer) error) error {
	tw := tar.NewWriter(w)
	if err := writeEntry(tw, manifestEntry, m.Created, m); err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Name: snapshotEntry, Mode: 0o600, Size: m.Size, ModTime: m.Created}); err != nil {
		return err
	}
	sum := sha256.New()
	if err := content(io.MultiWriter(tw, sum)); err != nil {
		return err
	}
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err := writeEntry(tw, checksumEntry, m.Created, checksum{m.SHA256}); err != nil {
		return err
	}
	return tw.Close()
}

func writeEntry(tw *tar.Writer, name string, at time.Time, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: at}); err != nil {
		return err
	}
	_, err = tw.Write(data)
	return err
}

// VerifyBackup reads a backup to its end and returns what it holds. An error of kind Invalid says what is wrong with it.
func VerifyBackup(r io.Reader) (Manifest, error) { return readBackup(r, io.Discard) }

// readBackup copies the snapshot in a backup to w. What was written is good only if there is no error.
func readBackup(r io.Reader, w io.Writer) (Manifest, error) {
	m, err := parseBackup(tar.NewReader(r), w)
	if err != nil {
		return m, api.Errorf(api.Invalid, "the backup cannot be used: %v", err)
	}
	return m, nil
}

func parseBackup(tr *tar.Reader, w io.Writer) (m Manifest, err error) {
	if err := readEntry(tr, manifestEntry, &m); err != nil {
		return m, err
	}
	if m.Format != backupFormat {
		return m, fmt.Errorf("it has format %d, this gd2 knows %d", m.Format, backupFormat)
	}
	h, err := nextEntry(tr, snapshotEntry)
	if err != nil {
		return m, err
	}
	if h.Size != m.Size {
		return m, fmt.Errorf("its snapshot has %d bytes and should have %d", h.Size, m.Size)
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), tr); err != nil {
		return m, fmt.Errorf("its snapshot: %w", err)
	}
	var want checksum
	if err := readEntry(tr, checksumEntry, &want); err != nil {
		return m, err
	}
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if m.SHA256 != want.SHA256 {
		return m, fmt.Errorf("its checksum is %s and should be %s", m.SHA256, want.SHA256)
	}
	return m, nil
}

func nextEntry(tr *tar.Reader, name string) (*tar.Header, error) {
	h, err := tr.Next()
	if err != nil {
		return nil, fmt.Errorf("no entry %s: %w", name, err)
	}
	if h.Name != name {
		return nil, fmt.Errorf("it has an entry %q where %s should be", h.Name, name)
	}
	return h, nil
}

func readEntry(tr *tar.Reader, name string, v any) error {
	if _, err := nextEntry(tr, name); err != nil {
		return err
	}
	if err := json.NewDecoder(io.LimitReader(tr, maxManifestSize)).Decode(v); err != nil {
		return fmt.Errorf("its entry %s: %w", name, err)
	}
	return nil
}

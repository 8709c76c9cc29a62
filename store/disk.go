package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
)

// The copy on disk is the copy in memory without what is secret or short-lived. A peer that starts without a quorum
// reads it, so that it can serve what it knew last. It is a text of JSON lines: a header, the records, and the SHA-256
// of all that, so that a damaged file is not taken for a small one.
const (
	copyFile   = "copy.json"
	copyFormat = 1
	// copyPause is the least time between two writes of it; copyShare bounds what they cost when there are many records:
	// a write that took a second is followed by a pause of copyShare seconds.
	copyPause = time.Second
	copyShare = 20
	// copyRetry is the pause after a write that failed, as on a full disk.
	copyRetry = 10 * time.Second
)

type copyHeader struct {
	Format    int       `json:"format"`
	ClusterID string    `json:"cluster-id"`
	Revision  int64     `json:"revision"`
	Records   int       `json:"records"`
	Written   time.Time `json:"written"`
}

// copyRecord is one line. A value that is not JSON, or would not come back byte by byte, is in Raw.
type copyRecord struct {
	Key      string          `json:"key"`
	Revision int64           `json:"revision"`
	Value    json.RawMessage `json:"value,omitempty"`
	Raw      []byte          `json:"raw,omitempty"`
}

type copyTrailer struct {
	SHA256 string `json:"sha256"`
}

// diskCopy is a copy that was read from disk.
type diskCopy struct {
	header  copyHeader
	entries []*entry
}

// inCopy reports whether a record belongs into the copy on disk.
func inCopy(e *entry) bool {
	for _, prefix := range []string{PrefixSecrets, PrefixTokens, PrefixAlive, PrefixEvents, PrefixWebhooks, PrefixDeliveries, PrefixKeys} {
		if strings.HasPrefix(e.key, prefix) {
			return false
		}
	}
	return !strings.HasPrefix(e.key, PrefixTransactions) || !e.ended()
}

// ended reports whether the record of a transaction is history: such a one says when it ended. The copy is written often, and there
// is much history, so it is found out once.
func (e *entry) ended() bool {
	e.look.Do(func() {
		var rec struct {
			D struct {
				Ended *json.RawMessage `json:"ended"`
			} `json:"d"`
		}
		text, err := unpack(e.value)
		e.past = err == nil && json.Unmarshal(text, &rec) == nil && rec.D.Ended != nil
	})
	return e.past
}

// fingerprint differs when the entries do: a key and its revision determine a value.
func fingerprint(entries []*entry) uint64 {
	h := fnv.New64a()
	for _, e := range entries {
		_, _ = io.WriteString(h, e.key)
		_, _ = h.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(e.rev)))
	}
	return h.Sum64()
}

// writeCopy replaces the copy on disk: after a crash there is the old one or the new one, whole.
func writeCopy(dir string, header copyHeader, entries []*entry) (err error) {
	tmp, err := os.CreateTemp(dir, "."+copyFile+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	header.Format, header.Records = copyFormat, len(entries)
	if err := errors.Join(encodeCopy(tmp, header, entries), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), filepath.Join(dir, copyFile)); err != nil {
		return err
	}
	return syncDir(dir)
}

func encodeCopy(w io.Writer, header copyHeader, entries []*entry) error {
	sum := sha256.New()
	buf := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(header); err != nil {
		return err
	}
	for _, e := range entries {
		if err := enc.Encode(newCopyRecord(e)); err != nil {
			return err
		}
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(copyTrailer{SHA256: hex.EncodeToString(sum.Sum(nil))})
}

func newCopyRecord(e *entry) copyRecord {
	rec := copyRecord{Key: e.key, Revision: e.rev}
	var compact bytes.Buffer
	if json.Compact(&compact, e.value) == nil && bytes.Equal(compact.Bytes(), e.value) {
		rec.Value = e.value
	} else {
		rec.Raw = e.value
	}
	return rec
}

// readCopy reads the copy on disk; without one it returns nil.
func readCopy(file string) (*diskCopy, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // no copy is no fault
	}
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n') + 1
	var trailer copyTrailer
	if err := json.Unmarshal(data[end:], &trailer); err != nil {
		return nil, fmt.Errorf("it has no end: %w", err)
	}
	if sum := sha256.Sum256(data[:end]); hex.EncodeToString(sum[:]) != trailer.SHA256 {
		return nil, errors.New("its checksum is wrong")
	}
	return decodeCopy(data[:end])
}

func decodeCopy(data []byte) (*diskCopy, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	c := &diskCopy{}
	if err := dec.Decode(&c.header); err != nil {
		return nil, err
	}
	if c.header.Format != copyFormat {
		return nil, fmt.Errorf("it has format %d, this gd2 knows %d", c.header.Format, copyFormat)
	}
	for dec.More() {
		var rec copyRecord
		if err := dec.Decode(&rec); err != nil {
			return nil, err
		}
		value := []byte(rec.Value)
		if rec.Value == nil {
			value = rec.Raw
		}
		c.entries = append(c.entries, &entry{key: rec.Key, value: value, rev: rec.Revision})
	}
	if len(c.entries) != c.header.Records {
		return nil, fmt.Errorf("it has %d records and should have %d", len(c.entries), c.header.Records)
	}
	return c, nil
}

// loadCopy fills the copy in memory from disk. One that is damaged or of another pool is left alone.
func (s *Store) loadCopy() {
	c, err := readCopy(filepath.Join(s.cfg.Dir, copyFile))
	log := s.log.WithField("file", copyFile)
	switch {
	case err != nil:
		log.WithError(err).Warn("the last known copy of the pool's records cannot be used: nothing is served before there is a quorum")
		return
	case c == nil:
		return
	case c.header.ClusterID != s.state.ClusterID:
		log.Warn("the last known copy of the pool's records is another pool's: it is not used")
		return
	}
	// Revision 0: whatever waits for a revision must wait for the store itself, this copy lacks the secrets.
	s.mem.replace(c.entries, 0)
	s.copied = fingerprint(c.entries)
	s.loadedOnce.Do(func() { close(s.loaded) })
	log.WithField("revision", c.header.Revision).Debugf("%d records as they were known at %s", len(c.entries), c.header.Written.Format(time.RFC3339))
}

// keepCopy writes the copy to disk some time after something has changed.
func (s *Store) keepCopy() {
	changed, stop := s.Subscribe(Root)
	defer stop()
	for pause := copyPause; ; {
		select {
		case <-s.ctx.Done():
			return
		case <-changed:
		}
		for failed := true; failed; {
			select {
			case <-s.ctx.Done():
				return // Close writes it
			case <-time.After(pause):
			}
			start := time.Now()
			s.mu.Lock()
			failed = s.saveCopy() != nil
			s.mu.Unlock()
			if pause = max(copyPause, copyShare*time.Since(start)); failed {
				pause = copyRetry
			}
		}
	}
}

// saveCopy writes the copy to disk if it differs from the one that is there. A failure is logged, and costs nothing but
// the freshness of that copy. The caller holds the mutex, so that the records are those of the pool that the state names.
func (s *Store) saveCopy() error {
	if s.cfg.Dir == "" || s.Stale() {
		return nil
	}
	entries, rev := s.mem.snapshot()
	entries = slices.DeleteFunc(entries, func(e *entry) bool { return !inCopy(e) })
	sum := fingerprint(entries)
	if sum == s.copied {
		return nil
	}
	err := writeCopy(s.cfg.Dir, copyHeader{ClusterID: s.state.ClusterID, Revision: rev, Written: time.Now().UTC()}, entries)
	if err != nil {
		s.log.WithError(err).Warn("the copy of the pool's records cannot be written to disk: after a restart without a quorum an older one would be served")
		return err
	}
	s.copied = sum
	return nil
}

// lockDir makes the directory and takes it for this process until the file is closed.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, api.Errorf(api.Internal, "the directory of the store cannot be made: %v", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, api.Errorf(api.Internal, "the directory of the store cannot be locked: %v", err)
	}
	if err := flock(lock); err != nil {
		return nil, errors.Join(api.Errorf(api.State, "the store in %s is in use by another process", dir), lock.Close())
	}
	return lock, nil
}

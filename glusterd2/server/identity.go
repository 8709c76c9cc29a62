package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/uuid"
	"github.com/spf13/viper"

	"gd2/glusterd2/config"
	"gd2/glusterd2/peer"
	"gd2/pkg/pki"
)

// Files of the identity, below localstatedir. uuid.toml has the name and the keys that glusterd2's tools read.
const (
	identityFile = "uuid.toml"
	selfFile     = "self.json"
)

// identity is who this peer is: an id for life, and what the pool knows of it.
type identity struct {
	dir string

	mu   sync.Mutex
	pool string
	self peer.Peer
	// detached is the pool that this peer was taken out of; empty if it was not.
	detached string
}

// selfState is the content of self.json.
type selfState struct {
	// Host is the address by which the pool has known this peer since it joined.
	Host     string `json:"host"`
	Detached string `json:"detached-from,omitempty"`
}

// openIdentity reads the identity, or makes one on the first start. What the configuration says of addresses holds
// until a pool has made them known otherwise.
func openIdentity(cfg *config.Config) (*identity, error) {
	id, err := readIdentity(cfg)
	if err != nil {
		return nil, err
	}
	return id, id.write()
}

// readIdentity is openIdentity without writing anything.
func readIdentity(cfg *config.Config) (*identity, error) {
	id := &identity{dir: cfg.LocalStateDir}
	file := filepath.Join(id.dir, identityFile)
	v := viper.New()
	v.SetConfigFile(file)
	if err := v.ReadInConfig(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	peerID := v.GetString("peer-id")
	id.pool = v.GetString("cluster-id")
	if peerID == "" {
		peerID = uuid.NewString()
	}
	if _, err := uuid.Parse(peerID); err != nil {
		return nil, fmt.Errorf("%s: peer-id %q is not a UUID", file, peerID)
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	id.self = peer.Peer{
		ID: peerID, Name: name, Host: cfg.AdvertiseAddress, PeerAddress: cfg.PeerEndpoint(), ClientAddress: cfg.ClientEndpoint(),
		StorePeerURLs: cfg.AdvertisePURLs(), StoreClientURLs: cfg.AdvertiseCURLs(),
	}
	return id, id.readSelf()
}

// become takes over the id of a peer whose host is gone. Nothing is written before SetPool.
func (i *identity) become(peerID string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.self.ID = peerID
}

// readSelf reads what the pool has made of this peer.
func (i *identity) readSelf() error {
	file := filepath.Join(i.dir, selfFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var known selfState
	if err := json.Unmarshal(data, &known); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if known.Host != "" {
		i.self = i.self.At(known.Host)
	}
	i.detached = known.Detached
	return nil
}

// Peer returns the record of this peer as it would enter a pool.
func (i *identity) Peer() peer.Peer {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.self
}

// PoolID returns the id of the pool that the peer is in.
func (i *identity) PoolID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.pool
}

// SetPool records the pool that the peer is in and the address by which it is known there.
func (i *identity) SetPool(poolID string, self peer.Peer) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.pool = poolID
	if self.Host != "" {
		i.self = i.self.At(self.Host)
	}
	return errors.Join(i.writeSelf(), i.write())
}

// Detached returns the pool that this peer was taken out of; empty if it was not.
func (i *identity) Detached() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.detached
}

// SetDetached records that this peer was taken out of the pool; an empty id says that it starts anew.
func (i *identity) SetDetached(poolID string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.detached = poolID
	return i.writeSelf()
}

func (i *identity) writeSelf() error {
	data, err := json.Marshal(selfState{Host: i.self.Host, Detached: i.detached})
	if err != nil {
		return err
	}
	return pki.WriteFile(filepath.Join(i.dir, selfFile), data, 0o600)
}

func (i *identity) write() error {
	text := fmt.Sprintf("# The identity of this peer. Never give two peers the same.\npeer-id = %q\ncluster-id = %q\n", i.self.ID, i.pool)
	return pki.WriteFile(filepath.Join(i.dir, identityFile), []byte(text), 0o644)
}

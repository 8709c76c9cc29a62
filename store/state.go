package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/pki"
)

// role is what this peer is in the store.
type role string

const (
	roleMember role = "member" // runs an embedded server
	roleClient role = "client" // uses the servers of others
)

// stateVersion is the form of store.json. A newer one is refused.
const stateVersion = 1

// state is the content of store.json: what the store must know to start again. It is written before what it describes
// is done, so that a crash in between is finished, not lost, by the next start.
type state struct {
	Version int `json:"version"`
	// Role says whether Member describes a server to be started.
	Role role `json:"role"`
	// ClusterID names the pool that the store belongs to. Until this peer has joined one, it is made up.
	ClusterID string `json:"cluster-id"`
	// Endpoints are the client URLs of the members, this peer's own among them if it is one.
	Endpoints []string     `json:"endpoints"`
	Member    *memberState `json:"member,omitempty"`
	// Members are all members as a quorum has named them last: for the words about those that are missing.
	Members []Member `json:"members,omitempty"`
	// Kept is the data directory of a member that was removed without this peer's doing. It stays, as old-member-N, until
	// there is another to keep.
	Kept string `json:"kept,omitempty"`
	// Aside are data directories that a recovery has replaced. They stay, as aside-member-N, for ever.
	Aside []string `json:"aside,omitempty"`
	// Cluster is the number of etcd's cluster that this peer has found last; 0 if none.
	Cluster uint64 `json:"cluster,omitempty"`
	// NextDir counts the data directories that were ever made, so that a new one never meets the rest of an old one.
	NextDir int `json:"next-dir"`
}

// memberState describes the embedded server.
type memberState struct {
	// Dir is the name of the data directory inside Config.Dir.
	Dir string `json:"dir"`
	// Existing is set when the server enters a cluster that has other members; it is false for one that founds its own.
	Existing bool `json:"existing"`
	// InitialCluster holds the peer URLs of all members by name, as they were when this one was made.
	InitialCluster map[string][]string `json:"initial-cluster"`
}

const (
	stateFile    = "store.json"
	memberPrefix = "member-"
)

// loadState reads store.json. Without one it returns nil.
func loadState(dir string) (*state, error) {
	file := filepath.Join(dir, stateFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, api.Errorf(api.Internal, "the state of the store cannot be read: %v", err)
	}
	st := &state{}
	if err := json.Unmarshal(data, st); err != nil {
		return nil, api.Errorf(api.Internal, "the state of the store in %s is damaged: %v", file, err)
	}
	if st.Version != stateVersion {
		return nil, api.Errorf(api.NotSupported, "%s has version %d, this gd2 knows %d: start the version that wrote it, or a newer one", file, st.Version, stateVersion)
	}
	if st.Role != roleMember && st.Role != roleClient || (st.Role == roleMember) != (st.Member != nil) {
		return nil, api.Errorf(api.Internal, "the state of the store in %s contradicts itself: role %q", file, st.Role)
	}
	return st, nil
}

// save replaces store.json: after a crash there is the old one or the new one, whole.
func (st *state) save(dir string) error {
	st.Version = stateVersion
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return api.Errorf(api.Internal, "the state of the store cannot be written: %v", err)
	}
	if err := pki.WriteFile(filepath.Join(dir, stateFile), append(data, '\n'), 0o600); err != nil {
		return api.Errorf(api.Internal, "the state of the store cannot be written: %v", err)
	}
	return nil
}

// strayDirs lists the data directories that store.json does not name: what is left of a removal that did not end, and
// what was kept before there was something newer to keep.
func (st *state) strayDirs(dir string) []string {
	items, err := os.ReadDir(dir)
	if err != nil {
		return nil // the next use of the directory tells
	}
	var stray []string
	for _, it := range items {
		name, kept := strings.CutPrefix(it.Name(), keptPrefix)
		inUse := !kept && st.Member != nil && st.Member.Dir == name || kept && name == st.Kept
		if strings.HasPrefix(name, memberPrefix) && !inUse {
			stray = append(stray, filepath.Join(dir, it.Name()))
		}
	}
	return stray
}

package peer

import (
	"slices"
	"strings"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// The kinds of this package's records. They are values and never change.
var (
	// Records holds the peers, by peer id.
	Records = store.NewKind[*Peer](store.PrefixPeers, 1)
	// Tokens holds the join tokens that have not been used, by token id.
	Tokens = store.NewKind[StoredToken](store.PrefixTokens, 1)
	// PoolRecord is the one record of the pool; its id is empty.
	PoolRecord = store.NewKind[Pool](store.PrefixPool, 1)
	// Revoked holds the certificates that are no longer good, by serial number; the value is the peer's id.
	Revoked = store.NewKind[string](store.PrefixRevoked, 1)
	// Secrets holds the pool's secrets, by name.
	Secrets = store.NewKind[[]byte](store.PrefixSecrets, 1)
)

// SecretREST is the name of the secret with which tokens for REST are signed.
const SecretREST = "rest-auth"

// Find returns the one peer that is called name: its id, its name or an address. Invalid names what is ambiguous.
func Find(r store.Reader, name string) (store.Record[*Peer], error) {
	if rec, ok, err := Records.Get(r, name); ok || err != nil {
		return rec, err
	}
	recs, err := Records.List(r)
	if err != nil {
		return store.Record[*Peer]{}, err
	}
	found := slices.DeleteFunc(recs, func(rec store.Record[*Peer]) bool { return !rec.Value.Is(name) })
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return store.Record[*Peer]{}, api.Errorf(api.NotFound, "peer %.80q is not in the pool", name).With("peer", name)
	}
	ids := make([]string, len(found))
	for i, f := range found {
		ids[i] = f.ID
	}
	return store.Record[*Peer]{}, api.FieldErrorf("peerid", "%q is the name of several peers: use one of the ids %s", name, strings.Join(ids, ", "))
}

// Successor returns the peer that is in the place of another; false if there is none.
func Successor(r store.Reader, id string) (store.Record[*Peer], bool, error) {
	recs, err := Records.List(r)
	i := slices.IndexFunc(recs, func(rec store.Record[*Peer]) bool {
		return !rec.Value.Replaced && slices.Contains(rec.Value.Replaces, id)
	})
	if i < 0 {
		return store.Record[*Peer]{}, false, err
	}
	return recs[i], true, err
}

// Online reports whether the daemon of a peer holds its lease, and its process id.
func Online(r store.Reader, id string) (alive transaction.Alive, ok bool) {
	rec, ok, err := transaction.AliveKind.Get(r, id)
	if err != nil {
		return transaction.Alive{}, false
	}
	return rec.Value, ok
}

// Hosts returns a function that gives the address of a peer by its id; of one that is gone it gives the id.
func Hosts(r store.Reader) func(peerID string) string {
	return func(id string) string {
		rec, ok, err := Records.Get(r, id)
		if err != nil || !ok {
			return id
		}
		return rec.Value.Host
	}
}

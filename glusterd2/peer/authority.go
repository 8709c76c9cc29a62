package peer

import (
	"bytes"

	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
)

// SealedKey is the private key of the pool's authority, sealed for one peer. Whoever has the store, a backup of it or the
// memory of a peer has nothing without the private key of that peer, which never leaves its host.
type SealedKey struct {
	// For is the public key for which it is sealed (PKIX, DER).
	For    []byte `json:"for"`
	Sealed []byte `json:"sealed"`
}

// AuthorityKeys holds the key of the authority, sealed for each peer that may have it, by peer id: those that have a copy
// of the store. The others ask one of them when something is to be signed.
var AuthorityKeys = store.NewKind[SealedKey](store.PrefixAuthority, 1)

// SealKey seals the authority's key of a pool for the owner of a public key.
func SealKey(poolID string, publicKey, key []byte) (SealedKey, error) {
	sealed, err := pki.Seal(publicKey, purpose(poolID), key)
	return SealedKey{For: publicKey, Sealed: sealed}, err
}

// Open opens the authority's key with the peer's own key, which is in dir. The error is of kind State.
func (s SealedKey) Open(poolID string, dir *pki.Dir) ([]byte, error) {
	key, err := dir.Unseal(purpose(poolID), s.Sealed)
	if err != nil {
		return nil, api.Errorf(api.State, "the key of the pool's authority cannot be opened on this host, whose own key is another than the one it was sealed for: %v", err)
	}
	return key, nil
}

func purpose(poolID string) string { return "gd2 authority of pool " + poolID }

// Handover is a change of who may have the authority's key: for whom it is to be sealed, and whose it is taken from.
type Handover struct {
	Seal []*Peer
	Drop []store.Record[SealedKey]
}

// Empty reports whether there is nothing to change.
func (h Handover) Empty() bool { return len(h.Seal)+len(h.Drop) == 0 }

// NextHandover says what to change so that the peers that have a copy of the store hold the key, and no others. In a pool
// whose store is an external etcd all peers hold it. Nothing is taken from anybody before all who should have it do.
func NextHandover(peers []store.Record[*Peer], holders []store.Record[SealedKey], members []store.Member) Handover {
	held := map[string]SealedKey{}
	for _, h := range holders {
		held[h.ID] = h.Value
	}
	var next Handover
	wanted := wantedHolders(peers, members)
	for _, p := range peers {
		if wanted[p.ID] && len(p.Value.PublicKey) > 0 && !bytes.Equal(held[p.ID].For, p.Value.PublicKey) {
			next.Seal = append(next.Seal, p.Value)
		}
	}
	if len(next.Seal) > 0 || len(wanted) == 0 {
		return next
	}
	for _, h := range holders {
		if !wanted[h.ID] {
			next.Drop = append(next.Drop, h)
		}
	}
	return next
}

func wantedHolders(peers []store.Record[*Peer], members []store.Member) map[string]bool {
	isMember := map[string]bool{}
	for _, m := range members {
		isMember[m.PeerID] = true
	}
	wanted, all := map[string]bool{}, map[string]bool{}
	for _, p := range peers {
		all[p.ID] = true
		if isMember[p.ID] {
			wanted[p.ID] = true
		}
	}
	if len(wanted) == 0 {
		return all
	}
	return wanted
}

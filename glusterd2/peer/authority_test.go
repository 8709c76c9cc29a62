package peer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
)

// The key of the authority goes to those that have a copy of the store, and away from others only when all have it.
func TestNextHandover(t *testing.T) {
	for _, c := range []struct {
		name                    string
		members, holders, peers string
		seal, drop              string
	}{
		{"alone", "a", "a", "a", "", ""},
		{"a learner has come", "a b", "a", "a b", "b", ""},
		{"three voters", "a b c", "a b", "a b c d", "c", ""},
		{"a vote has moved", "a b d", "a b c", "a b c d", "d", ""},
		{"and the new one has it", "a b d", "a b c d", "a b c d", "", "c"},
		{"a peer was detached", "a b", "a b c", "a b", "", "c"},
		{"a member that has not started", "a ", "a", "a b", "", ""},
		{"the key of a peer has changed", "a b", "a b*", "a b", "b", ""},
		{"a peer without a key of its own", "a z", "a", "a z", "", ""},
		{"a foreign etcd", "etcd1 etcd2", "a", "a b", "b", ""},
		{"nobody", "", "", "", "", ""},
	} {
		var peers []store.Record[*Peer]
		for _, id := range strings.Fields(c.peers) {
			p := &Peer{ID: id, PublicKey: []byte("key of " + id)}
			if id == "z" {
				p.PublicKey = nil
			}
			peers = append(peers, store.Record[*Peer]{ID: id, Value: p})
		}
		var holders []store.Record[SealedKey]
		for _, id := range strings.Fields(c.holders) {
			id, other := strings.CutSuffix(id, "*")
			key := "key of " + id
			if other {
				key = "another"
			}
			holders = append(holders, store.Record[SealedKey]{ID: id, Value: SealedKey{For: []byte(key)}})
		}
		var members []store.Member
		for id := range strings.SplitSeq(c.members, " ") {
			members = append(members, store.Member{PeerID: id})
		}
		next := NextHandover(peers, holders, members)
		var seal, drop []string
		for _, p := range next.Seal {
			seal = append(seal, p.ID)
		}
		for _, h := range next.Drop {
			drop = append(drop, h.ID)
		}
		if fmt.Sprint(seal) != fmt.Sprint(strings.Fields(c.seal)) || !slices.Equal(drop, strings.Fields(c.drop)) {
			t.Errorf("%s: seal %v, want %q; drop %v, want %q", c.name, seal, c.seal, drop, c.drop)
		}
	}
}

func TestSealedKey(t *testing.T) {
	dir, err := pki.OpenDir(filepath.Join(t.TempDir(), "tls"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := dir.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := SealKey("pool", public, []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	if key, err := sealed.Open("pool", dir); err != nil || string(key) != "key" {
		t.Errorf("%q, %v", key, err)
	}
	if key, err := sealed.Open("another", dir); !api.IsKind(err, api.State) {
		t.Errorf("for another pool: %q, %v", key, err)
	}
}

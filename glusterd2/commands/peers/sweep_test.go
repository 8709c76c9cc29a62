package peers

import (
	"fmt"
	"testing"
	"time"

	"gd2/glusterd2/peer"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// Every operation on peers, proved by the harness.
func TestSweep(t *testing.T) {
	cfg := transactiontest.Config{Registry: func(string) *transaction.Registry {
		r := transaction.NewRegistry()
		Register(r)
		return r
	}}
	transactiontest.Sweep(t, cfg, map[string]transactiontest.Case{
		"peer.add@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s := subject{t, pool.Store("p1"), fmt.Sprintf("peer-%d", n)}
			token := s.token("t")
			return s.of(transaction.Plan[addParams]{
				Params: addParams{Peer: s.peer(), Token: token.ID, TokenRev: token.Revision}, Locks: []string{"peer/" + s.id},
			}.Erase())
		},
		"peer.edit@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s := subject{t, pool.Store("p1"), fmt.Sprintf("peer-%d", n)}
			rec := s.add()
			edited := *rec.Value
			edited.Metadata = map[string]string{"k": "v"}
			return s.of(transaction.Plan[editParams]{Params: editParams{Peer: edited, Revision: rec.Revision}, Locks: []string{"peer/" + s.id}}.Erase())
		},
		"peer.remove@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s := subject{t, pool.Store("p1"), fmt.Sprintf("peer-%d", n)}
			rec := s.add()
			return s.of(transaction.Plan[removeParams]{
				Params: removeParams{Peer: *rec.Value, Revision: rec.Revision, Revoke: []string{s.id + "-cert"}}, Locks: []string{"peer/" + s.id},
			}.Erase())
		},
		"peer.retire@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s := subject{t, pool.Store("p1"), fmt.Sprintf("peer-%d", n)}
			rec := s.add()
			retired := (&Commands{Config: Config{Store: s.store}}).retired(*rec.Value)
			return s.of(transaction.Plan[removeParams]{
				Params: removeParams{Peer: retired, Revision: rec.Revision, Revoke: []string{s.id + "-cert"}}, Locks: []string{"peer/" + s.id},
			}.Erase())
		},
		"peer.token@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s := subject{t, pool.Store("p1"), fmt.Sprintf("peer-%d", n)}
			old := s.token("old")
			return s.of(transaction.Plan[tokenParams]{
				Params: tokenParams{ID: s.id + "-t", Stored: peer.StoredToken{Hash: "h"}, Expired: map[string]int64{old.ID: old.Revision}},
			}.Erase())
		},
		"peer.seal@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s := subject{t, pool.Store("p1"), fmt.Sprintf("peer-%d", n)}
			old := s.holder("old")
			return s.of(transaction.Plan[sealParams]{
				Params: sealParams{Seal: []sealed{{Peer: s.id, Key: peer.SealedKey{Sealed: []byte("s")}}}, Drop: map[string]int64{old.ID: old.Revision}},
				Locks:  []string{"authority"},
			}.Erase())
		},
		"peer.renew@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s := subject{t, pool.Store("p1"), fmt.Sprintf("peer-%d", n)}
			rec := s.add()
			renewed := *rec.Value
			renewed.Certificate = "new"
			return s.of(transaction.Plan[renewParams]{Params: renewParams{Peer: renewed, Revision: rec.Revision}, Locks: []string{"peer/" + s.id}}.Erase())
		},
	})
}

// subject is a peer that an operation works on.
type subject struct {
	t     testing.TB
	store *store.Store
	id    string
}

func (s subject) peer() peer.Peer {
	p := testPeer(2, s.id)
	p.Certificate = s.id + "-cert"
	return p
}

func (s subject) add() store.Record[*peer.Peer] {
	s.t.Helper()
	p := s.peer()
	write(s.t, s.store, func() []store.Write { return []store.Write{peer.Records.Create(s.id, &p)} })
	rec, _, err := peer.Records.Get(s.store, s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

func (s subject) token(name string) store.Record[peer.StoredToken] {
	s.t.Helper()
	id := s.id + "-" + name
	write(s.t, s.store, func() []store.Write {
		return []store.Write{peer.Tokens.Create(id, peer.StoredToken{Hash: "h", ExpiresAt: time.Now()})}
	})
	rec, _, err := peer.Tokens.Get(s.store, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

func (s subject) holder(name string) store.Record[peer.SealedKey] {
	s.t.Helper()
	id := s.id + "-" + name
	write(s.t, s.store, func() []store.Write { return []store.Write{peer.AuthorityKeys.Create(id, peer.SealedKey{})} })
	rec, _, err := peer.AuthorityKeys.Get(s.store, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

// of makes the subject of a plan: its world is the records of the peer and its tokens.
func (s subject) of(plan transaction.Plan[any]) transactiontest.Subject {
	return transactiontest.Subject{Plan: plan, World: func() string {
		rec, there, err := peer.Records.Get(s.store, s.id)
		text := fmt.Sprint("peer ", there, err)
		if there {
			text += fmt.Sprint(" ", rec.Value.Metadata, rec.Value.Certificate == s.id+"-cert", rec.Value.Replaced)
		}
		for _, name := range []string{"t", "old"} {
			_, there, err := peer.Tokens.Get(s.store, s.id+"-"+name)
			text += fmt.Sprint("; token ", name, " ", there, err)
		}
		for _, id := range []string{s.id, s.id + "-old"} {
			_, there, err := peer.AuthorityKeys.Get(s.store, id)
			text += fmt.Sprint("; key of ", id == s.id, " ", there, err)
		}
		_, revoked, err := peer.Revoked.Get(s.store, s.id+"-cert")
		return text + fmt.Sprint("; revoked ", revoked, err)
	}}
}

package peers

import (
	"context"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

type sealParams struct {
	// Seal are the sealed keys to write, with the revision of the one that is replaced; 0 if there is none.
	Seal []sealed `json:"seal"`
	// Drop are those to remove, with their revision.
	Drop map[string]int64 `json:"drop,omitempty"`
}

type sealed struct {
	Peer     string         `json:"peer"`
	Key      peer.SealedKey `json:"key"`
	Revision int64          `json:"revision"`
}

func sealOperation() transaction.Operation[sealParams, peer.Empty] {
	return transaction.Operation[sealParams, peer.Empty]{
		Name: "peer.seal", Version: 1,
		Commit: func(p sealParams, _ transaction.Outputs) ([]store.Write, []store.Guard, peer.Empty, error) {
			var writes []store.Write
			for _, s := range p.Seal {
				write := peer.AuthorityKeys.Create(s.Peer, s.Key)
				if s.Revision > 0 {
					write = peer.AuthorityKeys.Update(s.Peer, s.Key, s.Revision)
				}
				writes = append(writes, write)
			}
			for id, rev := range p.Drop {
				writes = append(writes, peer.AuthorityKeys.Delete(id, rev))
			}
			return writes, nil, peer.Empty{}, nil
		},
	}
}

// ShareAuthority hands the key of the pool's authority to the peers that have a copy of the store, if this peer has it, and
// takes it from others. Every peer may call it whenever it has seen the members of the store; of several the first does it.
func (c *Commands) ShareAuthority(ctx context.Context, members []store.Member) error {
	if _, own, err := c.ownKey(); err != nil || !own {
		return err
	}
	recs, err := peer.Records.List(c.Store)
	if err != nil {
		return err
	}
	holders, err := peer.AuthorityKeys.List(c.Store)
	if err != nil {
		return err
	}
	next := peer.NextHandover(recs, holders, members)
	if next.Empty() {
		return nil
	}
	params, err := c.sealFor(next)
	if err != nil {
		return err
	}
	_, err = c.Ops.seal.Run(ctx, c.Engine, transaction.Plan[sealParams]{Params: params, Locks: []string{"authority"}})
	if api.IsKind(err, api.Conflict) {
		return nil // somebody else was faster, or the next look finds what is left
	}
	return err
}

func (c *Commands) sealFor(next peer.Handover) (sealParams, error) {
	p := sealParams{Drop: map[string]int64{}}
	for _, h := range next.Drop {
		p.Drop[h.ID] = h.Revision
	}
	if len(next.Seal) == 0 {
		return p, nil
	}
	pool, key, err := c.openKey()
	if err != nil {
		return p, err
	}
	for _, to := range next.Seal {
		old, _, err := peer.AuthorityKeys.Get(c.Store, to.ID)
		if err != nil {
			return p, err
		}
		s, err := peer.SealKey(pool.ID, to.PublicKey, key)
		if err != nil {
			return p, err
		}
		p.Seal = append(p.Seal, sealed{Peer: to.ID, Key: s, Revision: old.Revision})
	}
	return p, nil
}

// ownKey returns the authority's key as it is sealed for this peer, and whether it is.
func (c *Commands) ownKey() (peer.SealedKey, bool, error) {
	rec, ok, err := peer.AuthorityKeys.Get(c.Store, c.Identity.Peer().ID)
	return rec.Value, ok, err
}

// openKey opens the key of the authority. It is not kept: it is in memory only while something is signed or sealed.
func (c *Commands) openKey() (peer.Pool, []byte, error) {
	pool, ok, err := peer.PoolRecord.Get(c.Store, "")
	if err != nil || !ok {
		return peer.Pool{}, nil, api.Errorf(api.Unavailable, "the record of the pool is not there yet")
	}
	own, ok, err := c.ownKey()
	if err != nil || !ok {
		return peer.Pool{}, nil, api.Errorf(api.Unavailable, "this peer does not hold the key of the pool's authority")
	}
	key, err := own.Open(pool.Value.ID, c.TLS)
	return pool.Value, key, err
}

func (c *Commands) authority() (peer.Pool, *pki.Authority, error) {
	pool, key, err := c.openKey()
	if err != nil {
		return peer.Pool{}, nil, err
	}
	authority, err := pki.ParseAuthority(pool.Authority, key)
	if err != nil {
		return peer.Pool{}, nil, err
	}
	authority.Lifetime = c.Lifetime
	return pool, authority, nil
}

// signing has something done that needs the key of the authority: here, if this peer holds it, or else on one of those that
// do, until one answers.
func signing[T any](c *Commands, here func() (T, error), there func(holder string) (T, error)) (T, error) {
	var none T
	_, own, err := c.ownKey()
	if err != nil || own {
		if err != nil {
			return none, err
		}
		return here()
	}
	holders, err := peer.AuthorityKeys.List(c.Store)
	if err != nil {
		return none, err
	}
	err = api.Errorf(api.Unavailable, "no peer that holds the key of the pool's authority is at work: nobody can be let in, and no certificate be renewed, before one is back")
	for _, h := range holders {
		if _, online := peer.Online(c.Store, h.ID); !online {
			continue
		}
		var out T
		if out, err = there(h.ID); !api.IsKind(err, api.Unavailable, api.Timeout) {
			return out, err
		}
	}
	return none, err
}

package peers

import (
	"context"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// retireOperation takes the name, the address and the certificates from a peer whose host is gone for good. Its bricks stay on record
// until others have taken their places.
func retireOperation() transaction.Operation[removeParams, peer.Empty] {
	return transaction.Operation[removeParams, peer.Empty]{
		Name: "peer.retire", Version: 1,
		Commit: func(p removeParams, _ transaction.Outputs) ([]store.Write, []store.Guard, peer.Empty, error) {
			writes := []store.Write{peer.Records.Update(p.Peer.ID, &p.Peer, p.Revision)}
			return append(writes, p.revocations()...), nil, peer.Empty{}, nil
		},
	}
}

// goneSuffix is what the name of a peer ends with whose place another has taken.
const goneSuffix = "-gone"

// retired is the record of a peer whose place another takes. It is called by its new name only, and nobody is to reach it. Volfiles keep
// its host: clients ask there for its bricks, in vain, and need not look for a name that nobody knows.
func (c *Commands) retired(p peer.Peer) peer.Peer {
	const longest = 200 // of a host name, with what is added
	name := p.Name[:min(len(p.Name), longest)] + goneSuffix
	if _, err := peer.Find(c.Store, name); err == nil || peer.ValidateHost(name) != nil {
		name = p.ID + goneSuffix
	}
	out := p.At(name)
	out.Name, out.Host, out.Replaced, out.NoBricks = name, p.Host, true, true
	return out
}

// replaceable finds the peer whose place a new one is to take: it must be away, and the pool must do without it.
func (c *Commands) replaceable(ctx context.Context, name string) (store.Record[*peer.Peer], error) {
	rec, err := peer.Find(c.Store, name)
	if err != nil {
		return rec, err
	}
	if _, online := peer.Online(c.Store, rec.ID); online || rec.ID == c.Identity.Peer().ID {
		return rec, api.FieldErrorf("replaces", "peer %s is at work: only one whose host is gone for good is replaced like this; take this one out with peer evacuate and peer detach", rec.Value.Name)
	}
	return rec, c.keepsQuorum(ctx, rec)
}

// retire makes place for a new peer: the old one gives up its name and address, its certificates, and its vote. It is safe at any point
// of an earlier attempt.
func (c *Commands) retire(ctx context.Context, id string) (store.Record[*peer.Peer], error) {
	rec, err := c.replaceable(ctx, id)
	if err != nil {
		return rec, err
	}
	if !rec.Value.Replaced {
		revoke, err := c.toRevoke(rec.Value)
		if err != nil {
			return rec, err
		}
		_, err = c.Ops.retire.Run(ctx, c.Engine, transaction.Plan[removeParams]{
			Params: removeParams{Peer: c.retired(*rec.Value), Revision: rec.Revision, Revoke: revoke}, Locks: []string{"peer/" + rec.ID},
		})
		if err != nil {
			return rec, err
		}
		c.Log.Infof("peer %s (%s) is gone for good: another takes its place", rec.Value.Name, rec.ID)
	}
	return rec, c.dropMember(ctx, rec.ID)
}

// inherit gives a request the zone and the metadata of the peer that is replaced, where it names none.
func inherit(req api.PeerAddReq, old *peer.Peer) api.PeerAddReq {
	metadata := map[string]string{}
	for k, v := range old.Metadata {
		if k != api.ZoneKey {
			metadata[k] = v
		}
	}
	for k, v := range req.Metadata {
		metadata[k] = v
	}
	if req.Metadata = metadata; req.Zone == "" {
		req.Zone = old.Metadata[api.ZoneKey]
	}
	return req
}

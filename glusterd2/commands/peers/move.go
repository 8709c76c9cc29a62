package peers

import (
	"context"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
)

// knockTimeout bounds the question whether a peer answers at its new address.
const knockTimeout = 5 * time.Second

// moved is the record of a peer at another host. A peer that is at work must answer there, or the change would cut it
// off; of one that is not the operator's word is taken.
func (c *Commands) moved(ctx context.Context, p peer.Peer, host string) (peer.Peer, error) {
	p = p.At(host)
	recs, err := peer.Records.List(c.Store)
	if err != nil {
		return p, err
	}
	for _, rec := range recs {
		if rec.ID != p.ID && rec.Value.PeerAddress == p.PeerAddress {
			return p, api.Errorf(api.Exists, "peer %s (%s) has the address %s", rec.Value.Name, rec.ID, p.PeerAddress)
		}
	}
	if _, online := peer.Online(c.Store, p.ID); !online && p.ID != c.Identity.Peer().ID {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	if err := c.Network.Knock(ctx, &p); err != nil {
		return p, api.Errorf(api.Unavailable, "peer %s is at work but does not answer at %s, so its address was not changed: %v", p.Name, p.PeerAddress, err).
			With(api.FieldField, "address")
	}
	return p, nil
}

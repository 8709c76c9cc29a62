package peers

import (
	"context"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

type tokenParams struct {
	ID     string           `json:"id"`
	Stored peer.StoredToken `json:"stored"`
	// Expired are tokens that nobody used in time.
	Expired map[string]int64 `json:"expired,omitempty"`
}

func tokenOperation() transaction.Operation[tokenParams, peer.Empty] {
	return transaction.Operation[tokenParams, peer.Empty]{
		Name: "peer.token", Version: 1,
		Commit: func(p tokenParams, _ transaction.Outputs) ([]store.Write, []store.Guard, peer.Empty, error) {
			writes := []store.Write{peer.Tokens.Create(p.ID, p.Stored)}
			for id, rev := range p.Expired {
				writes = append(writes, peer.Tokens.Delete(id, rev))
			}
			return writes, nil, peer.Empty{}, nil
		},
	}
}

// maxTokens bounds the join tokens that wait to be used, so that a script cannot fill the store.
const maxTokens = 1000

// maxCleared bounds the expired tokens that go when a new one is made: an external etcd takes 128 changes at once.
const maxCleared = 50

// Token makes a join token. Its text is in the answer and nowhere else.
func (c *Commands) Token(ctx context.Context, req api.PeerTokenReq) (api.PeerToken, error) {
	if most := int(peer.MaxTokenTTL.Seconds()); req.TTLSeconds < 0 || req.TTLSeconds > most {
		return api.PeerToken{}, api.FieldErrorf("ttl-seconds", "ttl-seconds %d: use 1 to %d", req.TTLSeconds, most)
	}
	ttl := time.Duration(req.TTLSeconds) * time.Second
	if ttl == 0 {
		ttl = peer.DefaultTokenTTL
	}
	if err := c.Store.Sync(ctx); err != nil {
		return api.PeerToken{}, err
	}
	token, expires, err := c.newToken(ctx, ttl)
	if err != nil {
		return api.PeerToken{}, err
	}
	return api.PeerToken{Token: token.String(), ExpiresAt: expires.UTC().Format(time.RFC3339)}, nil
}

func (c *Commands) newToken(ctx context.Context, ttl time.Duration) (peer.Token, time.Time, error) {
	authority, err := c.TLS.Authority()
	if err != nil {
		return peer.Token{}, time.Time{}, err
	}
	addresses, err := c.addresses()
	if err != nil {
		return peer.Token{}, time.Time{}, err
	}
	token, err := peer.NewToken(pki.Fingerprint(authority), addresses)
	if err != nil {
		return peer.Token{}, time.Time{}, err
	}
	expires := time.Now().Add(ttl)
	expired, err := c.expired(time.Now())
	if err != nil {
		return peer.Token{}, time.Time{}, err
	}
	params := tokenParams{ID: token.ID, Stored: token.Stored(expires), Expired: expired}
	_, err = c.Ops.token.Run(ctx, c.Engine, transaction.Plan[tokenParams]{Params: params})
	if api.IsKind(err, api.Conflict) && len(expired) > 0 {
		// Another request has cleared the expired tokens away at the same moment.
		params.Expired = nil
		_, err = c.Ops.token.Run(ctx, c.Engine, transaction.Plan[tokenParams]{Params: params})
	}
	return token, expires, err
}

// expired returns tokens that nobody used in time, not more than one write can clear away. It refuses to let another
// token join too many that are still good.
func (c *Commands) expired(now time.Time) (map[string]int64, error) {
	tokens, err := peer.Tokens.List(c.Store)
	if err != nil {
		return nil, err
	}
	good, out := 0, map[string]int64{}
	for _, t := range tokens {
		switch {
		case !now.After(t.Value.ExpiresAt):
			good++
		case len(out) < maxCleared:
			out[t.ID] = t.Revision
		}
	}
	if good >= maxTokens {
		return nil, api.Errorf(api.TooMany, "%d join tokens wait to be used: let some expire", maxTokens)
	}
	return out, nil
}

// addresses lists the peer RPC addresses of members, this peer's first.
func (c *Commands) addresses() ([]string, error) {
	const enough = 5
	out := []string{c.Identity.Peer().PeerAddress}
	recs, err := peer.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		if _, ok := peer.Online(c.Store, rec.ID); ok && rec.Value.PeerAddress != out[0] && len(out) < enough {
			out = append(out, rec.Value.PeerAddress)
		}
	}
	return out, nil
}

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

// Token makes a join token. Its text is in the answer and nowhere else.
func (c *Commands) Token(ctx context.Context, req api.PeerTokenReq) (api.PeerToken, error) {
	ttl := time.Duration(req.TTLSeconds) * time.Second
	if ttl == 0 {
		ttl = peer.DefaultTokenTTL
	}
	if req.TTLSeconds < 0 || ttl > peer.MaxTokenTTL {
		return api.PeerToken{}, api.FieldErrorf("ttl-seconds", "ttl-seconds %d: use 1 to %d", req.TTLSeconds, int(peer.MaxTokenTTL.Seconds()))
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
	params := tokenParams{ID: token.ID, Stored: token.Stored(expires), Expired: map[string]int64{}}
	tokens, err := peer.Tokens.List(c.Store)
	if err != nil {
		return peer.Token{}, time.Time{}, err
	}
	for _, t := range tokens {
		if time.Now().After(t.Value.ExpiresAt) {
			params.Expired[t.ID] = t.Revision
		}
	}
	if len(tokens)-len(params.Expired) >= maxTokens {
		return peer.Token{}, time.Time{}, api.Errorf(api.TooMany, "%d join tokens wait to be used: let some expire", maxTokens)
	}
	_, err = c.Ops.token.Run(ctx, c.Engine, transaction.Plan[tokenParams]{Params: params})
	return token, expires, err
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

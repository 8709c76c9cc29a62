package client

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

func peerPath(more ...string) []string { return append([]string{"v1", "peers"}, more...) }

// Peers lists the peers of the pool that pass the filter, the one that answers included.
func (c *Client) Peers(ctx context.Context, f Filter) ([]api.Peer, error) {
	return ask[[]api.Peer](ctx, c, request{method: http.MethodGet, path: peerPath(), query: f.query()})
}

// Peer returns one peer by its id. Errors: NotFound.
func (c *Client) Peer(ctx context.Context, id string) (api.Peer, error) {
	return ask[api.Peer](ctx, c, request{method: http.MethodGet, path: peerPath(id)})
}

// PeerAdd brings a peer into the pool. Errors: Invalid, Exists, Conflict, Denied, Unavailable.
func (c *Client) PeerAdd(ctx context.Context, req api.PeerAddReq) (api.Peer, error) {
	return ask[api.Peer](ctx, c, request{method: http.MethodPost, path: peerPath(), body: req})
}

// PeerEdit changes the zone, the metadata or the address of a peer. Errors: NotFound, Invalid.
func (c *Client) PeerEdit(ctx context.Context, id string, req api.PeerEditReq) (api.Peer, error) {
	return ask[api.Peer](ctx, c, request{method: http.MethodPost, path: peerPath(id), body: req, result: peerPath(id)})
}

// PeerRemove takes a peer out of the pool; force does so although the peer cannot be reached.
// Errors: NotFound, Forbidden when it holds bricks, Unavailable.
func (c *Client) PeerRemove(ctx context.Context, id string, force bool) error {
	q := url.Values{}
	if force {
		q.Set("force", "true")
	}
	return c.call(ctx, request{method: http.MethodDelete, path: peerPath(id), query: q}, nil)
}

// PeerToken makes a join token, good for one peer and once. Errors: Invalid.
func (c *Client) PeerToken(ctx context.Context, req api.PeerTokenReq) (api.PeerToken, error) {
	return ask[api.PeerToken](ctx, c, request{method: http.MethodPost, path: peerPath("token"), body: req, once: true})
}

// Join makes the peer that gets the request join the pool that issued the token. Only root on that peer may ask.
// Errors: Denied, Invalid, State when it is in another pool already.
func (c *Client) Join(ctx context.Context, req api.PeerJoinReq) (api.Peer, error) {
	return ask[api.Peer](ctx, c, request{method: http.MethodPost, path: []string{"v1", "join"}, body: req, once: true})
}

// Reset makes the peer that gets the request forget its pool, so that it can join another. Only root on that peer may ask.
// Errors: State when it was not detached and is not forced, or when it holds bricks of started volumes.
func (c *Client) Reset(ctx context.Context, req api.PeerResetReq) (api.Peer, error) {
	return ask[api.Peer](ctx, c, request{method: http.MethodPost, path: []string{"v1", "reset"}, body: req, once: true})
}

package rest

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

func (a *API) peerRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/peers", Name: "GetPeers", Access: Read, Query: metadataFilter(),
			Description: "Lists the peers of the pool."}, a.peerList),
		located(func(p api.Peer) string { return "/v1/peers/" + url.PathEscape(p.ID) }, serve(Route{Method: http.MethodPost, Path: "/v1/peers",
			Name: "AddPeer", Whole: true, Plans: true, Access: Admin, Status: http.StatusCreated, Requires: []string{"addresses"},
			Description: "Brings a peer that has the same pool secret into the pool."}, a.peerAdd)),
		serve(Route{Method: http.MethodPost, Path: "/v1/peers/token", Name: "PeerToken", Fresh: true, Plans: true, Access: Admin,
			Description: "Makes a token with which one new peer can join the pool."}, a.peerToken),
		serve(Route{Method: http.MethodGet, Path: "/v1/peers/{peerid}", Name: "GetPeer", Conditional: true, Access: Read,
			Description: "Shows a peer."}, a.peerGet),
		serve(Route{Method: http.MethodPost, Path: "/v1/peers/{peerid}", Name: "EditPeer", Conditional: true, Plans: true, Access: Admin,
			Description: "Changes the zone, the metadata or the address of a peer."}, a.peerEdit),
		serve(Route{Method: http.MethodDelete, Path: "/v1/peers/{peerid}", Name: "DeletePeer", Conditional: true, Whole: true, Plans: true, Access: Admin, Status: http.StatusNoContent,
			Query:       []Param{{Name: "force", Description: "take out a peer that cannot be reached", Bare: true}},
			Description: "Takes a peer that holds no bricks out of the pool."}, a.peerDelete),
		serve(Route{Method: http.MethodPost, Path: "/v1/join", Name: "JoinPool", Plans: true, Access: LocalRoot, Requires: []string{"token"},
			Description: "Brings this peer into the pool that issued the token."}, a.join),
		serve(Route{Method: http.MethodPost, Path: "/v1/reset", Name: "ResetPeer", Plans: true, Local: true, Access: LocalRoot,
			Description: "Makes this peer, which was detached or has lost its pool, forget it, so that it can join another."}, a.reset),
	}
}

func (a *API) peerList(ctx context.Context, r *Request, _ None) ([]api.Peer, error) {
	list, err := a.cfg.Peers.List(ctx, r.Query.Get("key"), r.Query.Get("value"))
	if err != nil {
		return nil, err
	}
	return selected(r, list, func(p api.Peer) map[string]string { return p.Metadata })
}

func (a *API) peerGet(ctx context.Context, r *Request, _ None) (api.Peer, error) {
	return a.cfg.Peers.Get(ctx, r.Vars["peerid"])
}

func (a *API) peerAdd(ctx context.Context, r *Request, req api.PeerAddReq) (api.Peer, error) {
	p, err := a.cfg.Peers.Add(ctx, req)
	if err == nil {
		r.Location("peers", p.ID)
	}
	return p, err
}

func (a *API) peerEdit(ctx context.Context, r *Request, req api.PeerEditReq) (api.Peer, error) {
	return a.cfg.Peers.Edit(ctx, r.Vars["peerid"], req)
}

func (a *API) peerDelete(ctx context.Context, r *Request, _ None) (None, error) {
	return None{}, a.cfg.Peers.Delete(ctx, r.Vars["peerid"], r.Flag("force"))
}

func (a *API) peerToken(ctx context.Context, _ *Request, req api.PeerTokenReq) (api.PeerToken, error) {
	return a.cfg.Peers.Token(ctx, req)
}

func (a *API) join(ctx context.Context, _ *Request, req api.PeerJoinReq) (api.Peer, error) {
	return a.cfg.Peers.Join(ctx, req)
}

func (a *API) reset(ctx context.Context, _ *Request, req api.PeerResetReq) (api.Peer, error) {
	return a.cfg.Peers.Reset(ctx, req)
}

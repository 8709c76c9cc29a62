package client

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

func devicePath(more ...string) []string { return append([]string{"v1", "devices"}, more...) }

// Devices lists the devices of a peer, given by its id, or of all peers if it is empty. Errors: NotFound.
func (c *Client) Devices(ctx context.Context, peerID string) ([]api.Device, error) {
	path := devicePath()
	if peerID != "" {
		path = devicePath(peerID)
	}
	return ask[[]api.Device](ctx, c, request{method: http.MethodGet, path: path})
}

// Device returns one device of a peer by its id. Errors: NotFound.
func (c *Client) Device(ctx context.Context, peerID, id string) (api.Device, error) {
	return ask[api.Device](ctx, c, request{method: http.MethodGet, path: devicePath(peerID, id)})
}

// DeviceAdd takes a device of a peer into use. Errors: NotFound, Invalid, Exists, State when it holds something.
func (c *Client) DeviceAdd(ctx context.Context, peerID string, req api.DeviceAddReq) (api.Device, error) {
	return ask[api.Device](ctx, c, request{method: http.MethodPost, path: devicePath(peerID), body: req})
}

// DeviceEdit changes the state or the tags of a device, or measures it again. Errors: NotFound, Invalid.
func (c *Client) DeviceEdit(ctx context.Context, peerID, id string, req api.DeviceEditReq) (api.Device, error) {
	return ask[api.Device](ctx, c, request{method: http.MethodPost, path: devicePath(peerID, id), body: req, result: devicePath(peerID, id)})
}

// DeviceEvacuate has all bricks of a device moved to others. Errors: NotFound, Invalid, State, Unavailable.
func (c *Client) DeviceEvacuate(ctx context.Context, peerID, id string, req api.EvacuateReq) (api.Device, error) {
	return ask[api.Device](ctx, c, request{method: http.MethodPost, path: devicePath(peerID, id, "evacuate"), body: req, result: devicePath(peerID, id)})
}

// DeviceReplace has a new device take the place of one, and returns it. Errors: as DeviceAdd and DeviceEvacuate.
func (c *Client) DeviceReplace(ctx context.Context, peerID, id string, req api.DeviceReplaceReq) (api.Device, error) {
	return ask[api.Device](ctx, c, request{method: http.MethodPost, path: devicePath(peerID, id, "replace"), body: req})
}

// PeerEvacuate has all bricks of all devices of a peer moved to others. Errors: as DeviceEvacuate.
func (c *Client) PeerEvacuate(ctx context.Context, peerID string, req api.EvacuateReq) ([]api.Device, error) {
	return ask[[]api.Device](ctx, c, request{method: http.MethodPost, path: []string{"v1", "peers", peerID, "evacuate"}, body: req, result: devicePath(peerID)})
}

// DeviceRemove gives up a device; force does so without touching it. Errors: NotFound, State when it holds bricks.
func (c *Client) DeviceRemove(ctx context.Context, peerID, id string, force bool) error {
	q := url.Values{}
	if force {
		q.Set("force", "true")
	}
	return c.call(ctx, request{method: http.MethodDelete, path: devicePath(peerID, id), query: q}, nil)
}

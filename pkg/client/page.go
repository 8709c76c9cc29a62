package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// Filter narrows a list: to what has a metadata key, or a metadata value, or both, to what a selector picks, and to a page.
// The zero Filter keeps everything.
type Filter struct {
	Key, Value string
	// Selector is terms that the metadata must fit: key=value, key!=value, key, !key, separated by commas.
	Selector string
	// Limit is the most that are wanted, Cursor the Next of the page before.
	Limit  int
	Cursor string
}

func (f Filter) query() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{"key": f.Key, "value": f.Value, "selector": f.Selector, "cursor": f.Cursor} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

// Page is a part of a list. Next is the cursor of the part after it, empty at the end.
type Page[T any] struct {
	Items []T
	Next  string
}

// Object is a thing of which only some fields were asked for, by their JSON names.
type Object map[string]json.RawMessage

// pageOf asks for a part of a list, with all fields or some.
func pageOf[T any](ctx context.Context, c *Client, path []string, f Filter, fields ...string) (Page[T], error) {
	r := request{method: http.MethodGet, path: path, query: f.query()}
	if len(fields) > 0 {
		r.query.Set("fields", strings.Join(fields, ","))
	}
	var p Page[T]
	r.next = &p.Next
	err := c.call(ctx, r, &p.Items)
	return p, err
}

// VolumePage lists a part of the volumes that pass the filter, by name. Errors: Invalid.
func (c *Client) VolumePage(ctx context.Context, f Filter) (Page[api.VolumeInfo], error) {
	return pageOf[api.VolumeInfo](ctx, c, []string{"v1", "volumes"}, f)
}

// VolumeFields lists the volumes that pass the filter with some fields only, such as name or subvols.bricks.path.
// Errors: Invalid.
func (c *Client) VolumeFields(ctx context.Context, f Filter, fields ...string) (Page[Object], error) {
	return pageOf[Object](ctx, c, []string{"v1", "volumes"}, f, fields...)
}

// PeerPage lists a part of the peers that pass the filter, by id. Errors: Invalid.
func (c *Client) PeerPage(ctx context.Context, f Filter) (Page[api.Peer], error) {
	return pageOf[api.Peer](ctx, c, peerPath(), f)
}

// PeerFields lists the peers that pass the filter with some fields only. Errors: Invalid.
func (c *Client) PeerFields(ctx context.Context, f Filter, fields ...string) (Page[Object], error) {
	return pageOf[Object](ctx, c, peerPath(), f, fields...)
}

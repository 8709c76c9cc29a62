package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

// Pool shows how the pool keeps its records. A peer without a quorum answers too, from what it knew last.
func (c *Client) Pool(ctx context.Context) (api.Pool, error) {
	return ask[api.Pool](ctx, c, request{method: http.MethodGet, path: []string{"v1", "pool"}})
}

// PoolSnapshots lists the snapshots of the pool's records that the peer that answers keeps on its own disk, the newest first.
func (c *Client) PoolSnapshots(ctx context.Context) ([]api.PoolSnapshot, error) {
	return ask[[]api.PoolSnapshot](ctx, c, request{method: http.MethodGet, path: []string{"v1", "pool", "snapshots"}})
}

// backupPath and headerChecksum are those of the server: the checksum of a backup is in its trailer.
const (
	backupPath     = "/v1/pool/backup"
	headerChecksum = "X-Gluster-Checksum"
)

// Backup writes a backup of the pool's records, with its secrets, to w and returns its size in bytes. Only the context
// bounds it. The checksum that the server sends is verified; after an error what was written is no backup.
// Errors: Denied, Unavailable.
func (c *Client) Backup(ctx context.Context, w io.Writer) (int64, error) {
	var failures []*api.Error
	for _, i := range c.order() {
		e := c.endpoints[i]
		req, err := c.request(ctx, e, exchange{method: http.MethodGet, path: &url.URL{Path: backupPath}})
		if err != nil {
			return 0, err
		}
		resp, err := e.transport.RoundTrip(req) //nolint:bodyclose // receive closes it
		if err == nil {
			return c.receive(resp, w)
		}
		if ctx.Err() != nil {
			return 0, ended(ctx, e, false)
		}
		failures = append(failures, api.Errorf(api.Unavailable, "%s: %v", e.name, plain(err)))
	}
	return 0, &api.Error{Kind: api.Unavailable, Message: Unreachable, Causes: failures}
}

// receive reads the answer to a request for a backup.
func (c *Client) receive(resp *http.Response, w io.Writer) (int64, error) {
	defer func() { _ = resp.Body.Close() }() // read to its end, or given up
	if resp.StatusCode != http.StatusOK {
		a, err := c.read(resp)
		if err != nil {
			return 0, api.Errorf(api.Unavailable, "the connection broke: %v", plain(err))
		}
		return 0, a.err()
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(failing{w}, sum), resp.Body)
	var local *writeError
	switch {
	case errors.As(err, &local):
		return n, api.Errorf(api.Internal, "the backup cannot be written: %v", local.err)
	case err != nil:
		return n, api.Errorf(api.Unavailable, "the backup broke off after %d bytes: %v", n, plain(err))
	case resp.Trailer.Get(headerChecksum) != hex.EncodeToString(sum.Sum(nil)):
		return n, api.Errorf(api.Unavailable, "the backup is damaged or not whole: its checksum is not the one that the server has sent")
	}
	return n, nil
}

// failing marks the errors of a writer, which io.Copy does not tell from those of the reader.
type failing struct{ w io.Writer }

type writeError struct{ err error }

// Error returns the writer's error.
func (e *writeError) Error() string { return e.err.Error() }

// Write writes.
func (f failing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

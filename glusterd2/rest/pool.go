package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"time"

	"gd2/pkg/api"
)

// HeaderChecksum is the trailer of a backup: the SHA-256 of its bytes in hex. Without it the backup is not whole.
const HeaderChecksum = "X-Gluster-Checksum"

func (a *API) poolRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/pool", Name: "GetPool", Local: true, Access: Read,
			Description: "Shows how the pool keeps its records: voters, learners, leader, health; also without a quorum."}, a.pool),
		serve(Route{Method: http.MethodGet, Path: "/v1/pool/snapshots", Name: "PoolSnapshots", Local: true, Access: Read,
			Description: "Lists the snapshots of the pool's records that the peer that answers has made for itself, the newest first."}, a.snapshots),
		serveRaw(Route{Method: http.MethodGet, Path: "/v1/pool/backup", Name: "PoolBackup", Guarded: true, Access: Admin,
			Description: "Streams a consistent backup of the pool's records, secrets included. Its SHA-256 is the trailer " + HeaderChecksum + "."},
			"application/octet-stream", http.HandlerFunc(a.backup)),
	}
}

func (a *API) pool(ctx context.Context, _ *Request, _ None) (api.Pool, error) {
	return a.cfg.Pool.Status(ctx)
}

func (a *API) snapshots(ctx context.Context, _ *Request, _ None) ([]api.PoolSnapshot, error) {
	return a.cfg.Pool.Snapshots(ctx)
}

// backupStall is how long a client may read nothing of a backup before it is given up.
const backupStall = time.Minute

// backup streams, so it answers an error only as long as nothing was sent. After that it breaks the connection off.
func (a *API) backup(w http.ResponseWriter, req *http.Request) {
	a.cfg.Log.WithField("from", req.RemoteAddr).Info("a backup of the pool's records, with its secrets, is being read")
	out := &backupWriter{w: w, control: http.NewResponseController(w), sum: sha256.New()}
	err := a.cfg.Pool.Backup(req.Context(), out)
	switch {
	case err != nil && !out.begun:
		writeError(w, api.AsError(err))
	case err != nil:
		a.cfg.Log.WithField("from", req.RemoteAddr).Warnf("the backup was not finished: %v", err)
		panic(http.ErrAbortHandler)
	default:
		out.begin()
		w.Header().Set(HeaderChecksum, hex.EncodeToString(out.sum.Sum(nil)))
	}
}

// backupWriter begins the answer with its first byte, and adds up the checksum.
type backupWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	sum     hash.Hash
	begun   bool
}

var _ io.Writer = (*backupWriter)(nil)

func (b *backupWriter) begin() {
	if b.begun {
		return
	}
	b.begun = true
	b.w.Header().Set("Content-Type", "application/octet-stream")
	b.w.Header().Set("Trailer", HeaderChecksum)
	b.w.WriteHeader(http.StatusOK)
}

// Write sends a part of the backup.
func (b *backupWriter) Write(p []byte) (int, error) {
	b.begin()
	_ = b.control.SetWriteDeadline(time.Now().Add(backupStall)) // a connection that cannot has its own end
	_, _ = b.sum.Write(p)                                       // never fails
	return b.w.Write(p)
}

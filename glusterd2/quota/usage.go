package quota

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"time"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// SocketPath is where the quota daemon answers; it is built into GlusterFS.
const SocketPath = "/var/run/gluster/quotad.socket"

// Names of xattrs and of keys in the daemon's answers. Numbers in them are 64-bit, big-endian.
const (
	xattrUsage   = "trusted.glusterfs.quota.limit-set"     // hard limit in bytes, soft limit in percent or -1
	xattrObjects = "trusted.glusterfs.quota.limit-objects" // hard limit in files and directories, soft limit
	keySize      = "trusted.glusterfs.quota.size"          // bytes, files, directories
	keyAncestry  = "glusterfs.ancestry.path"
	xattrPrefix  = "trusted.glusterfs.quota."
)

// What the daemon is asked for: the limit and use of bytes, or of objects. The values are those of glusterd's command.
const (
	typeList        = 5
	typeListObjects = 13
)

// Use is what a directory holds, as the daemon adds it up over all bricks.
type Use struct {
	// Path is where the directory is now; empty if the daemon does not tell.
	Path  string `json:"path,omitempty"`
	Bytes int64  `json:"bytes"`
	Files int64  `json:"files"`
	Dirs  int64  `json:"dirs"`
	Error string `json:"error,omitempty"`
	Gone  bool   `json:"gone,omitempty"`
	// Hard and Soft are the limit that bricks know; Known says whether they know one.
	Hard  int64 `json:"hard"`
	Soft  int64 `json:"soft"`
	Known bool  `json:"known"`
}

// most bounds the questions that are with the daemon at once; timeout bounds one.
const (
	most    = 16
	timeout = 20 * time.Second
)

// Ask asks the quota daemon of this host about directories of a volume, by gfid. Errors: Unavailable if no daemon answers.
func Ask(ctx context.Context, socket, volumeName string, gfids []string, objects bool) (map[string]Use, error) {
	c, err := gfrpc.Dial(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out := map[string]Use{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	places := make(chan struct{}, most)
	for _, id := range gfids {
		places <- struct{}{}
		wg.Go(func() {
			u := askOne(ctx, c, volumeName, id, objects)
			mu.Lock()
			out[id] = u
			mu.Unlock()
			<-places
		})
	}
	wg.Wait()
	return out, nil
}

func askOne(ctx context.Context, c *gfrpc.Client, volumeName, gfid string, objects bool) Use {
	what, limit := typeList, xattrUsage
	if objects {
		what, limit = typeListObjects, xattrObjects
	}
	dict := gfrpc.Strings(map[string]string{"gfid": gfid, "volume-uuid": volumeName, "type": strconv.Itoa(what)})
	reply, err := c.Call(ctx, gfrpc.ProgramQuota, gfrpc.ProcQuotaLimit, new(gfrpc.Writer).Opaque(dict.Marshal()).Bytes())
	if err == nil {
		var d gfrpc.Dict
		if d, err = parseReply(reply); err == nil {
			return useOf(d, limit)
		}
	}
	return Use{Error: err.Error(), Gone: errors.Is(err, errGone)}
}

// errGone says that the daemon does not find a directory.
var errGone = errors.New("the directory is gone")

// maxReply bounds what a reply may carry, in bytes.
const maxReply = 256 << 10

// parseReply reads the reply of the command-line program: status, errno, text, dict.
func parseReply(reply []byte) (gfrpc.Dict, error) {
	r := gfrpc.NewReader(reply)
	ret, errno := r.Int32(), r.Int32()
	text, raw := r.String(maxReply), r.Opaque(maxReply)
	const noEntry, stale = 2, 116
	switch {
	case r.Err() != nil:
		return nil, api.Errorf(api.Internal, "answer of the quota daemon: %v", r.Err())
	case ret != 0 && (errno == noEntry || errno == stale):
		return nil, errGone
	case ret != 0:
		return nil, api.Errorf(api.Internal, "the quota daemon answers with errno %d %s", errno, text)
	}
	return gfrpc.ParseDict(raw)
}

func useOf(d gfrpc.Dict, limit string) Use {
	u := Use{Path: d.String(keyAncestry)}
	size := numbers(d[keySize], 3)
	u.Bytes, u.Files, u.Dirs = size[0], size[1], size[2]
	if raw, ok := d[limit]; ok {
		l := numbers(raw, 2)
		u.Hard, u.Soft, u.Known = l[0], l[1], true
	}
	return u
}

// numbers reads up to n numbers; those that are missing are 0.
func numbers(raw []byte, n int) []int64 {
	const size = 8
	out := make([]int64, n)
	for i := 0; i < n && len(raw) >= (i+1)*size; i++ {
		out[i] = int64(binary.BigEndian.Uint64(raw[i*size:])) //nolint:gosec // two's complement, as it was written
	}
	return out
}

// bound writes a limit as its xattr.
func bound(b volume.Bound) []byte {
	raw := binary.BigEndian.AppendUint64(nil, b.Hard)
	return binary.BigEndian.AppendUint64(raw, uint64(int64(b.Soft))) //nolint:gosec // two's complement, -1 for the default
}

package gfrpc

import (
	"context"
	"strconv"

	"gd2/pkg/api"
)

// maxSpec is the largest volfile accepted, in bytes.
const maxSpec = 16 << 20

// GetSpecFlagServers in SpecRequest.Flags asks for the list of servers; every process but a brick sets it.
const GetSpecFlagServers uint32 = 1

// SpecRequest asks for a volfile.
type SpecRequest struct {
	Key   string
	Flags uint32
	// MinOpVersion and MaxOpVersion are the range that the caller understands. 0 means 1 and 100000, as GlusterFS
	// 10.3 says.
	MinOpVersion, MaxOpVersion int
	// BrickName is what a brick adds: its --brick-name.
	BrickName string
}

// SpecReply is a volfile with what came beside it.
type SpecReply struct {
	Text string
	// Data holds "cluster.brick-vol-servers" and "pidfile" where they were sent.
	Data Dict
}

// GetSpec fetches a volfile as a mount or a brick does. A refusal is an *api.Error with the field "errno": NotFound
// for 2 (no such key), NotSupported for 95 (op-version), Denied for 13, otherwise Internal.
func (c *Client) GetSpec(ctx context.Context, req SpecRequest) (SpecReply, error) {
	data := Dict{}
	data.SetInt("min-op-version", int64(max(req.MinOpVersion, 1)))
	if req.MaxOpVersion == 0 {
		req.MaxOpVersion = 100000
	}
	data.SetInt("max-op-version", int64(req.MaxOpVersion))
	if req.BrickName != "" {
		data.SetString("brick_name", req.BrickName)
	}
	args := new(Writer).Uint32(req.Flags).String(req.Key).Opaque(data.Marshal()).Bytes()
	res, err := c.Call(ctx, ProgramHandshake, ProcGetSpec, args)
	if err != nil {
		return SpecReply{}, err
	}
	return parseSpec(req.Key, res)
}

func parseSpec(key string, res []byte) (SpecReply, error) {
	r := NewReader(res)
	ret, errno := r.Int32(), r.Int32()
	text, data := r.String(maxSpec), r.Opaque(maxSpec)
	if r.Err() != nil {
		return SpecReply{}, r.Err()
	}
	if ret < 0 {
		kinds := map[int32]api.Kind{2: api.NotFound, 13: api.Denied, 95: api.NotSupported}
		kind, ok := kinds[errno]
		if !ok {
			kind = api.Internal
		}
		return SpecReply{}, api.Errorf(kind, "volfile %q refused: errno %d", key, errno).With(FieldErrno, strconv.Itoa(int(errno)))
	}
	d, err := ParseDict(data)
	return SpecReply{Text: text, Data: d}, err
}

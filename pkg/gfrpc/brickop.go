package gfrpc

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gd2/pkg/api"
)

const (
	// brickOpTimeout bounds an operation whose caller set no deadline; some daemons never answer.
	brickOpTimeout = 60 * time.Second
	// maxBrickReply is the largest reply accepted of a brick, in bytes: its inode tables can be long.
	maxBrickReply = 64 << 20
	maxErrorText  = 64 << 10
)

// FieldErrno is the field of an *api.Error that carries the errno of a failed call.
const FieldErrno = "errno"

// BrickOp asks the brick or daemon behind a unix socket for one operation of ProgramBrick and returns what it put
// out. Which name, input and dict each operation takes is said at its constant; nil is "none". Without a deadline in
// ctx it gives up after 60 seconds. Errors are *api.Error: Unavailable when nobody listens on the socket or the
// process goes away, Timeout, and Internal with the field "errno" when the process answers with a failure.
func BrickOp(ctx context.Context, socket string, proc uint32, name string, input []byte, dict Dict) (Dict, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, brickOpTimeout)
		defer cancel()
	}
	c, err := Dialer{MaxRecord: maxBrickReply}.Dial(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	// The op argument is not looked at by bricks; the real daemon repeats the procedure there.
	args := new(Writer).String(name).Uint32(proc).Opaque(input).Opaque(dict.Marshal()).Bytes()
	res, err := c.Call(ctx, ProgramBrick, proc, args)
	if err != nil {
		return nil, err
	}
	return brickReply(socket, proc, name, res)
}

func brickReply(socket string, proc uint32, name string, res []byte) (Dict, error) {
	r := NewReader(res)
	ret, errno := r.Int32(), r.Int32()
	output, text := r.Opaque(maxBrickReply), r.String(maxErrorText)
	if r.Err() != nil {
		return nil, api.Errorf(api.Internal, "answer of %s to brick operation %d: %v", socket, proc, r.Err())
	}
	if ret != 0 {
		return nil, refusal(socket, proc, name, errno, text)
	}
	return ParseDict(output)
}

// refusal says what is known of a failure: often neither an errno nor a text.
func refusal(socket string, proc uint32, name string, errno int32, text string) *api.Error {
	msg := fmt.Sprintf("brick operation %d", proc)
	if name != "" {
		msg += " on " + strconv.Quote(name)
	}
	msg += " failed in the process behind " + socket
	if errno != 0 {
		msg += ": " + syscall.Errno(errno).Error()
	}
	if text = strings.TrimSpace(text); text != "" {
		msg += ": " + text
	}
	return api.Errorf(api.Internal, "%s", msg).With(FieldErrno, strconv.Itoa(int(errno)))
}

// BrickOpFunc asks a brick or daemon as BrickOp does, which is the real one.
type BrickOpFunc func(ctx context.Context, socket string, proc uint32, name string, input []byte, dict Dict) (Dict, error)

var _ BrickOpFunc = BrickOp

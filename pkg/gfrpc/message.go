package gfrpc

import (
	"encoding/binary"
	"fmt"

	"gd2/pkg/api"
)

const (
	rpcVersion = 2
	msgCall    = 0
	msgReply   = 1

	replyAccepted = 0
	replyDenied   = 1

	deniedMismatch = 0
	deniedAuth     = 1
)

// Flavours of credentials.
const (
	// AuthNone carries nothing; the calls from a server to its clients use it.
	AuthNone uint32 = 0
	// AuthSys is the classic Unix credential.
	AuthSys uint32 = 1
	// AuthGlusterV1 is the credential of GlusterFS before 3.0.
	AuthGlusterV1 uint32 = 5
	// AuthGlusterV2 is what every management connection of GlusterFS sends: pid, uid, gid, groups, lock owner.
	AuthGlusterV2 uint32 = 390039
	// AuthGlusterV3 adds a change time; only file operations carry it.
	AuthGlusterV3 uint32 = 390040
)

// maxAuthBody is the limit of RFC 5531 for the body of a credential or verifier.
const maxAuthBody = 400

// AcceptStat is how a server answers a call that it accepted.
type AcceptStat uint32

// The answers of RFC 5531.
const (
	Success              AcceptStat = 0
	ProgramUnavailable   AcceptStat = 1
	ProgramMismatch      AcceptStat = 2
	ProcedureUnavailable AcceptStat = 3
	GarbageArguments     AcceptStat = 4
	SystemError          AcceptStat = 5
)

// String returns the meaning in words.
func (s AcceptStat) String() string {
	words := [...]string{"success", "program not served", "program version not served", "procedure not served",
		"arguments not understood", "server failure"}
	if int(s) < len(words) {
		return words[s]
	}
	return fmt.Sprintf("unknown accept status %d", uint32(s))
}

// Auth is a credential. gd2 does not trust its content: who calls is decided by the socket.
type Auth struct {
	Flavor uint32
	Body   []byte
}

// PIDAuth returns the credential that GlusterFS 10 sends on management connections: 24 bytes with zeros for pid, uid,
// gid and groups, and the process id as the lock owner.
func PIDAuth(pid int) Auth {
	owner := binary.LittleEndian.AppendUint32(nil, uint32(pid)) // pids are below 2^22
	w := new(Writer).Uint32(0).Uint32(0).Uint32(0).Uint32(0).Opaque(owner)
	return Auth{Flavor: AuthGlusterV2, Body: w.Bytes()}
}

// Call is a call of a remote procedure.
type Call struct {
	XID                         uint32
	Program, Version, Procedure uint32
	Cred                        Auth
	// Args are the encoded arguments.
	Args []byte
}

// Marshal returns the call as a message.
func (c Call) Marshal() []byte {
	w := &Writer{buf: make([]byte, 0, 40+len(c.Cred.Body)+len(c.Args))}
	w.Uint32(c.XID).Uint32(msgCall).Uint32(rpcVersion).Uint32(c.Program).Uint32(c.Version).Uint32(c.Procedure)
	return w.Uint32(c.Cred.Flavor).Opaque(c.Cred.Body).Uint32(AuthNone).Opaque(nil).Raw(c.Args).Bytes()
}

// Denial is a call that a server must refuse in the RPC layer. It is the error of ParseCall, and Marshal is its answer.
type Denial struct {
	XID uint32
	// AuthStat is 0 for a wrong RPC version, otherwise why the credential was refused (RFC 5531).
	AuthStat uint32
}

// The reasons of RFC 5531 for a refused credential that gd2 gives.
const (
	authBadCred      = 1
	authRejectedCred = 2
	authBadVerf      = 3
)

// Error says why the call is refused.
func (d *Denial) Error() string {
	if d.AuthStat == 0 {
		return fmt.Sprintf("RPC version is not %d", rpcVersion)
	}
	return fmt.Sprintf("credential refused, auth_stat %d", d.AuthStat)
}

// Marshal returns the refusal as a message.
func (d *Denial) Marshal() []byte {
	w := new(Writer).Uint32(d.XID).Uint32(msgReply).Uint32(replyDenied)
	if d.AuthStat == 0 {
		return w.Uint32(deniedMismatch).Uint32(rpcVersion).Uint32(rpcVersion).Bytes()
	}
	return w.Uint32(deniedAuth).Uint32(d.AuthStat).Bytes()
}

// IsReply reports whether msg is a reply rather than a call.
func IsReply(msg []byte) bool {
	r := NewReader(msg)
	r.Uint32()
	return r.Uint32() == msgReply && r.Err() == nil
}

// ParseCall decodes the header of a call. The error is a *Denial if the caller is to be told so, and otherwise an
// *api.Error of kind Invalid: the stream makes no sense and should be closed.
func ParseCall(msg []byte) (Call, error) {
	r := NewReader(msg)
	c := Call{XID: r.Uint32()}
	if t := r.Uint32(); r.Err() == nil && t != msgCall {
		return Call{}, api.Errorf(api.Invalid, "RPC message type %d where a call (%d) belongs", t, msgCall)
	}
	if v := r.Uint32(); r.Err() == nil && v != rpcVersion {
		return Call{}, &Denial{XID: c.XID}
	}
	c.Program, c.Version, c.Procedure = r.Uint32(), r.Uint32(), r.Uint32()
	if r.Err() != nil {
		return Call{}, r.Err()
	}
	c.Cred = Auth{Flavor: r.Uint32(), Body: r.Opaque(maxAuthBody)}
	if r.Err() != nil {
		return Call{}, &Denial{XID: c.XID, AuthStat: authBadCred}
	}
	if !c.Cred.known() {
		return Call{}, &Denial{XID: c.XID, AuthStat: authRejectedCred}
	}
	r.Uint32()
	r.Opaque(maxAuthBody)
	if r.Err() != nil {
		return Call{}, &Denial{XID: c.XID, AuthStat: authBadVerf}
	}
	c.Args = r.Rest()
	return c, nil
}

func (a Auth) known() bool {
	switch a.Flavor {
	case AuthNone, AuthSys, AuthGlusterV1, AuthGlusterV2, AuthGlusterV3:
		return true
	}
	return false
}

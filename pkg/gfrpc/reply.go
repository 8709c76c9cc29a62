package gfrpc

import "gd2/pkg/api"

// Reply is the answer to a call that was accepted.
type Reply struct {
	XID  uint32
	Stat AcceptStat
	// Low and High are the versions that are served, with ProgramMismatch.
	Low, High uint32
	// Result is the encoded result, with Success.
	Result []byte
}

// Marshal returns the reply as a message.
func (p Reply) Marshal() []byte {
	w := &Writer{buf: make([]byte, 0, 32+len(p.Result))}
	w.Uint32(p.XID).Uint32(msgReply).Uint32(replyAccepted).Uint32(AuthNone).Opaque(nil).Uint32(uint32(p.Stat))
	if p.Stat == ProgramMismatch {
		w.Uint32(p.Low).Uint32(p.High)
	}
	return w.Raw(p.Result).Bytes()
}

// ParseReply decodes the header of a reply. A denied call is an *api.Error of kind Denied with the XID still set.
func ParseReply(msg []byte) (Reply, error) {
	r := NewReader(msg)
	p := Reply{XID: r.Uint32()}
	if t := r.Uint32(); r.Err() == nil && t != msgReply {
		return p, api.Errorf(api.Invalid, "RPC message type %d where a reply (%d) belongs", t, msgReply)
	}
	if stat := r.Uint32(); r.Err() == nil && stat != replyAccepted {
		why, detail := r.Uint32(), r.Uint32()
		return p, api.Errorf(api.Denied, "RPC call denied: reject status %d, detail %d", why, detail)
	}
	r.Uint32()
	r.Opaque(maxAuthBody)
	p.Stat = AcceptStat(r.Uint32())
	if p.Stat == ProgramMismatch {
		p.Low, p.High = r.Uint32(), r.Uint32()
	}
	p.Result = r.Rest()
	return p, r.Err()
}

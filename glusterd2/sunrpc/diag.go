package sunrpc

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// established is TCP_ESTABLISHED.
const established = 1

// socketID names a connection to the kernel: inet_diag_sockid in linux/inet_diag.h. Ports and addresses are big-endian.
type socketID struct {
	LocalPort, RemotePort [2]byte
	Local, Remote         [16]byte
	Interface             uint32
	Cookie                [2]uint32 // all ones: any
}

// socketRequest asks for one connection: a header of netlink and inet_diag_req_v2.
type socketRequest struct {
	Header                     unix.NlMsghdr
	Family, Protocol, Ext, Pad uint8
	States                     uint32
	ID                         socketID
}

// socketAnswer is what is used of the answer: a header and inet_diag_msg.
type socketAnswer struct {
	Header                        unix.NlMsghdr
	Family, State, Timer, Retrans uint8
	ID                            socketID
	Expires, Received, Sent       uint32
	UID, Inode                    uint32
}

// KernelSocketOwner is the SocketOwner that asks the kernel, by a message of its sock_diag(7). The kernel finds the socket by its
// addresses, however many there are. A kernel may lack that (its modules inet_diag and tcp_diag); then ProcSocketOwner answers.
func KernelSocketOwner(local, remote netip.AddrPort) (uint32, bool) {
	answer, err := diagnose(newSocketRequest(local, remote))
	if err != nil || answer.Header.Type != unix.SOCK_DIAG_BY_FAMILY {
		return ProcSocketOwner(local, remote)
	}
	return answer.UID, answer.State == established && answer.Inode != 0
}

func newSocketRequest(local, remote netip.AddrPort) socketRequest {
	r := socketRequest{
		Header: unix.NlMsghdr{Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_REQUEST},
		Family: unix.AF_INET6, Protocol: unix.IPPROTO_TCP, States: 1 << established,
		ID: socketID{Cookie: [2]uint32{^uint32(0), ^uint32(0)}},
	}
	r.Header.Len = uint32(binary.Size(r))
	if local.Addr().Unmap().Is4() {
		r.Family = unix.AF_INET
	}
	binary.BigEndian.PutUint16(r.ID.LocalPort[:], local.Port())
	binary.BigEndian.PutUint16(r.ID.RemotePort[:], remote.Port())
	copy(r.ID.Local[:], local.Addr().Unmap().AsSlice())
	copy(r.ID.Remote[:], remote.Addr().Unmap().AsSlice())
	return r
}

// diagnose asks the kernel; the answer has another type, or is too short, if it knows no such socket.
func diagnose(r socketRequest) (answer socketAnswer, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return answer, err
	}
	defer func() { _ = unix.Close(fd) }()
	text, err := binary.Append(nil, binary.NativeEndian, r)
	if err != nil {
		return answer, err
	}
	if err := unix.Sendto(fd, text, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return answer, err
	}
	// The kernel has answered before the message was taken from us.
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
	if err != nil {
		return answer, err
	}
	return answer, binary.Read(bytes.NewReader(buf[:n]), binary.NativeEndian, &answer)
}

package sunrpc

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Origin is what is known of a connection when it is accepted.
type Origin struct {
	// Local is true for root on the unix socket. Over TCP it is found out only when it matters: see Requester.
	Local bool
	// Unix is true for the unix socket, TLS for a connection that arrived encrypted.
	Unix, TLS bool
	// UID is the user at the other end of a unix socket.
	UID uint32
}

// OriginOf returns the origin of a connection as accepted. The user of a unix socket is the one who connected
// (SO_PEERCRED); if that cannot be read the connection counts as nobody's.
func OriginOf(nc net.Conn) Origin {
	uc, ok := nc.(*net.UnixConn)
	if !ok {
		return Origin{}
	}
	o := Origin{Unix: true, UID: ^uint32(0)}
	raw, err := uc.SyscallConn()
	if err != nil {
		return o
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			o.UID = cred.Uid
		}
	})
	o.Local = o.UID == 0
	return o
}

// addrPort returns the address of a TCP end, without the form that IPv4 has on an IPv6 socket; zero for others.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// sameHost reports whether the other end of a TCP connection can be a socket of this host.
func sameHost(local, remote netip.AddrPort) bool {
	if !remote.IsValid() {
		return false
	}
	if remote.Addr().IsLoopback() || remote.Addr() == local.Addr() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range own {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == remote.Addr() {
				return true
			}
		}
	}
	return false
}

package sunrpc_test

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"gd2/glusterd2/sunrpc"
)

func ends(a, b net.Addr) (netip.AddrPort, netip.AddrPort) {
	plain := func(x net.Addr) netip.AddrPort {
		ap := netip.MustParseAddrPort(x.String())
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return plain(a), plain(b)
}

func TestSocketOwner(t *testing.T) {
	for name, owner := range map[string]sunrpc.SocketOwner{"kernel": sunrpc.KernelSocketOwner, "proc": sunrpc.ProcSocketOwner} {
		t.Run(name, func(t *testing.T) { testSocketOwner(t, owner) })
	}
}

func testSocketOwner(t *testing.T, owner sunrpc.SocketOwner) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("no %s on this host: %v", address, err)
			continue
		}
		out, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		in, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		near, far := ends(out.LocalAddr(), out.RemoteAddr())
		if uid, ok := owner(near, far); !ok || int(uid) != os.Getuid() {
			t.Errorf("%s: owner %d, %v; want %d", address, uid, ok, os.Getuid())
		}
		if uid, ok := owner(near, netip.AddrPortFrom(far.Addr(), far.Port()^1)); ok {
			t.Errorf("%s: a socket that is not there belongs to %d", address, uid)
		}
		// The kernel shows root as the owner of sockets that are closed already: that must count for nothing.
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		if uid, ok := owner(near, far); ok {
			t.Errorf("%s: a closed socket belongs to %d", address, uid)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkSocketOwner looks one of a thousand connections up.
func BenchmarkSocketOwner(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	var near, far netip.AddrPort
	for range 1000 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		near, far = ends(c.LocalAddr(), c.RemoteAddr())
	}
	for name, owner := range map[string]sunrpc.SocketOwner{"kernel": sunrpc.KernelSocketOwner, "proc": sunrpc.ProcSocketOwner} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := owner(near, far); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

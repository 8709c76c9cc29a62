package config

import (
	"context"
	"net"
	"os"
	"time"
)

// host is what the default of advertise-address is taken from.
type host struct {
	name       func() (string, error)
	lookup     func(name string) ([]net.IP, error)
	interfaces func() ([]net.Addr, error)
}

// lookupLimit bounds the wait for a name server at start; a host without one falls back to an interface's address.
const lookupLimit = 3 * time.Second

func thisHost() host {
	return host{
		name: os.Hostname,
		lookup: func(name string) ([]net.IP, error) {
			ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
			defer cancel()
			return net.DefaultResolver.LookupIP(ctx, "ip", name)
		},
		interfaces: net.InterfaceAddrs,
	}
}

// address is the default of advertise-address: the host of clientaddress, else the host's name if it leads to
// more than loopback, else the first IPv4 address of an interface, else 127.0.0.1.
func (h host) address(listen string) string {
	if listenHost, _, err := net.SplitHostPort(listen); err == nil && !isWildcard(listenHost) {
		return listenHost
	}
	if name, err := h.name(); err == nil && isHostName(name) && h.reachable(name) {
		return name
	}
	addrs, err := h.interfaces()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

func (h host) reachable(name string) bool {
	ips, err := h.lookup(name)
	if err != nil || len(ips) == 0 {
		return false
	}
	for _, ip := range ips {
		if ip.IsLoopback() {
			return false
		}
	}
	return true
}

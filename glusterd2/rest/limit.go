package rest

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Failed authentications are counted for each address: failBurst at once, then one each failEvery. Beyond that they are
// answered with 429. A good token always passes, so that nobody can lock out others who share the address.
const (
	failBurst = 20
	failEvery = 3 * time.Second
	// maxAddresses bounds the memory that strangers can take.
	maxAddresses = 4096
)

// failures limits the failed authentications of each address.
type failures struct {
	mu      sync.Mutex
	buckets map[netip.Prefix]*rate.Limiter
}

// note counts a failure at the time now. It returns how long the address has to wait; 0 means it is within its limit.
func (f *failures) note(remote string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := network(remote)
	b, ok := f.buckets[key]
	if !ok {
		f.makeRoom(now)
		b = rate.NewLimiter(rate.Every(failEvery), failBurst)
		f.buckets[key] = b
	}
	if b.AllowN(now, 1) {
		return 0
	}
	return failEvery
}

// makeRoom forgets the addresses that have been quiet, or all when none has.
func (f *failures) makeRoom(now time.Time) {
	if f.buckets == nil {
		f.buckets = map[netip.Prefix]*rate.Limiter{}
	}
	if len(f.buckets) < maxAddresses {
		return
	}
	for k, b := range f.buckets {
		if b.TokensAt(now) >= failBurst {
			delete(f.buckets, k)
		}
	}
	if len(f.buckets) >= maxAddresses {
		clear(f.buckets)
	}
}

// network returns what counts as one address: an IPv4 address, or the /64 of an IPv6 address, which is one host's.
// Everything else, such as a unix socket, is one.
func network(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := ap.Addr().Unmap().WithZone(""), 64
	if addr.Is4() {
		bits = 32
	}
	p, _ := addr.Prefix(bits) // cannot fail: the bits fit the family
	return p
}

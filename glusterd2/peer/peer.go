// Package peer is the domain of peers: the members of the trusted storage pool and their records in the store.
package peer

import (
	"maps"
	"net"

	"gd2/pkg/api"
)

// Peer is the record of a member of the pool.
type Peer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Host is the address, without a port, at which the peer's bricks are found; volfiles carry it.
	Host string `json:"host"`
	// PeerAddress and ClientAddress are host:port of the peer RPC and of REST and SunRPC.
	PeerAddress   string            `json:"peer-address"`
	ClientAddress string            `json:"client-address"`
	Metadata      map[string]string `json:"metadata"`
	// StorePeerURLs and StoreClientURLs are where the peer's member of the store is, or would be, reached.
	StorePeerURLs   []string `json:"store-peer-urls"`
	StoreClientURLs []string `json:"store-client-urls"`
	// Certificate is the serial number, in hex, of the certificate that the pool gave the peer.
	Certificate string `json:"certificate"`
	// PublicKey is the key of that certificate (PKIX, DER).
	PublicKey []byte `json:"public-key,omitempty"`
	// Former are the serial numbers of certificates that the peer had before and that may still be good.
	Former []string `json:"former-certificates,omitempty"`
	// Leaving is set while the peer is being detached: it gets no new bricks.
	Leaving bool `json:"leaving,omitempty"`
	// NoBricks is set while the peer gets no new bricks of a size, although it is a member like others.
	NoBricks bool `json:"no-bricks,omitempty"`
	// Replaced is set when the peer's host is gone for good and another peer has taken its place, and perhaps its name and address: the
	// record stays until others have its bricks.
	Replaced bool `json:"replaced,omitempty"`
	// Replaces are the ids of the peers whose places this one has taken, one after the other. Rules that name them are about it too, also
	// when their records are gone.
	Replaces []string `json:"replaces,omitempty"`
	// TokenID and Token are those of the token by which the peer joined. While it would be good the same peer may join with it once
	// more: the first answer may have been lost.
	TokenID string      `json:"token-id,omitempty"`
	Token   StoredToken `json:"token,omitzero"`
}

// Zone returns the peer's failure domain: its zone in the metadata, or the peer itself.
func (p *Peer) Zone() string {
	if z := p.Metadata[api.ZoneKey]; z != "" {
		return z
	}
	return p.ID
}

// Is reports whether name is one by which people call the peer: its id, its name, its host or an address.
func (p *Peer) Is(name string) bool {
	if p.Replaced {
		return name == p.ID || name == p.Name // the rest is another's now
	}
	if name == p.ID || name == p.Name || name == p.Host || name == p.PeerAddress || name == p.ClientAddress {
		return true
	}
	h, _, err := net.SplitHostPort(p.PeerAddress)
	return err == nil && h == name
}

// Info returns the peer as REST clients see it.
func (p *Peer) Info(online bool, pid int) api.Peer {
	meta := maps.Clone(p.Metadata)
	if meta == nil {
		meta = map[string]string{}
	}
	meta[api.ZoneKey] = p.Zone()
	return api.Peer{
		ID: p.ID, Name: p.Name, PeerAddresses: []string{p.PeerAddress}, ClientAddresses: []string{p.ClientAddress},
		Online: online, PID: pid, Metadata: meta,
	}
}

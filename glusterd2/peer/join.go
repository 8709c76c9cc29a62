package peer

import (
	"net"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"gd2/pkg/api"
)

// Names of the calls by which peers join, leave and serve the store.
const (
	MethodHello       = "Hello"
	MethodProve       = "Prove"
	MethodInvite      = "Invite"
	MethodJoin        = "Join"
	MethodAdmit       = "Admit"
	MethodRenew       = "Renew"
	MethodLeave       = "Leave"
	MethodStartMember = "StartMember"
	MethodStopMember  = "StopMember"
	MethodStanding    = "Standing"
)

// Empty is a message that says nothing.
type Empty struct{}

// ProofMessage carries a proof of the pool secret.
type ProofMessage struct {
	Proof string `json:"proof"`
}

// Invitation asks a fresh peer to join the pool of the caller, who has proved that it knows the pool secret.
type Invitation struct {
	Proof string `json:"proof"`
	Token string `json:"token"`
	// Address is how the pool reaches the invited peer.
	Address string `json:"address"`
}

// JoinRequest asks a member to let the caller into the pool.
type JoinRequest struct {
	TokenID string `json:"token-id"`
	Secret  string `json:"secret"`
	// Request is a PEM certificate request.
	Request []byte `json:"request"`
	Peer    Peer   `json:"peer"`
}

// AdmitRequest passes a request to join on to a peer that holds the key of the pool's authority.
type AdmitRequest struct {
	// From is the address of the peer that wants to join.
	From string      `json:"from"`
	Join JoinRequest `json:"join"`
}

// JoinReply is what a new member needs.
type JoinReply struct {
	PoolID      string   `json:"pool-id"`
	Authority   []byte   `json:"authority"`
	Certificate []byte   `json:"certificate"`
	Endpoints   []string `json:"endpoints"`
	Peer        Peer     `json:"peer"`
}

// RenewRequest asks for a new certificate for the calling member.
type RenewRequest struct {
	Request []byte `json:"request"`
}

// RenewReply is a new certificate.
type RenewReply struct {
	PoolID      string `json:"pool-id"`
	Authority   []byte `json:"authority"`
	Certificate []byte `json:"certificate"`
}

// StartMemberRequest tells a peer to start its member of the store; it was added as a learner.
type StartMemberRequest struct {
	InitialCluster map[string][]string `json:"initial-cluster"`
}

// Standing is what a pool says of a peer that asks, having lost touch with the store.
type Standing struct {
	PoolID string `json:"pool-id"`
	// Member is false for a peer that was taken out of the pool.
	Member bool `json:"member"`
	// Generation is that of the pool's records.
	Generation int `json:"generation"`
	// Endpoints are, for a member, the client URLs of the store's voters.
	Endpoints []string `json:"endpoints,omitempty"`
	// Members are, for a member, the numbers of the store's members, Cluster is that of the store itself.
	Members []uint64 `json:"members,omitempty"`
	Cluster uint64   `json:"cluster,omitempty"`
}

// Pool is the record of the pool itself. The authority's key is a record of its own.
type Pool struct {
	ID string `json:"id"`
	// Authority is the PEM certificate of the pool's authority.
	Authority []byte `json:"authority"`
	// Generation counts how often the pool was brought back by an operator after its store was lost. A peer that comes
	// back with records of an earlier generation gives them up.
	Generation int `json:"generation,omitempty"`
}

// Limits of what a joining peer says of itself.
const (
	maxText = 256
	maxURLs = 4
)

// Validate checks what a peer says of itself when it joins.
func (p *Peer) Validate() error {
	if _, err := uuid.Parse(p.ID); err != nil || len(p.ID) != 36 {
		return api.FieldErrorf("id", "peer id %.40q is not a UUID", p.ID)
	}
	if ValidateHost(p.Name) != nil {
		return api.FieldErrorf("name", "peer name %.40q is not the name of a host", p.Name)
	}
	if err := ValidateHost(p.Host); err != nil {
		return err
	}
	for field, addr := range map[string]string{"peer-address": p.PeerAddress, "client-address": p.ClientAddress} {
		if !isHostPort(addr) {
			return api.FieldErrorf(field, "%s %.40q is not host:port", field, addr)
		}
	}
	for _, urls := range [][]string{p.StorePeerURLs, p.StoreClientURLs} {
		if len(urls) > maxURLs {
			return api.FieldErrorf("store-urls", "a peer has at most %d store URLs", maxURLs)
		}
		for _, raw := range urls {
			if u, err := url.Parse(raw); err != nil || u.Scheme != "https" || u.Port() == "" || len(raw) > maxText {
				return api.FieldErrorf("store-urls", "store URL %.60q is not https://host:port", raw)
			}
		}
	}
	return api.ValidateMetadata(p.Metadata)
}

// maxFormer bounds the former certificates that are remembered: a peer gets a new one a few times a year.
const maxFormer = 32

// Certified returns the peer with a new certificate; those that it had are remembered.
func (p Peer) Certified(serial string) Peer {
	if p.Certificate != "" {
		p.Former = append(slices.Clone(p.Former), p.Certificate)
		p.Former = p.Former[max(0, len(p.Former)-maxFormer):]
	}
	p.Certificate = serial
	return p
}

// Certificates returns the serial numbers of all certificates that may have to be revoked.
func (p *Peer) Certificates() []string {
	if p.Certificate == "" {
		return p.Former
	}
	return append(slices.Clone(p.Former), p.Certificate)
}

func isHostPort(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	_, perr := strconv.ParseUint(port, 10, 16)
	return err == nil && perr == nil && ValidateHost(host) == nil
}

// ValidateHost checks that a text can be a host name or an IP address: it becomes part of volfiles and of commands.
func ValidateHost(host string) error {
	if host == "" || len(host) > 253 || host[0] == '-' {
		return api.FieldErrorf("address", "%.40q is not a host name or an IP address", host)
	}
	if net.ParseIP(host) != nil {
		return nil
	}
	for _, c := range host {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
		if !ok {
			return api.FieldErrorf("address", "%.40q is not a host name or an IP address", host)
		}
	}
	return nil
}

// At returns the peer as it is reached at another host: every address keeps its port.
func (p Peer) At(host string) Peer {
	move := func(addr string) string {
		if _, port, err := net.SplitHostPort(addr); err == nil {
			return net.JoinHostPort(host, port)
		}
		return addr
	}
	moveURLs := func(urls []string) []string {
		var out []string
		for _, raw := range urls {
			if u, err := url.Parse(raw); err == nil {
				u.Host = move(u.Host)
				raw = u.String()
			}
			out = append(out, raw)
		}
		return out
	}
	p.Host = host
	p.PeerAddress, p.ClientAddress = move(p.PeerAddress), move(p.ClientAddress)
	p.StorePeerURLs, p.StoreClientURLs = moveURLs(p.StorePeerURLs), moveURLs(p.StoreClientURLs)
	return p
}

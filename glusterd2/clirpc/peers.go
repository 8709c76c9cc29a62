package clirpc

import (
	"context"
	"fmt"
	"net"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// Peers is the membership of the pool.
type Peers interface {
	// Known lists the peers from what this peer knows, without asking the others.
	Known(ctx context.Context) ([]api.Peer, error)
	Get(ctx context.Context, id string) (api.Peer, error)
	Add(ctx context.Context, req api.PeerAddReq) (api.Peer, error)
	Delete(ctx context.Context, id string, force bool) error
}

// What a probe that was not necessary answers beside its success.
const (
	probeLocal  = 1
	probeFriend = 2
)

func (s *Server) probe(ctx context.Context, in gfrpc.Dict) (answer, error) {
	host := in.String("hostname")
	if p, err := s.cfg.Peers.Get(ctx, host); err == nil && p.ID == s.cfg.PeerID {
		return answer{errno: probeLocal, text: "Probe on localhost not needed"}, nil
	}
	_, err := s.cfg.Peers.Add(ctx, api.PeerAddReq{Addresses: []string{host}})
	switch {
	case api.IsKind(err, api.Exists):
		return answer{errno: probeFriend, text: fmt.Sprintf("Host %s port %s already in peer list", host, defaultPort)}, nil
	case withoutQuorum(err):
		return answer{}, refusedMember(err)
	case api.IsKind(err, api.Unavailable):
		return answer{}, failed(errNotJoined, "Probe returned with Transport endpoint is not connected ("+err.Error()+")")
	}
	return answer{}, err
}

// withoutQuorum reports whether something was refused for want of the server quorum.
func withoutQuorum(err error) bool {
	return err != nil && api.AsError(err).Fields[peer.FieldNeeded] != ""
}

// refusedMember is glusterd's refusal of a change of the membership for want of the server quorum.
func refusedMember(err error) error {
	return failed(errInternal, "Cluster quorum is not met. Changing peers is not allowed in this state ("+err.Error()+")")
}

// errPeerBricks is the errno of glusterd for a peer that cannot be detached because it holds bricks. Its status is 1, not -1.
const errPeerBricks = 3

func (s *Server) detach(ctx context.Context, in gfrpc.Dict) (answer, error) {
	host := in.String("hostname")
	p, err := s.cfg.Peers.Get(ctx, host)
	if api.IsKind(err, api.NotFound) {
		return answer{}, failed(2, host+" is not part of cluster")
	}
	if err != nil {
		return answer{}, err
	}
	if p.ID == s.cfg.PeerID {
		return answer{}, failed(1, host+" is localhost")
	}
	flags, _ := in.Int("flags")
	err = s.cfg.Peers.Delete(ctx, p.ID, flags&1 != 0)
	switch {
	case api.IsKind(err, api.Forbidden):
		return answer{}, &fault{ret: 1, errno: errPeerBricks, text: "Peer " + host + " hosts one or more bricks. " +
			"If the peer is in not recoverable state then use either replace-brick or remove-brick command with force to remove all bricks from the peer and attempt the peer detach again. (" + err.Error() + ")"}
	case withoutQuorum(err):
		return answer{}, refusedMember(err)
	case api.IsKind(err, api.Unavailable):
		return answer{}, failed(errNotJoined, "One of the peers is probably down. Check with 'peer status' ("+err.Error()+")")
	}
	return answer{}, err
}

// listPool is the flag of LIST_FRIENDS that asks for this peer too, as gluster pool list does.
const listPool = 2

// State of a peer that takes part in the pool, as glusterd numbers and calls it.
const (
	befriended     = 3
	befriendedText = "Peer in Cluster"
)

// listFriends answers peer status and pool list.
func (s *Server) listFriends(ctx context.Context, args *gfrpc.Reader) ([]byte, error) {
	flags := args.Int32()
	args.Opaque(maxRequest)
	if args.Err() != nil {
		return nil, args.Err()
	}
	a, err := s.carryOut(ctx, nil, func(ctx context.Context, _ gfrpc.Dict) (answer, error) {
		list, err := s.peers(ctx)
		return answer{dict: s.friends(list, flags == listPool)}, err
	})
	w := new(gfrpc.Writer)
	if err != nil {
		f := faultOf(err)
		return w.Int32(f.ret).Int32(f.errno).Opaque(nil).Bytes(), nil
	}
	return w.Int32(0).Int32(0).Opaque(a.dict.Marshal()).Bytes(), nil
}

// friends lists the other peers, and this one last.
func (s *Server) friends(list []api.Peer, withSelf bool) gfrpc.Dict {
	d, n := gfrpc.Dict{}, 0
	var self *api.Peer
	for _, p := range list {
		if p.ID == s.cfg.PeerID {
			self = &p
			continue
		}
		n++
		key := fmt.Sprintf("friend%d.", n)
		d.SetString(key+"uuid", p.ID)
		host, port := addressOf(p)
		d.SetString(key+"hostname", host)
		d.SetInt(key+"hostname_count", 1)
		d.SetString(key+"hostname0", host)
		d.SetString(key+"port", port)
		d.SetInt(key+"stateId", befriended)
		d.SetString(key+"state", befriendedText)
		d.SetInt(key+"connected", truth(p.Online))
	}
	if withSelf && self != nil {
		n++
		key := fmt.Sprintf("friend%d.", n)
		d.SetString(key+"uuid", self.ID)
		d.SetString(key+"hostname", "localhost")
		d.SetInt(key+"connected", 1)
	}
	d.SetInt("count", int64(n))
	return d
}

// addressOf is where clients find a peer.
func addressOf(p api.Peer) (host, port string) {
	for _, a := range p.ClientAddresses {
		if host, port, err := net.SplitHostPort(a); err == nil {
			return host, port
		}
	}
	return p.Name, defaultPort
}

// defaultPort is where the daemons of a pool are found unless they were told otherwise.
const defaultPort = "24007"

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

package cmd

import (
	"context"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func (a *app) peerCmd() *cobra.Command {
	c := group("peer", "Bring peers into the pool, list them, take them out",
		newPeerProbe(a), newPeerDetach(a), newPeerEvacuate(a), newPeerList(a), newPeerStatus(a), newPeerEdit(a), newPeerToken(a), newPeerJoin(a), newPeerReset(a))
	c.Aliases = []string{"peers"}
	return c
}

func newPeerProbe(a *app) *cobra.Command {
	var req api.PeerAddReq
	c := &cobra.Command{
		Use: "probe HOST[:PORT]...", Aliases: []string{"add"}, Short: "Bring a peer into the pool",
		Long: `Bring a peer into the pool. Both need the same pool-secret in their configuration; without one, let the new peer join
with a token (peer token, peer join). Several addresses are addresses of the same peer.

With --replaces the new peer takes the place of one whose host is gone for good: make sure that it is off. The new one may have its name and
address, and gets its zone. The old one is called NAME-gone from then on, until its bricks have been moved with peer evacuate or
volume replace-brick and it is detached.`,
		Example: `  glustercli peer probe node2
  glustercli peer probe node3 --replaces node3`,
		Args: wants(1, -1),
	}
	c.Flags().StringVar(&req.Zone, "zone", "", "failure domain of the peer")
	c.Flags().StringToStringVar(&req.Metadata, "metadata", nil, "metadata of the peer, KEY=VALUE,...")
	c.Flags().StringVar(&req.Replaces, "replaces", "", "the peer, gone for good, whose place the new one takes")
	c.RunE = a.do("peer probe", func(ctx context.Context, args []string) error {
		req.Addresses = args
		p, err := a.client.PeerAdd(ctx, req)
		if err != nil {
			return err
		}
		return a.done(p, "peer probe: success")
	})
	return c
}

func newPeerDetach(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "detach PEER [force]", Aliases: []string{"remove", "rm"}, Short: "Take a peer out of the pool", Args: wants(1, 2),
		Long:              "Take a peer out of the pool. PEER is its name, an address or its id. With force, also one that cannot be reached.",
		ValidArgsFunction: a.complete(peerNames("force")),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "also a peer that cannot be reached")
	c.RunE = a.do("peer detach", func(ctx context.Context, args []string) error {
		args = takeForce(args, &force)
		if len(args) > 1 {
			return usagef("%s is not understood; only force may follow the peer", quoted(args[1]))
		}
		p, err := a.findPeer(ctx, args[0])
		if err != nil {
			return err
		}
		detach := func(ctx context.Context) error { return a.client.PeerRemove(ctx, p.ID, force) }
		if err := a.confirmPlan(ctx, "detaching "+peerHost(p)+" takes it out of the pool", detach); err != nil {
			return err
		}
		if err := detach(ctx); err != nil {
			return err
		}
		return a.done(nil, "peer detach: success")
	})
	return c
}

// findPeer returns the peer that people call name: by its id, its name or one of its addresses, with or without the port.
func (a *app) findPeer(ctx context.Context, name string) (api.Peer, error) {
	peers, err := a.client.Peers(ctx, client.Filter{})
	if err != nil {
		return api.Peer{}, err
	}
	var known []string
	for _, p := range peers {
		if isPeer(p, name) {
			return p, nil
		}
		known = append(known, peerHost(p))
	}
	return api.Peer{}, api.Errorf(api.NotFound, "%s is not part of the pool; its peers are %s", name, strings.Join(known, ", "))
}

func isPeer(p api.Peer, name string) bool {
	if name == p.ID || name == p.Name {
		return true
	}
	for _, addr := range append(append([]string{}, p.PeerAddresses...), p.ClientAddresses...) {
		if host, _, err := net.SplitHostPort(addr); addr == name || err == nil && host == name {
			return true
		}
	}
	return false
}

// peerHost returns what people call a peer.
func peerHost(p api.Peer) string {
	if p.Name != "" {
		return p.Name
	}
	if len(p.PeerAddresses) == 0 {
		return p.ID
	}
	host, _, err := net.SplitHostPort(p.PeerAddresses[0])
	if err != nil {
		return p.PeerAddresses[0]
	}
	return host
}

func newPeerEdit(a *app) *cobra.Command {
	var req api.PeerEditReq
	c := &cobra.Command{
		Use: "edit PEER", Short: "Change the zone, the metadata or the address of a peer", Args: wants(1, 1),
		Long: `Change the zone, the metadata or the address of a peer. A peer that is at work must answer at its new address already. Its
bricks are started again there, and clients get new volfiles.`,
		ValidArgsFunction: a.complete(peerNames()),
	}
	c.Flags().StringVar(&req.Zone, "zone", "", "failure domain of the peer")
	c.Flags().StringToStringVar(&req.Metadata, "metadata", nil, "metadata to set, KEY=VALUE,...")
	c.Flags().StringVar(&req.Address, "address", "", "host name or IP address at which the peer is found from now on")
	c.RunE = a.do("peer edit", func(ctx context.Context, args []string) error {
		if req.Zone == "" && len(req.Metadata) == 0 && req.Address == "" {
			return usagef("nothing to change: give --zone, --metadata or --address")
		}
		p, err := a.findPeer(ctx, args[0])
		if err != nil {
			return err
		}
		if p, err = a.client.PeerEdit(ctx, p.ID, req); err != nil {
			return err
		}
		return a.done(p, "peer edit: success")
	})
	return c
}

func newPeerToken(a *app) *cobra.Command {
	var ttl time.Duration
	c := &cobra.Command{
		Use: "token", Short: "Make a token with which one new peer can join the pool", Args: wants(0, 0),
		Long: "Make a token with which one new peer can join the pool, once, until it expires. Whoever has it can join: keep it secret.",
	}
	c.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long the token is good for")
	c.RunE = a.do("peer token", func(ctx context.Context, _ []string) error {
		if ttl < time.Second {
			return usagef("--ttl is %s; it must be at least 1s", ttl)
		}
		t, err := a.client.PeerToken(ctx, api.PeerTokenReq{TTLSeconds: int(ttl.Seconds())})
		if err != nil {
			return err
		}
		if err := a.emit(t, func(w io.Writer) { say(w, "%s\n", t.Token) }); err != nil {
			return err
		}
		if a.format() == formatTable {
			a.note("Until %s, on the new peer: glustercli peer join", t.ExpiresAt)
		}
		return nil
	})
	return c
}

package diagnose

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// clientParams name a client by its host's addresses and its process id there.
type clientParams struct {
	Addresses []netip.Addr `json:"addresses"`
	Pid       uint32       `json:"pid"`
}

// dumpClient has a client write its state, through whichever peer it has its volfile from. A dump of parts is not possible: nothing but
// the process id can be told.
func (c *Commands) dumpClient(ctx context.Context, v *volume.Volume, req api.StatedumpReq) ([]api.Statedump, error) {
	if req.Bricks || req.Quota || req.SelfHeal || len(req.Options) > 0 {
		return nil, api.FieldErrorf("client", "a client is asked by itself, and for all of its state: leave bricks, daemons and options out")
	}
	host, p, err := readClient(ctx, req.Client)
	if err != nil {
		return nil, err
	}
	peers, err := peer.Records.List(c.cfg.Store)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(peers))
	for i, rec := range peers {
		ids[i] = rec.ID
	}
	out := []api.Statedump{}
	for _, a := range c.clients.Ask(ctx, v, ids, p) {
		if a.Err == nil && a.Value > 0 {
			out = append(out, api.Statedump{
				Name: "client " + req.Client, Kind: api.ProcessClient, PeerID: a.PeerID, Host: host, Pid: int(p.Pid),
				File: fmt.Sprintf("%s/glusterdump.%d.dump.*", brick.DumpDir, p.Pid),
			})
		}
	}
	if len(out) == 0 {
		return nil, api.Errorf(api.NotFound, "volume %s has no client on %s that is connected to a peer which can be reached", v.Name, host).With(api.FieldField, "client")
	}
	return out, nil
}

// readClient takes HOST:PID apart and looks the host up.
func readClient(ctx context.Context, text string) (host string, p clientParams, err error) {
	wrong := func() error {
		return api.FieldErrorf("client", "client %.300q: give it as HOST:PID, the host and the process id of the program", text)
	}
	host, number, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return "", p, wrong()
	}
	pid, err := strconv.ParseUint(number, 10, 31)
	if err != nil || pid == 0 {
		return "", p, wrong()
	}
	p.Pid = uint32(pid)
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", p, api.FieldErrorf("client", "client %.300q: %v", text, err)
	}
	for _, a := range addresses {
		p.Addresses = append(p.Addresses, a.Unmap())
	}
	return host, p, nil
}

// answerClient tells the clients that have their volfiles from this peer. One that is on this very host may have come by its loopback.
func (c *Commands) answerClient(_ context.Context, v *volume.Volume, p clientParams) (int, error) {
	here := false
	if own, err := net.InterfaceAddrs(); err == nil {
		here = slices.ContainsFunc(own, func(a net.Addr) bool {
			n, err := netip.ParsePrefix(a.String())
			return err == nil && slices.Contains(p.Addresses, n.Addr().Unmap())
		})
	}
	return c.cfg.DumpClients(v.Name, func(a netip.Addr) bool { return slices.Contains(p.Addresses, a) || here && a.IsLoopback() }, p.Pid), nil
}

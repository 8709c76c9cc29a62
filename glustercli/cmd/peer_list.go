package cmd

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func newPeerList(a *app) *cobra.Command {
	var f listFlags
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List the peers of the pool in a table", Args: wants(0, 0)}
	f.add(c, "peers")
	c.RunE = a.do("peer list", func(ctx context.Context, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		if len(f.fields) > 0 {
			page, err := a.client.PeerFields(ctx, f.Filter, f.fields...)
			if err != nil {
				return err
			}
			return a.objects(page, f.fields)
		}
		page, err := a.client.PeerPage(ctx, f.Filter)
		if err != nil {
			return err
		}
		defer a.more(page.Next)
		return a.emit(oneOrAll(page.Items, nil), func(w io.Writer) { a.peerTable(w, page.Items) })
	})
	return c
}

func (a *app) peerTable(w io.Writer, peers []api.Peer) {
	var rows [][]string
	for _, p := range peers {
		rows = append(rows, []string{
			peerHost(p), p.ID, connected(p), orDash(zone(p)), orDash(p.StoreRole), orDash(strings.Join(p.PeerAddresses, ",")),
		})
	}
	a.table(w, []string{"NAME", "ID", "STATE", "ZONE", "STORE", "ADDRESSES"}, rows)
}

// zone is the failure domain that somebody gave the peer; a peer without one is a zone of its own.
func zone(p api.Peer) string {
	if z := p.Metadata[api.ZoneKey]; z != p.ID {
		return z
	}
	return ""
}

func connected(p api.Peer) string {
	if p.Online {
		return "Connected"
	}
	return "Disconnected"
}

func newPeerStatus(a *app) *cobra.Command {
	c := &cobra.Command{Use: "status", Short: "Show the other peers of the pool, as gluster does", Args: wants(0, 0)}
	c.RunE = a.do("peer status", func(ctx context.Context, _ []string) error {
		peers, err := a.client.Peers(ctx, client.Filter{})
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(peers, nil), func(w io.Writer) { a.writePeers(w, peers) })
	})
	return c
}

// writePeers leaves out the peer that answers, as gluster does.
func (a *app) writePeers(w io.Writer, peers []api.Peer) {
	var others []api.Peer
	for _, p := range peers {
		if p.ID != a.client.PeerID() {
			others = append(others, p)
		}
	}
	say(w, "Number of Peers: %d\n", len(others))
	for _, p := range others {
		say(w, "\nHostname: %s\nUuid: %s\nState: Peer in Cluster (%s)\n", peerHost(p), p.ID, connected(p))
	}
}

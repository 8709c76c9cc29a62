package lab

import (
	"context"
	"fmt"
	"strings"
)

// Direction says which packets of a peer are dropped.
type Direction string

// The directions, as the peer sees them.
const (
	Incoming Direction = "incoming"
	Outgoing Direction = "outgoing"
	Both     Direction = "both"
)

// dropTable is the table of the peer's packet filter that has our rules and nothing else.
const dropTable = "inet gd2_lab"

// Drop drops all packets between the peer and the others, silently, as a broken switch does: nobody is told that a
// connection is gone. Pass ends that. Other hosts, such as clients, still reach the peer.
func (p *Peer) Drop(ctx context.Context, d Direction, others ...*Peer) error {
	var addrs []string
	for _, o := range others {
		addrs = append(addrs, o.Addr)
	}
	set := "{ " + strings.Join(addrs, ", ") + " }"
	rules := "add table " + dropTable + "\n"
	if d != Outgoing {
		rules += chain("input", "ip saddr "+set)
	}
	if d != Incoming {
		rules += chain("output", "ip daddr "+set)
	}
	_, err := p.Run(ctx, "nft", rules)
	return err
}

func chain(hook, match string) string {
	return fmt.Sprintf("add chain %s %s { type filter hook %s priority 0; }\nadd rule %s %s %s drop\n", dropTable, hook, hook, dropTable, hook, match)
}

// Pass lets all packets through again.
func (p *Peer) Pass(ctx context.Context) error {
	_, err := p.Run(ctx, "nft", "delete", "table", dropTable)
	return err
}

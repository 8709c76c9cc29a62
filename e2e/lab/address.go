package lab

import "context"

// AddAddress gives the peer one more address in the lab's network, such as 10.77.0.99. Addr stays as it is.
func (p *Peer) AddAddress(ctx context.Context, addr string) error {
	return p.space.ip(ctx, "addr add "+addr+"/24 dev eth0")
}

// MoveTo makes an address that AddAddress gave the peer its only one, and its Addr.
func (p *Peer) MoveTo(ctx context.Context, addr string) error {
	// The kernel drops a secondary address together with its primary, unless told to promote it.
	if _, err := p.Run(ctx, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries"); err != nil {
		return err
	}
	if err := p.space.ip(ctx, "addr del "+p.Addr+"/24 dev eth0"); err != nil {
		return err
	}
	p.Addr = addr
	return nil
}

package volgen

import "gd2/glusterd2/volume"

// Rebalance returns the volfile by which the rebalance process of a peer sees a volume: its bricks, what protects files
// across them, and distribute. It carries the volume's credentials.
func Rebalance(v *volume.Volume, o Params) string { return newBuilder(v, o).trusted() }

// Repair returns the volfile of the short-lived mount by which copies are told that a brick is empty. It is that of a
// rebalance, but works with whatever copies are there.
func Repair(v *volume.Volume, o Params) string {
	b := newBuilder(v, o)
	b.s.over = map[string]string{"cluster.quorum-type": "none", "cluster.quorum-count": "1"}
	return b.trusted()
}

// trusted makes the graph of a process of the pool that works on files, without caches.
func (b *builder) trusted() string {
	b.distribute(b.clusters(b.clients(true)))
	b.g.stack(b.v.Name, typeIOStats)
	b.options()
	b.transport()
	b.logging("client")
	return b.g.text()
}

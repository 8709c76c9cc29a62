package volgen

import (
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
)

// SelfHeal returns the volfile by which the self-heal daemon of a peer looks after one volume. It carries the volume's
// credentials. Only volumes with NeedsSelfHeal have one.
func SelfHeal(v *volume.Volume, o Params) string {
	s := o.settings(v)
	// The daemon always heals what it finds, whatever clients do on their own.
	s.over = map[string]string{
		"cluster.background-self-heal-count": "0", "cluster.data-self-heal": "on",
		"cluster.metadata-self-heal": "on", "cluster.entry-self-heal": "on",
	}
	g := &graph{}
	subvols := clusters(g, v, clients(g, v, o, s, true, false))
	for _, n := range subvols {
		n.set("iam-self-heal-daemon", "yes")
		n.set("self-heal-daemon", "enable")
	}
	s.plain(g)
	s.each(func(r *xlator.Row, value string) {
		switch r.Special {
		case "self-heal-daemon", "heal-timeout":
			g.apply(r, r.Special, value)
		}
	})
	g.add(v.Name, typeIOStats, subvols)
	s.logging(g, "client")
	return g.text()
}

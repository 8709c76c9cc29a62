package volgen

import (
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
)

// SelfHeal returns the volfile by which the self-heal daemon of a peer looks after one volume. It carries the volume's
// credentials. Only volumes with NeedsSelfHeal have one.
//
// A volume whose healing is switched off keeps its volfile; its translators are told to stay idle.
func SelfHeal(v *volume.Volume, o Params) string {
	b := newBuilder(v, o)
	// The daemon always heals what it finds, whatever clients do on their own.
	b.s.over = map[string]string{
		"cluster.background-self-heal-count": "0", "cluster.data-self-heal": "on",
		"cluster.metadata-self-heal": "on", "cluster.entry-self-heal": "on",
	}
	subvols := b.clusters(b.clients(true))
	for _, n := range subvols {
		n.set("iam-self-heal-daemon", "yes")
		n.set("self-heal-daemon", "enable")
	}
	b.options()
	b.s.each(func(r *xlator.Row, value string) {
		switch r.Special {
		case "self-heal-daemon", "heal-timeout":
			b.g.apply(r.Xlator, r.Special, value)
		}
	})
	b.transport()
	b.g.add(v.Name, typeIOStats, subvols)
	b.logging("client")
	if level, ok := o.Pool["cluster.daemon-log-level"]; ok {
		b.g.apply(typeIOStats, "log-level", level)
	}
	return b.g.text()
}

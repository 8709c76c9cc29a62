package volgen

import (
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
)

// Types of translators that the generator treats specially.
const (
	typeClient       = "protocol/client"
	typeServer       = "protocol/server"
	typeIOStats      = "debug/io-stats"
	typeReplicate    = "cluster/replicate"
	typeDisperse     = "cluster/disperse"
	typeDistribute   = "cluster/distribute"
	typeReaddirAhead = "performance/readdir-ahead"
)

// builder makes the graph of one volfile.
type builder struct {
	g *graph
	v *volume.Volume
	o Params
	s settings
}

func newBuilder(v *volume.Volume, o Params) *builder {
	return &builder{g: &graph{}, v: v, o: o, s: o.settings(v)}
}

// layer stacks a translator named after the volume, and above it the debugging translators that the options put there.
func (b *builder) layer(name, typ string, options ...string) {
	b.g.stack(b.v.Name+"-"+name, typ, options...)
	b.debug(name)
}

// debug stacks the debugging translators whose option names the layer. glusterd stacks all of them once for each that is
// on, so that with two on their names collide; here each comes once.
func (b *builder) debug(layer string) {
	for _, d := range []string{"trace", "error-gen", "delay-gen"} {
		if b.s.get("debug."+d, "") == layer {
			b.g.stack(b.v.Name+"-"+d, "debug/"+d)
		}
	}
}

// options gives the graph the options that need no rule of their own.
func (b *builder) options() {
	b.s.each(func(r *xlator.Row, value string) {
		// The port of a thin arbiter is for its own client only, and there are none.
		if r.Special == "" && r.Key != "client.ta-brick-port" {
			b.g.apply(r.Xlator, r.Option, value)
		}
	})
}

// transport gives the options about connections to those who connect.
func (b *builder) transport() {
	b.s.each(func(r *xlator.Row, value string) {
		var option string
		switch {
		case r.Special == "address-family":
			option = "transport.address-family"
		case strings.HasPrefix(r.Special, "ssl-") && r.Special != "ssl-allow":
			option = "transport.socket." + r.Special
		default:
			return
		}
		b.g.apply(typeClient, option, value)
		b.g.apply(typeServer, option, value)
	})
}

// logging gives the io-stats translators the options about logs and threads. Role is "brick" or "client", as the keys
// have it.
func (b *builder) logging(role string) {
	b.s.each(func(r *xlator.Row, value string) {
		if !strings.HasPrefix(r.Key, "diagnostics."+role+"-") {
			return
		}
		switch r.Special {
		case "brick-log-level", "client-log-level":
			b.g.apply(typeIOStats, "log-level", value)
		case "sys-log-level", "logger", "log-format", "log-buf-size", "log-flush-timeout":
			b.g.apply(typeIOStats, r.Special, value)
		}
	})
	b.s.each(func(r *xlator.Row, value string) {
		if r.Special == role+"-threads" {
			b.g.apply(typeIOStats, "threads", value)
		}
	})
}

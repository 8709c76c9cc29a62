package volgen

import (
	"maps"
	"slices"
	"strings"
)

// node is one translator of a graph.
type node struct {
	name, typ string
	options   map[string]string
	children  []*node
}

func (n *node) set(option, value string) { n.options[option] = value }

// graph is a stack of translators; children come before those who use them, the last one is the top.
type graph struct{ nodes []*node }

// add puts a translator on the graph. Options come in pairs of name and value.
func (g *graph) add(name, typ string, children []*node, options ...string) *node {
	n := &node{name: name, typ: typ, options: map[string]string{}, children: children}
	for i := 0; i+1 < len(options); i += 2 {
		n.set(options[i], options[i+1])
	}
	g.nodes = append(g.nodes, n)
	return n
}

// stack puts a translator above the present top.
func (g *graph) stack(name, typ string, options ...string) {
	var below []*node
	if top := g.top(); top != nil {
		below = []*node{top}
	}
	g.add(name, typ, below, options...)
}

func (g *graph) top() *node {
	if len(g.nodes) == 0 {
		return nil
	}
	return g.nodes[len(g.nodes)-1]
}

// apply gives every translator of a type an option.
func (g *graph) apply(typ, option, value string) {
	for _, n := range g.nodes {
		if n.typ == typ {
			n.set(option, value)
		}
	}
}

// text writes the graph as a volfile. Options are sorted, so that equal graphs have equal texts.
func (g *graph) text() string {
	var b strings.Builder
	for i, n := range g.nodes {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString("volume " + word(n.name) + "\n    type " + n.typ + "\n")
		for _, k := range slices.Sorted(maps.Keys(n.options)) {
			if n.options[k] == "" {
				continue // the parser cannot read an empty word
			}
			b.WriteString("    option " + word(k) + " " + word(n.options[k]) + "\n")
		}
		if len(n.children) > 0 {
			b.WriteString("    subvolumes")
			for _, c := range n.children {
				b.WriteString(" " + word(c.name))
			}
			b.WriteString("\n")
		}
		b.WriteString("end-volume\n")
	}
	return b.String()
}

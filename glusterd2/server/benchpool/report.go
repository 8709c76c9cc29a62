package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// measure is what is measured, of a pool of a size.
type measure struct {
	what  string
	peers int
	unit  string
	// base is the size that this figure is compared with, and limit how many times that one it may be; 0 is no limit.
	base  int
	limit float64
	// with is what it is compared with, at the same size, if not with itself at another.
	with string
}

func joinOf(n int) measure {
	m := measure{what: "join of a peer, as the last of", peers: n, unit: "ms"}
	if n > 50 {
		m.base, m.limit = 10, 2
	}
	return m
}

const createOnThree = "create of a volume on three peers"

func createAt(n int) measure {
	m := measure{what: createOnThree, peers: n, unit: "ms"}
	if n > 30 {
		m.base, m.limit, m.with = 3, 1.3, controlAt(n).what
	}
	return m
}

// controlAt is the same in a pool of three, at the same time as createAt.
func controlAt(n int) measure {
	return measure{what: "the same in a pool of three, at the same time", peers: n, unit: "ms"}
}

func cpuOfVoters(n int) measure {
	return measure{what: "CPU of each of the three for a create and a delete", peers: n, unit: "ms"}
}

func cpuOfOthers(n int) measure {
	return measure{what: "CPU of each other peer for a create and a delete", peers: n, unit: "ms"}
}

func idleCPU(n int) measure {
	return measure{what: "at rest: CPU of each of the three, a second", peers: n, unit: "ms"}
}

func idleClients(n int) measure {
	return measure{what: "at rest: store and all peers", peers: n, unit: "KiB/s"}
}

func idleMembers(n int) measure {
	return measure{what: "at rest: between members of the store", peers: n, unit: "KiB/s"}
}

func idleChanges(n int) measure {
	return measure{what: "at rest: changes of the store", peers: n, unit: "1/s"}
}

func residentAt(n int) measure {
	return measure{what: "resident memory for each daemon", peers: n, unit: "MiB"}
}

func heapAt(n int) measure {
	return measure{what: "live heap for each daemon", peers: n, unit: "MiB"}
}

// report collects figures by what was measured, in the order in which it came first.
type report struct {
	order   []measure
	figures map[measure][]float64
}

func (r *report) add(m measure, figure float64) {
	if r.figures == nil {
		r.figures = map[measure][]float64{}
	}
	if _, ok := r.figures[m]; !ok {
		r.order = append(r.order, m)
	}
	r.figures[m] = append(r.figures[m], figure)
}

// row is one line of the report; Median is in Unit.
type row struct {
	What   string  `json:"what"`
	Peers  int     `json:"peers"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	Runs   int     `json:"runs"`
	Base   int     `json:"compared-with-peers,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"`
	Limit  float64 `json:"limit,omitempty"`
	Missed bool    `json:"missed,omitempty"`
}

// rows orders the report by what was measured, then by size.
func (r *report) rows() []row {
	var out []row
	for _, m := range r.order {
		line := row{What: m.what, Peers: m.peers, Unit: m.unit, Median: median(r.figures[m]), Runs: len(r.figures[m])}
		if base := r.base(m); m.limit > 0 && base > 0 {
			line.Base, line.Limit, line.Ratio = m.base, m.limit, line.Median/base
			line.Missed = line.Ratio > m.limit
		}
		out = append(out, line)
	}
	place := map[string]int{}
	for i, m := range r.order {
		if _, ok := place[m.what]; !ok {
			place[m.what] = i
		}
	}
	slices.SortStableFunc(out, func(a, b row) int { return place[a.What] - place[b.What] })
	return out
}

// base is the median with which one is compared; 0 if there is none.
func (r *report) base(m measure) float64 {
	if m.with != "" {
		return r.median(m.with, m.peers)
	}
	return r.median(m.what, m.base)
}

// median of what was measured at a size; 0 if nothing was.
func (r *report) median(what string, peers int) float64 {
	for m, figures := range r.figures {
		if m.what == what && m.peers == peers {
			return median(figures)
		}
	}
	return 0
}

// median of at least one figure.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// table writes the table.
func (r *report) table(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "peers\tmedian\truns\tratio\tlimit\t  what")
	for _, l := range r.rows() {
		ratio, limit := "-", "-"
		if l.Limit > 0 {
			ratio, limit = fmt.Sprintf("%.2f", l.Ratio), fmt.Sprintf("≤ %.1f × %d peers", l.Limit, l.Base)
			if l.Missed {
				limit = "missed " + limit
			}
		}
		fmt.Fprintf(tab, "%d\t%.2f %s\t%d\t%s\t%s\t  %s\n", l.Peers, l.Median, l.Unit, l.Runs, ratio, limit, l.What)
	}
	_ = tab.Flush() // w is standard output
}

// write writes the rows as JSON.
func (r *report) write(file string) error {
	data, err := json.MarshalIndent(r.rows(), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

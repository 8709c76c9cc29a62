package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// report collects figures: milliseconds, or MiB for memory.
type report struct {
	operations []string
	figures    map[string]map[string][]float64 // by operation, then by system
	commits    int64
}

// target is the ratio gd2 ÷ glusterd that is aimed at; 0 means that the operation is only reported.
func target(op string) float64 {
	return map[string]float64{
		opProbe: 1.0, opCreate: 0.25, opFirst: 0.2, opAnother: 0.6, opStop: 0.15, opDelete: 0.3, opSet: 0.3,
		opGrow: 0.3, opStatus: 0.3, opHeal: 1.0,
	}[op]
}

func (r *report) add(system, op string, figure float64) {
	if r.figures == nil {
		r.figures = map[string]map[string][]float64{}
	}
	if r.figures[op] == nil {
		r.operations = append(r.operations, op)
		r.figures[op] = map[string][]float64{}
	}
	r.figures[op][system] = append(r.figures[op][system], figure)
}

// row is one operation in the JSON file. Memory is in MiB, in fields of its own.
type row struct {
	Operation   string  `json:"operation"`
	GD2         float64 `json:"gd2_ms,omitempty"`
	Glusterd    float64 `json:"glusterd_ms,omitempty"`
	GD2MiB      float64 `json:"gd2_mib,omitempty"`
	GlusterdMiB float64 `json:"glusterd_mib,omitempty"`
	Ratio       float64 `json:"ratio,omitempty"`
	Target      float64 `json:"target,omitempty"`
	Commits     int64   `json:"raft_commits,omitempty"`
	Runs        int     `json:"runs"`
}

func (r *report) rows() []row {
	var out []row
	for _, op := range r.operations {
		ours, theirs := median(r.figures[op]["gd2"]), median(r.figures[op]["glusterd"])
		line := row{Operation: op, Target: target(op), Runs: max(len(r.figures[op]["gd2"]), len(r.figures[op]["glusterd"]))}
		if op == opEmpty || op == opFull {
			line.GD2MiB, line.GlusterdMiB = ours, theirs
		} else {
			line.GD2, line.Glusterd = ours, theirs
		}
		if ours > 0 && theirs > 0 {
			line.Ratio = ours / theirs
		}
		if op == opCreate {
			line.Commits = r.commits
		}
		out = append(out, line)
	}
	return out
}

// median of no figures is 0.
func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// print writes the table.
func (r *report) print(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "gd2\tglusterd\tratio\taim\truns\t  operation")
	for _, l := range r.rows() {
		unit, ours, theirs := "ms", l.GD2, l.Glusterd
		if l.GD2MiB+l.GlusterdMiB > 0 {
			unit, ours, theirs = "MiB", l.GD2MiB, l.GlusterdMiB
		}
		aim := ""
		if l.Target > 0 {
			aim = fmt.Sprintf("≤ %.2f", l.Target)
			if l.Ratio > l.Target {
				aim = "missed " + aim
			}
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%d\t  %s\n",
			figure(ours, "%.1f "+unit), figure(theirs, "%.1f "+unit), figure(l.Ratio, "%.2f"), aim, l.Runs, l.Operation)
	}
	_ = tab.Flush() // w is standard output
	if r.commits > 0 {
		fmt.Fprintf(w, "\nraft commits per volume create: %d\n", r.commits)
	}
}

// figure formats a figure; 0 is one that was not taken.
func figure(f float64, format string) string {
	if f == 0 {
		return "-"
	}
	return fmt.Sprintf(format, f)
}

// write writes the figures as a JSON array.
func (r *report) write(file string) error {
	text, err := json.MarshalIndent(r.rows(), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

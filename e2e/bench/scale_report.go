package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// scaleReport collects what the scale bench measures.
type scaleReport struct {
	Parts   []scalePart   `json:"parts"`
	Figures []scaleFigure `json:"figures"`
}

// scalePart is a part of the way to the full number of volumes.
type scalePart struct {
	System string `json:"system"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	// Clients made the volumes, Rate of them a second.
	Clients int     `json:"clients"`
	Rate    float64 `json:"volumes_per_second"`
	Create  float64 `json:"create_ms"`
	Start   float64 `json:"start_ms"`
}

// scaleFigure is one figure and the limit that is aimed at; a limit of 0 means none.
type scaleFigure struct {
	System string  `json:"system"`
	What   string  `json:"what"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Limit  float64 `json:"limit,omitempty"`
}

// scaleLimits are the limits that gd2 aims at, by the figure's name.
var scaleLimits = map[string]float64{
	"the latter in units of the former": 1.3, "restart until the first answer": 1000, "restart until all bricks are online again": 5000,
	"memory of the daemon": 200, "volume list": 30,
	"records, for each volume": 4,
}

func (r *scaleReport) part(system string, from, to, clients int, rate, create, start float64) {
	r.Parts = append(r.Parts, scalePart{system, from, to, clients, rate, create, start})
	fmt.Fprintf(os.Stderr, "%-8s volumes %4d to %4d, %2d clients: %6.2f a second; create %.0f ms, start %.0f ms\n",
		system, from, to, clients, rate, create, start)
}

func (r *scaleReport) add(system, what, unit string, value float64) {
	f := scaleFigure{System: system, What: what, Value: value, Unit: unit}
	if system == "gd2" {
		f.Limit = scaleLimits[what]
	}
	r.Figures = append(r.Figures, f)
	fmt.Fprintf(os.Stderr, "%-8s %10.2f %-4s %s\n", system, value, unit, what)
}

// print writes the tables.
func (r *scaleReport) print(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "system\tvolumes\tclients\ta second\tcreate\tstart\t")
	for _, p := range r.Parts {
		fmt.Fprintf(tab, "%s\t%d-%d\t%d\t%.2f\t%.0f ms\t%.0f ms\t\n", p.System, p.From, p.To, p.Clients, p.Rate, p.Create, p.Start)
	}
	fmt.Fprintln(tab, "\t\t\t\t\t\t")
	fmt.Fprintln(tab, "system\tvalue\taim\t  figure")
	for _, f := range r.Figures {
		aim := ""
		if f.Limit > 0 {
			aim = fmt.Sprintf("≤ %g", f.Limit)
			if f.Value > f.Limit {
				aim = "missed " + aim
			}
		}
		fmt.Fprintf(tab, "%s\t%.2f %s\t%s\t  %s\n", f.System, f.Value, f.Unit, aim, f.What)
	}
	_ = tab.Flush() // w is standard output
}

// write writes everything as JSON.
func (r *scaleReport) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

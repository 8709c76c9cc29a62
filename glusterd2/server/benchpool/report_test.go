package main

import (
	"strings"
	"testing"
)

// The table compares with what a limit names, and says what is missed.
func TestReport(t *testing.T) {
	var r report
	for _, figure := range []float64{30, 10, 20} {
		r.add(controlAt(100), figure)
	}
	r.add(joinOf(10), 100)
	r.add(createAt(100), 25)
	r.add(createAt(100), 29)
	r.add(joinOf(100), 150)
	var out strings.Builder
	r.table(&out)
	for _, want := range []string{"20.00 ms 3 - -", "27.00 ms 2 1.35 missed ≤ 1.3 × 3 peers", "150.00 ms 1 1.50 ≤ 2.0 × 10 peers"} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), want) {
			t.Errorf("%q is not in the report:\n%s", want, out.String())
		}
	}
	for _, l := range r.rows() {
		if l.Missed != (l.Ratio > 1.3 && l.Limit == 1.3) || l.Limit == 0 && l.Ratio != 0 {
			t.Errorf("row %+v", l)
		}
	}
	if n := len(r.rows()); n != 4 {
		t.Errorf("%d rows", n)
	}
}

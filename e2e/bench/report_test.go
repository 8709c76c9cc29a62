package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	var r report
	for _, ms := range []float64{30, 10, 20} {
		r.add("gd2", opCreate, ms)
		r.add("glusterd", opCreate, 10*ms)
	}
	r.add("gd2", opStop, 40)
	r.add("glusterd", opStop, 100)
	r.commits = 2
	var text strings.Builder
	r.print(&text)
	for _, want := range []string{"20.0 ms", "200.0 ms", "0.10", "missed ≤ 0.15", "raft commits per volume create: 2"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	file := filepath.Join(t.TempDir(), "bench.json")
	if err := r.write(file); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	if rows[0]["operation"] != opCreate || rows[0]["gd2_ms"] != 20.0 || rows[0]["glusterd_ms"] != 200.0 || rows[0]["runs"] != 3.0 {
		t.Errorf("%v", rows[0])
	}
}

func TestMedian(t *testing.T) {
	for want, figures := range map[float64][]float64{0: nil, 3: {9, 3, 1}, 2.5: {4, 1, 2, 3}} {
		if got := median(figures); got != want {
			t.Errorf("median of %v is %v", figures, got)
		}
	}
}

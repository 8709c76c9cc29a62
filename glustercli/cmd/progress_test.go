package cmd

import (
	"bytes"
	"strings"
	"testing"

	"gd2/pkg/api"
)

// evacuating is an evacuation with so many bricks moved and a note.
func evacuating(done int64, note string) api.Operation {
	percent := 100 * float64(done) / 8
	return api.Operation{ID: "01X", Operation: "device.evacuate", State: api.OperationRunning, Step: "device.evacuate", Percent: &percent,
		Progress: []api.PeerProgress{{PeerID: "p1", Done: done, Total: 8, Unit: "bricks", Note: note}}}
}

func TestOperationShowsProgress(t *testing.T) {
	c := &console{v: evacuating(3, "volume gv0 is being healed, 12 entries left")}
	if code := c.run(t, "operation", "show", "01X"); code != 0 {
		t.Fatal(code, c.err.String())
	}
	for _, want := range []string{"Step: device.evacuate, 38%", "Progress of p1: 3 bricks of 8 bricks; volume gv0 is being healed, 12 entries left"} {
		if !strings.Contains(c.out.String(), want) {
			t.Errorf("%q is not in\n%s", want, c.out.String())
		}
	}
}

// What waits prints a line for news only: not for each entry that is healed.
func TestProgressIsNews(t *testing.T) {
	var out bytes.Buffer
	a := &app{Env: Env{Err: &out}}
	a.output = formatTable
	p := &progress{a: a}
	for _, o := range []api.Operation{evacuating(3, "12 entries left"), evacuating(3, "11 entries left"), evacuating(3, "no room"), evacuating(4, "no room")} {
		p.tell(o)
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 3 || !strings.Contains(lines[0], "12 entries left") || !strings.Contains(lines[1], "no room") {
		t.Errorf("%q", lines)
	}
}

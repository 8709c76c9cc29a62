package xlator

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestStricterThanGlusterd compares with what glusterd 10.3 did when each of 20 values was set for each option of a
// replica 3 volume: what it refused we must refuse too. (What it accepted proves little: it checks an option only if
// the volume's graph has the translator.) The first line of the file lists the values tried, each other one an option and
// the values accepted.
func TestStricterThanGlusterd(t *testing.T) {
	tab := load(t)
	text, err := os.ReadFile("testdata/glusterd-accepts.txt")
	if err != nil {
		t.Fatal(err)
	}
	exceptions := map[string]string{
		"cluster.rebal-throttle":     "the number is bounded by the cores of the host that is asked",
		"cluster.lock-migration":     "off is what it is anyway",
		"server.statedump-path":      "the directory must exist on the host that is asked",
		"features.quota-deem-statfs": "it needs quota to be on, which is checked with the options of the volume together",
		"features.trash-dir":         "the trash had to be on first; the name takes effect when it is",
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	tried := strings.Fields(lines[0])[1:]
	accepted := 0
	for _, line := range lines[1:] {
		f := strings.Fields(line)
		key, theirs := f[0], f[1:]
		for _, value := range tried {
			err := tab.ValidateFor(key, value, rep3)
			if err == nil {
				accepted++
			}
			if err == nil && !slices.Contains(theirs, value) && exceptions[key] == "" {
				t.Errorf("%s=%s is accepted, glusterd refused it", key, value)
			}
		}
	}
	t.Logf("%d options, %d of %d values accepted", len(lines)-1, accepted, len(tried)*(len(lines)-1))
}

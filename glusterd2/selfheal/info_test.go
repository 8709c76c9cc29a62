package selfheal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/selfheal"
	"gd2/pkg/api"
)

// glfsheal that waits for a brick, or for a lock, ends in time, and whoever asked is told what happened and what to do instead.
func TestInfoThatDoesNotEnd(t *testing.T) {
	program := filepath.Join(t.TempDir(), "glfsheal")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho '<cliOutput>'\nexec sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	i := selfheal.Info{Program: program, Timeout: 200 * time.Millisecond}
	_, info := i.HealInfo(t.Context(), "gv0", "")
	_, resolve := i.Resolve(t.Context(), "gv0", "bigger-file", "/f")
	for what, err := range map[string]error{"info": info, "split-brain": resolve, "granular": i.ReadyForGranular(t.Context(), "gv0")} {
		if !api.IsKind(err, api.Timeout) || !strings.Contains(err.Error(), "volume heal gv0 statistics heal-count") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptT lets scripts run one after the other: they share a pool.
type scriptT struct{ *testing.T }

func (s scriptT) Parallel()     {}
func (s scriptT) Verbose() bool { return testing.Verbose() }
func (s scriptT) Run(name string, f func(t testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(scriptT{t}) })
}

// TestCLI runs the scripts of testdata/cli, which also show how glustercli is used. In them, `exec glustercli …` runs
// on node1, and `exec node2 COMMAND …` runs a command on node2.
func TestCLI(t *testing.T) {
	p := newPool(t, 3, 0)
	programs := t.TempDir()
	shim := func(name string, n int, program string) {
		cmd := p.Peer(n).Command(t.Context(), "/usr/bin/env", "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
		text := "#!/bin/sh\nexec"
		for _, arg := range cmd.Args {
			text += fmt.Sprintf(" '%s'", arg)
		}
		text += " " + program + " \"$@\"\n"
		p.must(os.WriteFile(filepath.Join(programs, name), []byte(text), 0o755))
	}
	shim("glustercli", 1, "glustercli")
	for n := 1; n <= 3; n++ {
		shim(fmt.Sprintf("node%d", n), n, "")
	}
	testscript.RunT(scriptT{t}, testscript.Params{
		Dir:           "testdata/cli",
		UpdateScripts: os.Getenv("GD2_E2E_UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", programs+":"+env.Getenv("PATH"))
			return nil
		},
	})
}

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"glustercli": main})
}

// TestScripts runs the scripts of testdata/script against a pool in memory. They are also the documentation of what each
// command prints and how it exits: "exits N glustercli ..." expects the exit code N.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: false,
		Setup: func(env *testscript.Env) error {
			// The path of a unix socket must be short, and the work directory's is not.
			dir, err := os.MkdirTemp("", "cli")
			if err != nil {
				return err
			}
			socket := filepath.Join(dir, "s")
			stop, err := newFake().serve(socket)
			if err != nil {
				return err
			}
			env.Defer(func() {
				stop()
				_ = os.RemoveAll(dir) // a leftover of the test would be no failure of glustercli
			})
			env.Setenv("GD2_ENDPOINTS", "unix://"+socket)
			env.Setenv("SOCKET", "unix://"+socket)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command and compares its exit code with the first argument.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG]...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// BenchmarkStart measures how long glustercli takes from exec to exit when nothing is asked of a pool. It should stay far
// below 50 ms, so that scripts can loop over it.
func BenchmarkStart(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "glustercli")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for b.Loop() {
		if err := exec.Command(bin, "version", "--client").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGlusterdArguments(t *testing.T) {
	t.Setenv("GD2_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--help"}, 0, "management translator"},
		{[]string{"-V"}, 0, "in the place of glusterd"},
		{[]string{"--nonsense"}, 2, "unknown flag"},
		{[]string{"-L", "LOUD"}, 2, "--log-level"},
		{[]string{"-N"}, 2, "none.toml"},
	} {
		var out, errs bytes.Buffer
		if code := glusterd(c.args, &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("%v: exit code %d, %s%s, want %d and %q", c.args, code, out.String(), errs.String(), c.code, c.says)
		}
	}
}

// Whoever waits hears one verdict, and the variable by which the daemon finds it does not reach its bricks.
func TestStarter(t *testing.T) {
	hear, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hear.Close()
	s := starter{tell}
	s.failed(errors.New("no port"))
	s.up()
	var got bytes.Buffer
	if _, err := got.ReadFrom(hear); err != nil || got.String() != "no port" {
		t.Errorf("%q, %v", got.String(), err)
	}
	starter{}.up() // nobody waits
	t.Setenv(starterFD, "three")
	if _, _, err := starterOf(); err == nil {
		t.Error("nonsense is taken for a descriptor")
	}
	t.Setenv(starterFD, "")
	if _, waits, err := starterOf(); err != nil || waits {
		t.Errorf("%v %v", waits, err)
	}
}

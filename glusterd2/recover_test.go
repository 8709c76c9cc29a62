package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRecoverFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"recover", "--help"}, 0, "--force-new-pool"},
		{[]string{"recover"}, 2, "give one of"},
		{[]string{"recover", "--from", "a", "--rejoin", "b"}, 2, "give one of"},
		{[]string{"recover", "--force-new-pool", "--as", "node1"}, 2, "--as goes with --from"},
		{[]string{"recover", "--nonsense"}, 2, "unknown flag"},
		{[]string{"recover", "--force-new-pool", "now"}, 2, "unexpected argument"},
	} {
		var out, errs bytes.Buffer
		if code := run(c.args, &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("%v: exit code %d, %s%s, want %d and %q", c.args, code, out.String(), errs.String(), c.code, c.says)
		}
	}
}

// A host without anything of a pool has nothing to recover, and is left as it is.
func TestRecoverNothing(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "lib")
	if err := os.Mkdir(state, 0o755); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run([]string{"recover", "--force-new-pool", "--yes", "--localstatedir", state, "--rundir", filepath.Join(dir, "run"),
		"--logdir", dir, "--clientaddress", "127.0.0.1:24007"}, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "there is nothing on this peer") {
		t.Errorf("exit code %d, %s%s", code, out.String(), errs.String())
	}
	if _, err := os.Stat(filepath.Join(state, "uuid.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an identity was made: %v", err)
	}
}

func TestConfirm(t *testing.T) {
	for answer, ok := range map[string]bool{"y\n": true, " YES \n": true, "n\n": false, "\n": false, "": false, "yes": true} {
		var f recoverFlags
		var out bytes.Buffer
		if err := f.confirm("the plan\n", strings.NewReader(answer), &out); (err == nil) != ok || !strings.HasPrefix(out.String(), "the plan\n") {
			t.Errorf("answer %q: %v, %s", answer, err, out.String())
		}
	}
	f := recoverFlags{yes: true}
	if err := f.confirm("the plan\n", strings.NewReader(""), new(bytes.Buffer)); err != nil {
		t.Error(err)
	}
}

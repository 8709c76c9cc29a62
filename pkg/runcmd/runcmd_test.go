package runcmd_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gd2/pkg/runcmd"
)

func sh(script string) runcmd.Command {
	return runcmd.Command{Name: "sh", Args: []string{"-c", script}}
}

func TestRun(t *testing.T) {
	c := sh(`cat; echo "$GREETING" >&2`)
	c.Env, c.Input = []string{"GREETING=hello"}, []byte("in")
	res, err := runcmd.Run(t.Context(), c)
	if err != nil || string(res.Stdout) != "in" || string(res.Stderr) != "hello\n" || res.ExitCode != 0 {
		t.Errorf("Run = %+v, %v", res, err)
	}
}

func TestRunFailure(t *testing.T) {
	_, err := runcmd.Run(t.Context(), sh("echo first >&2; echo 'no such pool ' >&2; echo >&2; exit 5"))
	var e *runcmd.Error
	if !errors.As(err, &e) || e.ExitCode != 5 || e.LastLine != "no such pool" {
		t.Fatalf("err = %#v", err)
	}
	want := `exit code 5: no such pool`
	if !strings.HasPrefix(err.Error(), `sh -c "echo first`) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("text %q", err)
	}
}

func TestRunMissingProgram(t *testing.T) {
	_, err := runcmd.Run(t.Context(), runcmd.Command{Name: "/does/not/exist"})
	var e *runcmd.Error
	if !errors.As(err, &e) || e.ExitCode != -1 || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("err = %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := runcmd.Run(ctx, runcmd.Command{Name: "sleep", Args: []string{"60"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want the deadline", err)
	}
}

func TestRunLimitsOutput(t *testing.T) {
	c := sh("while :; do echo line; done")
	c.Limit = 1000
	res, err := runcmd.Run(t.Context(), c)
	if !errors.Is(err, runcmd.ErrTooMuch) || len(res.Stdout) > c.Limit {
		t.Errorf("%d bytes, err %v", len(res.Stdout), err)
	}
	c = sh("i=0; while [ $i -lt 500 ]; do echo line $i >&2; i=$((i+1)); done")
	c.Limit = 100
	res, err = runcmd.Run(t.Context(), c)
	if err != nil || len(res.Stderr) != c.Limit || runcmd.LastLine(res.Stderr) != "line 499" {
		t.Errorf("stderr %q, err %v", res.Stderr, err)
	}
}

func TestRunWhole(t *testing.T) {
	c := sh(`cat; echo "$GREETING" >&2; exit 3`)
	c.Env, c.Input, c.Whole = []string{"GREETING=hello"}, []byte("in"), true
	res, err := runcmd.Run(t.Context(), c)
	var e *runcmd.Error
	if !errors.As(err, &e) || string(res.Stdout) != "in" || string(res.Stderr) != "hello\n" || res.ExitCode != 3 || e.LastLine != "hello" {
		t.Errorf("Run = %+v, %v", res, err)
	}
	c = sh("seq 1000; seq 2000 >&2")
	c.Limit, c.Whole = 100, true
	res, err = runcmd.Run(t.Context(), c)
	if !errors.Is(err, runcmd.ErrTooMuch) || len(res.Stdout) != 100 || !strings.HasSuffix(string(res.Stderr), "\n2000\n") || len(res.Stderr) != 100 {
		t.Errorf("Run = %q, %v", res.Stdout, err)
	}
}

// A command that should not be cut short is asked to end, in which it can say that it has.
func TestRunWholeIsAsked(t *testing.T) {
	c := sh(`trap 'echo in order; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	c.Whole = true
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	res, err := runcmd.Run(ctx, c)
	if !errors.Is(err, context.DeadlineExceeded) || string(res.Stdout) != "ready\nin order\n" {
		t.Errorf("Run = %+v, %v", res, err)
	}
}

// A command that should not be cut short has no pipe to the process that started it: it goes on when that dies.
func TestRunWholeHasNoPipe(t *testing.T) {
	c := sh("readlink /proc/self/fd/1 /proc/self/fd/2")
	c.Whole = true
	res, err := runcmd.Run(t.Context(), c)
	if err != nil || strings.Contains(string(res.Stdout), "pipe:") || strings.Count(string(res.Stdout), "memfd:") != 2 {
		t.Errorf("Run = %q, %v", res.Stdout, err)
	}
}

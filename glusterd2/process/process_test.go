package process_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gd2/glusterd2/process"
)

func TestStartAdoptStop(t *testing.T) {
	s := fakeSpec(t, modeServe)
	if _, err := process.Adopt(s); !errors.Is(err, process.ErrNotRunning) {
		t.Fatalf("Adopt before the start: %v", err)
	}
	p := startFake(t, s)
	if v, ok := p.Arg("--volfile-id"); !ok || v != "v1" {
		t.Errorf("Arg(--volfile-id) = %q, %v", v, ok)
	}
	again, err := process.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if again.Pid() != p.Pid() || again.Started() != p.Started() {
		t.Errorf("a second Start made another process: %d, first %d", again.Pid(), p.Pid())
	}
	if !p.Alive() {
		t.Error("not alive")
	}
	if err := again.Stop(t.Context(), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	<-p.Done() // every watcher sees the end
	if err := p.Stop(t.Context(), time.Second); err != nil {
		t.Errorf("Stop of what ended: %v", err)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("Signal to what ended: %v", err)
	}
	if _, err := process.Adopt(s); !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("Adopt after the stop: %v", err)
	}
	if err := errors.Join(again.Close(), process.Clean(s), process.Clean(s)); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

func TestDaemonIsInASessionOfItsOwn(t *testing.T) {
	p := startFake(t, fakeSpec(t, modeServe))
	sid, err := syscall.Getpgid(p.Pid())
	if err != nil || sid == syscall.Getpgrp() {
		t.Errorf("process group %d, %v; ours is %d", sid, err, syscall.Getpgrp())
	}
}

func TestStopKillsTheStubborn(t *testing.T) {
	p := startFake(t, fakeSpec(t, modeStubborn))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Stop(over, time.Hour); !errors.Is(err, context.Canceled) || !p.Alive() {
		t.Errorf("Stop with a context that is over: %v, alive %v", err, p.Alive())
	}
	if err := p.Stop(t.Context(), 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if p.Alive() {
		t.Error("still alive")
	}
}

func TestCrashIsSeenAtOnce(t *testing.T) {
	p := startFake(t, fakeSpec(t, modeServe))
	if err := syscall.Kill(p.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("nobody noticed")
	}
}

func TestCloseEndsTheWatchOnly(t *testing.T) {
	s := fakeSpec(t, modeServe)
	p := startFake(t, s)
	second, err := process.Adopt(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(second.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}
	if !p.Alive() || !alive(p.Pid()) {
		t.Error("Close did something to the process")
	}
}

func TestStartFailure(t *testing.T) {
	for _, mode := range []string{modeFail, modeLinger} {
		t.Run(mode, func(t *testing.T) {
			s := fakeSpec(t, mode)
			_, err := process.Start(t.Context(), s)
			var e *process.StartError
			if !errors.As(err, &e) || e.Code != 1 || !e.AddressInUse() {
				t.Fatalf("err = %v", err)
			}
			want := "fake did not start: its initialisation failed (exit code 1): 0-x: binding failed [Address already in use]"
			if !strings.Contains(err.Error(), want) {
				t.Errorf("text %q", err)
			}
			if _, err := process.Adopt(s); !errors.Is(err, process.ErrNotRunning) {
				t.Errorf("it left a process behind: %v", err)
			}
		})
	}
}

func TestStartThatHangsLeavesNothing(t *testing.T) {
	s := fakeSpec(t, modeHang)
	s.Timeout = 300 * time.Millisecond
	_, err := process.Start(t.Context(), s)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v", err)
	}
	if _, err := process.Adopt(s); !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("it left a process behind: %v", err)
	}
}

func TestStartOfNothing(t *testing.T) {
	s := fakeSpec(t, modeServe)
	s.Path = "/does/not/exist"
	_, err := process.Start(t.Context(), s)
	var e *process.StartError
	if !errors.As(err, &e) || e.Code != -1 || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("err = %v", err)
	}
	s.Socket = "/run/" + strings.Repeat("x", 110)
	if _, err = process.Start(t.Context(), s); err == nil || !strings.Contains(err.Error(), "choose a shorter rundir") {
		t.Errorf("err = %v", err)
	}
}

// TestAdoptRefusesOthers has a pid file that names a living process which is not the daemon: a recycled pid.
func TestAdoptRefusesOthers(t *testing.T) {
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	s := fakeSpec(t, modeServe)
	for _, text := range []string{strconv.Itoa(other.Process.Pid), "0", "-1", "abc", "", "4194304000"} {
		s.PidFile = t.TempDir() + "/x.pid"
		if err := os.WriteFile(s.PidFile, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := process.Adopt(s); !errors.Is(err, process.ErrNotRunning) {
			t.Errorf("pid file %q: adopted %v, %v", text, p, err)
		}
	}
	s = fakeSpec(t, modeServe)
	startFake(t, s)
	s.Identity = []string{"v2"}
	if p, err := process.Adopt(s); !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("adopted the daemon of another volume: %v, %v", p, err)
	}
}

func TestOpenChecksTheCommandLine(t *testing.T) {
	no := func([]string) bool { return false }
	if _, err := process.Open(os.Getpid(), no); !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("err = %v", err)
	}
	if _, err := process.Open(0, no); !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("err = %v", err)
	}
}

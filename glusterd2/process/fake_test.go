package process_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"gd2/glusterd2/process"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The test binary is also the daemon that it tests with: with modeEnv set it behaves as glusterfsd does. It forks (here:
// runs itself again), the child takes the pid file, and the parent stays until the child says how its start went.
const (
	modeEnv  = "GD2_FAKE_DAEMON"
	childEnv = "GD2_FAKE_DAEMON_CHILD"
)

// The ways in which the fake daemon can behave.
const (
	modeServe    = "serve"
	modeStubborn = "stubborn" // ignores SIGTERM
	modeFail     = "fail"     // logs an error and exits with 1 after telling its parent
	modeLinger   = "linger"   // as fail, but stays
	modeHang     = "hang"     // never says anything
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeEnv); mode != "" {
		os.Exit(fakeDaemon(mode))
	}
	goleak.VerifyTestMain(m)
}

func fakeDaemon(mode string) int {
	if os.Getenv(childEnv) != "" {
		return fakeChild(mode)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 99
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 99
	}
	_ = w.Close()
	code := []byte{1}
	_, _ = r.Read(code)
	return int(code[0])
}

func fakeChild(mode string) int {
	tell := os.NewFile(3, "parent")
	pidFile, logFile := os.Args[2], os.Args[4]
	if mode == modeStubborn {
		signal.Ignore(syscall.SIGTERM)
	}
	f, err := os.OpenFile(pidFile, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 98
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		return 97
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	switch mode {
	case modeFail, modeLinger:
		line := "[2026-11-22 01:00:00.000000 +0000] E [MSGID: 106] [socket.c:1:bind] 0-x: binding failed [Address already in use]\n" +
			"[2026-11-22 01:00:00.000000 +0000] I [a.c:1:f] 0-x: never mind\n"
		_ = os.WriteFile(logFile, []byte(line), 0o644)
		_, _ = tell.Write([]byte{1})
		if mode == modeFail {
			return 1
		}
	case modeHang:
	default:
		_, _ = tell.Write([]byte{0})
		_ = tell.Close()
	}
	_ = unix.Pause() // until a signal ends it
	return 0
}

func fakeSpec(t *testing.T, mode string) process.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := process.Spec{
		Name: "fake", Path: self, PidFile: filepath.Join(dir, "run", "fake.pid"), LogFile: filepath.Join(dir, "log", "fake.log"),
		Env: []string{modeEnv + "=" + mode}, Timeout: 20 * time.Second,
	}
	s.Args = []string{"-p", s.PidFile, "-l", s.LogFile, "--volfile-id", "v1"}
	s.Identity = []string{"v1"}
	return s
}

func startFake(t *testing.T, s process.Spec) *process.Process {
	t.Helper()
	p, err := process.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Signal(syscall.SIGKILL)
		<-p.Done()
		_ = p.Close()
	})
	return p
}

func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && len(data) > 0
}

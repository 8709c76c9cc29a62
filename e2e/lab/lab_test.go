package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if code, first := RunFirstProcess(); first {
		os.Exit(code)
	}
	if os.Getenv("GD2_E2E") == "" {
		fmt.Println("the lab needs root and namespaces: make e2e runs its tests")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func newLab(t *testing.T, dir string) *Lab {
	t.Helper()
	l, err := New(t.Context(), Options{Peers: 2, Bin: "../../bin", Dir: dir, DiskMiB: 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func run(t *testing.T, p *Peer, argv ...string) string {
	t.Helper()
	out, err := p.Run(t.Context(), argv...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// TestTwoLabs lays two labs side by side: each has its own hosts, files and network.
func TestTwoLabs(t *testing.T) {
	dir := t.TempDir()
	a, b := newLab(t, dir), newLab(t, dir)
	run(t, a.Peer(1), "sh", "-c", "echo a > /srv/x; echo a > /etc/x; echo a > /var/lib/x")
	if got := run(t, b.Peer(1), "sh", "-c", "ls /srv/x /etc/x /var/lib/x 2>&1 | grep -c 'No such'"); got != "3" {
		t.Errorf("node1 of one lab sees files of the other's: %s", got)
	}
	if text, err := os.ReadFile(a.Peer(1).Path("/srv/x")); err != nil || string(text) != "a\n" {
		t.Errorf("file of a peer read from outside: %q, %v", text, err)
	}
	if got := run(t, b.Peer(2), "hostname"); got != "node2" {
		t.Errorf("host name %q", got)
	}
	run(t, a.Peer(1), "setfattr", "-n", "trusted.gd2", "-v", "1", "/srv/x")
	if _, err := os.Stat("/etc/x"); err == nil {
		t.Error("a file of a peer is on the machine")
	}
}

// TestLink cuts a peer off and joins it again.
func TestLink(t *testing.T) {
	l := newLab(t, t.TempDir())
	var listener net.Listener
	err := l.Peer(2).inNetwork(func() (err error) {
		listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", ":7000")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dial := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		conn, err := l.Peer(1).DialContext(ctx, "tcp", l.Peer(2).Addr+":7000")
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	reachable := func() {
		t.Helper()
		if err := Eventually(t.Context(), 10*time.Second, dial); err != nil {
			t.Fatal(err)
		}
	}
	reachable()
	if err := l.Peer(2).LinkDown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := dial(t.Context()); err == nil {
		t.Error("a peer without a link is reached")
	}
	if err := l.Peer(2).LinkUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	reachable()
}

// TestNothingStays closes a lab in which a process runs that has left its session, and looks for what remains.
func TestNothingStays(t *testing.T) {
	dir := t.TempDir()
	l := newLab(t, dir)
	run(t, l.Peer(1), "sh", "-c", "setsid sleep 1000 </dev/null >/dev/null 2>&1 &")
	var exit *ExitError
	if _, err := l.Peer(1).Run(t.Context(), "sh", "-c", "exit 3"); !errors.As(err, &exit) || exit.Code != 3 {
		t.Errorf("exit code of a command: %v", err)
	}
	pid := l.Peer(1).PID()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
		t.Errorf("files stay: %v", left)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Error("the first process stays")
	}
	if out, _ := exec.CommandContext(t.Context(), "losetup", "-a").Output(); strings.Contains(string(out), dir) {
		t.Errorf("loop devices stay: %s", out)
	}
}

// TestLeftovers removes the folder of a lab whose maker is dead, and no other.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	dead, alive := filepath.Join(dir, "gd2-lab-dead"), filepath.Join(dir, "gd2-lab-being-made")
	for _, d := range []string{dead, alive} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dead, "owner"), fmt.Appendf(nil, "%d 1", os.Getpid()), 0o600); err != nil {
		t.Fatal(err)
	}
	newLab(t, dir)
	if _, err := os.Stat(dead); err == nil {
		t.Error("the folder of a dead lab stays")
	}
	if _, err := os.Stat(alive); err != nil {
		t.Error("the folder of a lab that is being made is gone")
	}
}

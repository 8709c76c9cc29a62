package brick_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
	"gd2/glusterd2/process"
	"gd2/pkg/api"
)

func TestBrickLife(t *testing.T) {
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1")
	s := specs[0]
	if st := p.bricks.Status(s); st.Online || st.Error != "its process does not run" {
		t.Errorf("status before the start: %+v", st)
	}
	run, err := p.bricks.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.bricks.Start(t.Context(), s)
	if err != nil || again != run {
		t.Errorf("a second start: %+v, %v; first %+v", again, err, run)
	}
	st := p.bricks.Status(s)
	if !st.Online || st.Pid != run.Pid || st.Port != run.Port || st.Size.Capacity == 0 || st.Inodes.Total == 0 || st.FS == "" ||
		st.Device == "" || st.MountOpts == "" || st.Error != "" {
		t.Errorf("status %+v", st)
	}
	proc, ok := p.bricks.Process(s)
	if !ok {
		t.Fatal("no process")
	}
	checkArgs(t, p, s, proc.Args(), run.Port)
	if err := p.bricks.Stop(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if proc.Alive() {
		t.Error("alive after Stop")
	}
	if err := p.bricks.Stop(t.Context(), s); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
	for _, path := range []string{p.Layout.PidFile(s), p.Layout.Socket(s)} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

// checkArgs compares a command line with what glusterd passes, in its order.
func checkArgs(t *testing.T, p *peer, s brick.Spec, got []string, port int) {
	t.Helper()
	dashes := strings.ReplaceAll(s.Path[1:], "/", "-")
	want := []string{
		brick.Program, "-s", p.Name, "--volfile-id", "gv0." + p.Name + "." + dashes,
		"-p", filepath.Join(p.Dir, "run/vols/gv0", p.Name+"-"+dashes+".pid"), "-S", p.Layout.Socket(s), "--brick-name", s.Path,
		"-l", filepath.Join(p.Dir, "log/bricks", dashes+".log"), "--xlator-option", "*-posix.glusterd-uuid=" + p.ID,
		"--process-name", "brick", "--brick-port", strconv.Itoa(port), "--xlator-option", "gv0-server.listen-port=" + strconv.Itoa(port),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("command line\n%q\nwant\n%q", got, want)
	}
}

// TestBrickSurvivesItsDaemon has a daemon that goes away and comes back: the brick is adopted, not started again, and
// signs in by itself.
func TestBrickSurvivesItsDaemon(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1")
	first, err := p.bricks.Start(t.Context(), specs[0])
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if err := p.bricks.Close(); err != nil {
		t.Fatal(err)
	}
	p.Serve(t)
	p.bricks = p.newHost()
	second, err := p.bricks.Start(t.Context(), specs[0])
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("the brick was %+v and is %+v", first, second)
	}
}

func TestBricksStartSideBySide(t *testing.T) {
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1", "b2", "b3")
	run, err := p.bricks.StartAll(t.Context(), specs)
	if err != nil {
		t.Fatal(err)
	}
	if run[0].Port == run[1].Port || run[1].Port == run[2].Port || run[0].Port < 49152 {
		t.Errorf("ports %+v", run)
	}
	if err := p.bricks.StopAll(t.Context(), specs); err != nil {
		t.Error(err)
	}
}

// TestBrickStartFailures are the ways in which glusterfsd itself says no.
func TestBrickStartFailures(t *testing.T) {
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1")
	stranger := brick.Spec{VolumeName: "gone", Host: p.Name, Path: specs[0].Path}
	_, err := p.bricks.Start(t.Context(), stranger)
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "no volfile for it") {
		t.Errorf("unknown volume: %v", err)
	}
	if err := syscall.Removexattr(specs[0].Path, "trusted.glusterfs.volume-id"); err != nil {
		t.Fatal(err)
	}
	_, err = p.bricks.Start(t.Context(), specs[0])
	if !api.IsKind(err, api.Internal) || !strings.Contains(err.Error(), "trusted.glusterfs.volume-id") {
		t.Errorf("no volume id: %v", err)
	}
	p.Stop()
	_, err = p.bricks.Start(t.Context(), specs[0])
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "could not reach the management daemon") {
		t.Errorf("no daemon: %v", err)
	}
	if _, err := process.ReadPidFile(p.Layout.PidFile(specs[0])); err == nil {
		if _, ok := p.bricks.Process(specs[0]); ok {
			t.Error("a failed start left a process")
		}
	}
}

// TestBrickTakesAnotherPort: the first ports are taken between our look and the brick's bind.
func TestBrickTakesAnotherPort(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1")
	l, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	busy := l.Addr().(*net.TCPAddr).Port
	ports := brick.NewPorts(busy, busy+5)
	ports.SkipProbe()
	p.bricks = brick.NewHost(brick.Config{PeerID: p.ID, Layout: p.Layout, SignIns: p.Ports, Ports: ports, Log: bricktest.Quiet()})
	run, err := p.bricks.Start(t.Context(), specs[0])
	if err != nil || run.Port <= busy {
		t.Errorf("started %+v, %v; port %d is taken", run, err, busy)
	}
}

// A brick that is given an address listens there alone.
func TestBrickAddress(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.address = p.Name
	p.bricks = p.newHost()
	_, specs := p.add(t, "gv0", "b1")
	r, err := p.bricks.Start(t.Context(), specs[0])
	if err != nil {
		t.Fatal(err)
	}
	var d net.Dialer
	for host, open := range map[string]bool{p.Name: true, "127.0.0.1": false} {
		c, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(host, strconv.Itoa(r.Port)))
		if (err == nil) != open {
			t.Errorf("connection to %s: %v", host, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}

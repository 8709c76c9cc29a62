package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/client"
)

// face is one of several daemons on one host that were started as glusterd, in the way in which the tests of GlusterFS start theirs.
type face struct {
	pool
	n int
}

// addr is where the daemon listens.
func (f face) addr() string { return fmt.Sprintf("127.1.1.%d", f.n) }

// dir is a path below the daemon's own directory.
func (f face) dir(name string) string { return filepath.Join(fmt.Sprintf("/srv/%d", f.n), name) }

// openConfig is a configuration that lets peers join without proof.
const openConfig = "/etc/glusterd2/open.toml"

// command is the command line of the daemon.
func (f face) command() []string {
	return []string{"env", "GD2_CONFIG=" + openConfig, "glusterd", "--xlator-option", "management.working-directory=" + f.dir("glusterd"),
		"--xlator-option", "management.transport.socket.bind-address=" + f.addr(), "--xlator-option", "management.run-directory=" + f.dir("run/gluster"),
		"--xlator-option", "management.glusterd-sockfile=" + f.dir("glusterd/gd.sock"), "--xlator-option", "management.logging-directory=" + f.dir("log"),
		"--log-file=" + f.dir("log/glusterd.log"), "-LDEBUG", "--pid-file=" + f.dir("glusterd.pid")}
}

// start starts the daemon; it serves when this returns.
func (f face) start() {
	f.t.Helper()
	_, err := f.Peer(1).Run(f.t.Context(), f.command()...)
	if err != nil {
		text, _ := os.ReadFile(f.Peer(1).Path(f.dir("log/glusterd.log")))
		f.t.Fatalf("%v\n%s", err, text)
	}
}

// pid is the process id in a pid file.
func (f face) pid(name string) int {
	f.t.Helper()
	text, err := os.ReadFile(f.Peer(1).Path(f.dir(name)))
	f.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	f.must(err)
	return pid
}

// gluster runs GlusterFS' own command on the daemon.
func (f face) gluster(words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Minute)
	defer cancel()
	return f.Peer(1).Run(ctx, append([]string{"gluster", "--mode=script", "--wignore", "--glusterd-sock=" + f.dir("glusterd/gd.sock")}, words...)...)
}

func (f face) mustGluster(words ...string) string {
	f.t.Helper()
	out, err := f.gluster(words...)
	f.must(err)
	return out
}

// says waits until a command says something as often as it should.
func (f face) says(what string, times int, words ...string) {
	f.t.Helper()
	f.eventually(60*time.Second, func(context.Context) error {
		out, err := f.gluster(words...)
		if n := strings.Count(out, what); err == nil && n != times {
			err = fmt.Errorf("%v says %q %d times, want %d:\n%s", words, what, n, times, out)
		}
		return err
	})
}

// waitVoters waits until n of the daemons vote.
func (f face) waitVoters(n int) {
	f.t.Helper()
	c, err := client.New(client.Config{Endpoints: []string{"unix://" + f.Peer(1).Path(f.dir("run/gluster/glusterd2.socket"))}})
	f.must(err)
	defer c.Close()
	f.eventually(60*time.Second, func(ctx context.Context) error { return voters(ctx, c, n) })
}

// noted looks for the end of a line in the history of commands.
func (f face) noted(line string) {
	f.t.Helper()
	text, err := os.ReadFile(f.Peer(1).Path(f.dir("log/cmd_history.log")))
	f.must(err)
	if !strings.Contains(string(text), "]  : "+line+"\n") {
		f.t.Errorf("the history of commands does not have %q:\n%s", line, text)
	}
}

// TestGlusterdFace runs three daemons as glusterd on one host, each with an address of its own, and drives them with GlusterFS' own
// command: they form a pool by probes alone, and survive what scripts do to them.
func TestGlusterdFace(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 1})
	peer := p.Peer(1)
	p.must(os.WriteFile(peer.Path(openConfig), []byte("join = \"open\"\n"), 0o600))
	p.must(os.Symlink("glusterd2", peer.Path("/usr/local/sbin/glusterd")))
	var d [4]face // by number
	for n := 1; n <= 3; n++ {
		d[n] = face{p, n}
		d[n].start()
	}
	d[1].mustGluster("peer", "probe", d[2].addr())
	d[1].mustGluster("peer", "probe", d[3].addr())
	for n := 1; n <= 3; n++ {
		d[n].says("(Connected)", 2, "peer", "status")
	}
	if _, err := peer.Run(t.Context(), d[1].command()...); !exitCode(err, 1) || !strings.Contains(err.Error(), "held by another daemon") {
		t.Errorf("a second daemon with the same pid file: %v", err)
	}
	create := []string{"volume", "create", "gv", "replica", "3"}
	for n := 1; n <= 3; n++ {
		create = append(create, d[n].addr()+":"+d[n].dir("brick"))
	}
	d[1].mustGluster(create...)
	d[2].mustGluster("volume", "start", "gv")
	d[1].says("Y", 6, "volume", "status", "gv")
	d[1].waitVoters(3) // the pool survives the loss of one from then on
	p.onAddresses(d[1:])
	d[1].noted("volume create gv replica 3 127.1.1.1:/srv/1/brick 127.1.1.2:/srv/2/brick 127.1.1.3:/srv/3/brick : SUCCESS")
	d[2].noted("volume start gv : SUCCESS")
	if _, err := d[2].gluster("volume", "start", "gv"); err == nil {
		t.Error("a volume was started twice")
	}
	d[2].noted("volume start gv : FAILED : Volume gv already started")
	if comm, err := peer.Run(t.Context(), "cat", fmt.Sprintf("/proc/%d/comm", d[1].pid("glusterd.pid"))); err != nil || comm != "glusterd\n" {
		t.Errorf("lists of processes call the daemon %q, %v", comm, err)
	}
	dir, err := peer.Mount(t.Context(), d[1].addr(), "gv")
	p.must(err)
	p.must(os.WriteFile(filepath.Join(dir, "one"), []byte("one"), 0o644))

	// One is killed: the volume goes on, and the daemon finds its brick when it is started again.
	brick := d[2].pid("run/gluster/vols/gv/" + d[2].addr() + "-srv-2-brick.pid")
	p.must(peer.Kill9(t.Context(), d[2].pid("glusterd.pid")))
	d[1].says("(Disconnected)", 1, "peer", "status")
	p.must(os.WriteFile(filepath.Join(dir, "two"), []byte("two"), 0o644))
	d[2].start()
	d[1].says("(Connected)", 2, "peer", "status")
	d[2].says("Y", 6, "volume", "status", "gv")
	if now := d[2].pid("run/gluster/vols/gv/" + d[2].addr() + "-srv-2-brick.pid"); now != brick {
		t.Errorf("the brick was process %d and is %d", brick, now)
	}
	for n := 1; n <= 3; n++ {
		if text, err := os.ReadFile(peer.Path(d[n].dir("brick/two"))); err != nil || string(text) != "two" {
			t.Errorf("brick %d: %q, %v", n, text, err)
		}
	}
	p.must(peer.Unmount(t.Context(), "gv"))
	d[3].mustGluster("volume", "stop", "gv")
	d[3].mustGluster("volume", "delete", "gv")
	p.eventually(30*time.Second, func(context.Context) error {
		_, err := os.Stat(peer.Path(d[1].dir("glusterd/vols/gv")))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("the folder of the volume is still there: %w", err)
	})

	// A peer that was detached is alone, as with glusterd, and can be probed again.
	for range 2 {
		d[1].mustGluster("peer", "detach", d[3].addr())
		d[1].says(d[3].addr(), 0, "pool", "list")
		d[3].says("Number of Peers: 0", 1, "peer", "status")
		d[1].mustGluster("peer", "probe", d[3].addr())
	}
	d[3].says("(Connected)", 2, "peer", "status")
	for n := 1; n <= 3; n++ {
		_, err := peer.Run(t.Context(), "/bin/kill", strconv.Itoa(d[n].pid("glusterd.pid")))
		p.must(err)
	}
	p.eventually(30*time.Second, func(context.Context) error {
		for n := 1; n <= 3; n++ {
			if _, err := os.Stat(peer.Path(d[n].dir("glusterd.pid"))); !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("daemon %d: its pid file is still there: %w", n, err)
			}
		}
		return nil
	})
}

// onAddresses looks whether each daemon and its brick are on the daemon's address alone, and show the volume as files.
func (p pool) onAddresses(faces []face) {
	p.t.Helper()
	listening, err := p.Peer(1).Run(p.t.Context(), "ss", "-Hltn")
	p.must(err)
	for _, f := range faces {
		for _, port := range []string{"24007", "24008", "2379", "2380"} {
			if !strings.Contains(listening, f.addr()+":"+port+" ") {
				p.t.Errorf("nothing listens on %s:%s:\n%s", f.addr(), port, listening)
			}
		}
		if n := strings.Count(listening, f.addr()+":"); n != 5 {
			p.t.Errorf("%d ports of %s are open, want four and the brick's:\n%s", n, f.addr(), listening)
		}
		for name, line := range map[string]string{
			"glusterd/vols/gv/info": "brick-2=127.1.1.3:-srv-3-brick", "glusterd/vols/gv/gv.tcp-fuse.vol": "    option remote-host 127.1.1.1",
			"glusterd/glusterd.info": "operating-version=100000",
		} {
			p.eventually(30*time.Second, func(context.Context) error {
				text, err := os.ReadFile(p.Peer(1).Path(f.dir(name)))
				if err == nil && !strings.Contains(string(text), line+"\n") {
					err = fmt.Errorf("%s does not say %q:\n%s", name, line, text)
				}
				return err
			})
		}
	}
}

// exitCode reports whether a command ended with a code.
func exitCode(err error, code int) bool {
	var exit *lab.ExitError
	return errors.As(err, &exit) && exit.Code == code
}

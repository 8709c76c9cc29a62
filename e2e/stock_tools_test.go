package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// tools are the programs of the glusterfs packages that nobody calls by a name in the PATH.
const tools = "/usr/lib/x86_64-linux-gnu/glusterfs"

// TestStockTools runs what Debian's glusterfs packages bring along, unchanged, on a pool of daemons that were started as glusterd.
func TestStockTools(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 2})
	for n := 1; n <= 2; n++ {
		p.must(os.Symlink("glusterd2", p.Peer(n).Path("/usr/local/sbin/glusterd")))
		p.sh(n, "mount -t tmpfs root /root && glusterd") // glusterfind puts keys of ssh there
	}
	p.sh(1, "gluster peer probe node2")
	p.sh(1, "gluster --mode=script volume create gv replica 2 node1:/srv/gv node2:/srv/gv force && gluster volume start gv")
	p.sh(1, "gluster volume create one node1:/srv/one && gluster volume start one")
	dir := p.mount(1, "one")
	for _, c := range []struct {
		name string
		run  func(p pool, dir string)
	}{
		{"pid files", pool.toolPidFiles}, {"glusterfind", pool.toolGlusterfind}, {"setgfid2path", pool.toolSetGFID2Path}, {"samba hooks", pool.toolSambaHooks},
		{"glfsheal", pool.toolGlfsheal}, {"mount with backup servers", pool.toolMountBackup}, {"gfapi", pool.toolGfapi}, {"delete hook", pool.toolDeleteHook},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(p.in(t), dir) })
	}
}

// sh runs a line of shell on a peer and returns what it wrote.
func (p pool) sh(n int, line string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	out, err := p.Peer(n).Run(ctx, "sh", "-ec", line)
	if err != nil {
		p.t.Fatalf("%s: %v", line, err)
	}
	return out
}

// shows runs a line and looks for texts in what it writes.
func (p pool) shows(n int, line string, want ...string) {
	p.t.Helper()
	out := p.sh(n, line)
	for _, w := range want {
		if !strings.Contains(out, w) {
			p.t.Errorf("%s does not say %q:\n%s", line, w, out)
		}
	}
}

// toolPidFiles finds daemons where scripts look for them.
func (p pool) toolPidFiles(string) {
	for _, file := range []string{"/var/run/glusterd.pid", "/var/run/gluster/vols/gv/node1-srv-gv.pid", "/var/run/gluster/shd/gv/gv-shd.pid"} {
		p.eventually(30*time.Second, func(ctx context.Context) error {
			_, err := p.Peer(1).Run(ctx, "sh", "-ec", "/bin/kill -0 $(cat "+file+")")
			return err
		})
	}
}

// toolGlusterfind goes through the life of two sessions; one is left for the hook that runs when the volume is deleted.
func (p pool) toolGlusterfind(dir string) {
	p.sh(1, "gluster volume set one changelog.rollover-time 1") // else it waits for fifteen seconds at a time
	p.shows(1, "glusterfind create first one", "Session first created with volume one")
	p.sh(1, "glusterfind create left one")
	p.shows(1, "glusterfind list", "first ", "left ")
	if key := p.sh(2, "cat /root/.ssh/authorized_keys"); !strings.Contains(key, "ssh-rsa") && !strings.Contains(key, "ssh-ed25519") {
		p.t.Errorf("the key of glusterfind did not come to the other peer: %q", key)
	}
	p.must(os.WriteFile(filepath.Join(dir, "old"), nil, 0o644))
	p.must(os.Mkdir(filepath.Join(dir, "d"), 0o755))
	p.found("first", "NEW old", "NEW d")
	p.shows(1, "glusterfind post first one", "updated")
	p.must(os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, "d/new")))
	p.shows(1, "glusterfind query one --full /srv/all && cat /srv/all", "NEW d/new")
	p.sh(1, "glusterfind delete first one")
	if list := p.sh(1, "glusterfind list"); strings.Contains(list, "first ") || !strings.Contains(list, "left ") {
		p.t.Errorf("sessions:\n%s", list)
	}
}

// found waits until a session has seen changes. It asks for those until now, and the changelog of now may not be closed yet.
func (p pool) found(session string, want ...string) {
	p.t.Helper()
	p.eventually(60*time.Second, func(ctx context.Context) error {
		out, err := p.Peer(1).Run(ctx, "sh", "-ec", "glusterfind pre "+session+" one /srv/changes --regenerate-outfile >/dev/null && cat /srv/changes")
		if err != nil {
			return err
		}
		for _, w := range want {
			if !strings.Contains(out, w+"\n") {
				return fmt.Errorf("glusterfind does not find %q: %q", w, out)
			}
		}
		return nil
	})
}

// toolSetGFID2Path gives a file that was made without it the xattr that leads from its gfid to its path.
func (p pool) toolSetGFID2Path(dir string) {
	p.sh(1, "gluster volume set one storage.gfid2path off")
	p.eventually(30*time.Second, func(ctx context.Context) error { // bricks hear of the option a moment later
		name := fmt.Sprintf("plain-%d", time.Now().UnixNano())
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			return err
		}
		const look = "getfattr --absolute-names -d -m trusted.gfid2path "
		out, err := p.Peer(1).Run(ctx, "sh", "-ec", look+"/srv/one/"+name+" && gluster-setgfid2path /srv/one/"+name+" && "+look+"/srv/one/"+name)
		if n := strings.Count(out, "\ntrusted.gfid2path."); err == nil && n != 1 {
			err = fmt.Errorf("the xattr was shown %d times, want it after the tool only: %s", n, out)
		}
		return err
	})
	p.sh(1, "gluster volume reset one storage.gfid2path")
}

// toolSambaHooks has the packages' scripts for Samba read the files of a volume and share it.
func (p pool) toolSambaHooks(string) {
	const smbd = "#!/bin/sh\necho '   CONFIGFILE: /srv/smb.conf'\necho '   PIDDIR: /srv'\necho '   LOGFILEBASE: /srv'\n"
	for n := 1; n <= 2; n++ {
		p.must(os.WriteFile(p.Peer(n).Path("/usr/local/sbin/smbd"), []byte(smbd), 0o755))
		p.must(os.WriteFile(p.Peer(n).Path("/srv/smb.conf"), []byte("[global]\n"), 0o644))
	}
	p.sh(1, "gluster volume set gv user.smb enable")
	shared := func(want bool, what string) {
		for n := 1; n <= 2; n++ {
			p.eventually(60*time.Second, func(context.Context) error {
				text, err := os.ReadFile(p.Peer(n).Path("/srv/smb.conf"))
				if err == nil && strings.Contains(string(text), what) != want {
					err = fmt.Errorf("smb.conf of node%d: %s", n, text)
				}
				return err
			})
		}
	}
	shared(true, "glusterfs:volume = gv")
	p.sh(1, "gluster volume set gv user.smb disable")
	shared(true, "available = no")
	p.sh(1, "gluster volume set gv user.smb enable")
	shared(false, "available = no")
}

// toolGlfsheal asks what is to be healed, by the socket at which glusterd is.
func (p pool) toolGlfsheal(string) {
	p.eventually(60*time.Second, func(ctx context.Context) error {
		out, err := p.Peer(2).Run(ctx, tools+"/glfsheal", "gv")
		if n := strings.Count(out, "Status: Connected\nNumber of entries: 0\n"); err == nil && n != 2 {
			err = fmt.Errorf("%d bricks have nothing to heal: %s", n, out)
		}
		return err
	})
	p.shows(2, tools+"/glfsheal gv info-summary glusterd-sock /var/run/glusterd.socket", "Brick node1:/srv/gv", "Total Number of entries: 0")
}

// toolMountBackup mounts a volume although the server that is named first is down.
func (p pool) toolMountBackup(string) {
	p.sh(2, "/bin/kill $(cat /var/run/glusterd.pid)")
	p.eventually(60*time.Second, func(context.Context) error {
		if _, err := os.Stat(p.Peer(2).Path("/var/run/glusterd.pid")); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("glusterd of node2 has not ended: %w", err)
		}
		return nil
	})
	p.sh(1, "mkdir -p /mnt/backup && mount -t glusterfs -o backup-volfile-servers=node1 node2:/gv /mnt/backup")
	p.sh(1, "echo backup >/mnt/backup/file && umount /mnt/backup")
	p.sh(2, "glusterd")
	p.sh(1, "glustercli volume heal gv") // a mount finds the brick of a peer only while the daemon there runs
	p.onBricks("file", "backup\n")
}

// onBricks waits until both bricks of gv have a file: one that could not be reached when it was written is healed.
func (p pool) onBricks(name, want string) {
	p.t.Helper()
	for n := 1; n <= 2; n++ {
		p.eventually(60*time.Second, func(context.Context) error {
			text, err := os.ReadFile(p.Peer(n).Path("/srv/gv/" + name))
			if err == nil && string(text) != want {
				err = fmt.Errorf("the brick of node%d has %q", n, text)
			}
			return err
		})
	}
}

// toolGfapi writes to a volume as QEMU, Samba and Ganesha do.
func (p pool) toolGfapi(string) {
	script, err := os.ReadFile("testdata/gfapi.py")
	p.must(err)
	p.must(os.WriteFile(p.Peer(1).Path("/srv/gfapi.py"), script, 0o644))
	id := strings.TrimSpace(p.sh(1, "/usr/bin/python3 /srv/gfapi.py node2 gv /by-gfapi hello"))
	if info := p.sh(2, "grep ^volume-id= /var/lib/glusterd/vols/gv/info"); strings.TrimSpace(strings.ReplaceAll(info, "-", "")) != "volumeid="+id {
		p.t.Errorf("the volume's id is %s to gfapi; %s", id, info)
	}
	p.onBricks("by-gfapi", "hello")
}

// toolDeleteHook has the script of glusterfind remove its sessions with their volume.
func (p pool) toolDeleteHook(string) {
	p.must(p.Peer(1).Unmount(p.t.Context(), "one"))
	session := p.Peer(1).Path("/var/lib/glusterd/glusterfind/left/one")
	if _, err := os.Stat(session); err != nil {
		p.t.Error(err)
	}
	p.sh(1, "gluster --mode=script volume stop one && gluster --mode=script volume delete one")
	p.eventually(60*time.Second, func(context.Context) error {
		if _, err := os.Stat(session); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the session of a volume that is gone is still there: %w", err)
		}
		return nil
	})
}

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// backupVolumes is how many volumes the backed-up pool has.
const backupVolumes = 10

// TestBackupRecover loses the store of every peer and brings the pool back from a backup: all volumes mount again, and
// their data is there.
func TestBackupRecover(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	p.waitVoters(3)
	for i := range backupVolumes {
		name := fmt.Sprintf("vol%d", i)
		words := append([]string{"replica", "3"}, p.bricks(name, 3)...)
		if i >= 2 {
			words = p.bricks(name, 3)[i%3 : i%3+1]
		}
		p.cli(append([]string{"volume", "create", name}, words...)...)
		p.cli("volume", "set", name, loadOption, fmt.Sprintf("%dMB", 10+i))
		p.cli("volume", "start", name)
	}
	p.eachVolume(func(name, dir string) error {
		return os.WriteFile(filepath.Join(dir, "data"), []byte("data of "+name), 0o644)
	})
	const file = "/srv/pool.backup"
	p.cli("pool", "backup", file)
	if info, err := os.Stat(p.Peer(1).Path(file)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup, which holds the pool's secrets: %v, %v", info.Mode(), err)
	}
	p.cutAll([]int{1, 2, 3})
	for n := 1; n <= 3; n++ {
		p.run(n, "rm", "-rf", "/var/lib/glusterd2/store")
	}
	p.damagedIsRefused(file)
	p.bringBack(file)

	p.waitOnline(3)
	p.waitVoters(3)
	for i := range backupVolumes {
		name := fmt.Sprintf("vol%d", i)
		p.waitBricks(name)
		if out := p.cliOn(3, "volume", "get", name, loadOption); !strings.Contains(out, fmt.Sprintf("%dMB", 10+i)) {
			t.Errorf("%s has lost its option: %s", name, out)
		}
	}
	p.eachVolume(func(name, dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "data"))
		if err == nil && string(text) != "data of "+name {
			err = fmt.Errorf("%s holds %q", name, text)
		}
		return err
	})
	p.create("new", append([]string{"replica", "3"}, p.bricks("new", 3)...)...)
}

// run runs a command on a peer.
func (p pool) run(n int, argv ...string) string {
	p.t.Helper()
	out, err := p.Peer(n).Run(p.t.Context(), argv...)
	p.must(err)
	return out
}

// eachVolume mounts one volume after the other on the host outside.
func (p pool) eachVolume(do func(name, dir string) error) {
	p.t.Helper()
	for i := range backupVolumes {
		name := fmt.Sprintf("vol%d", i)
		dir, err := p.Peer(4).Mount(p.t.Context(), p.Peer(i%3+1).Name, name)
		p.must(err)
		p.must(do(name, dir))
		p.must(p.Peer(4).Unmount(p.t.Context(), name))
	}
}

// damagedIsRefused changes one byte of a backup.
func (p pool) damagedIsRefused(file string) {
	p.t.Helper()
	text, err := os.ReadFile(p.Peer(1).Path(file))
	p.must(err)
	text[len(text)/2] ^= 1
	p.must(os.WriteFile(p.Peer(1).Path(file+".damaged"), text, 0o600))
	out, err := p.Peer(1).Run(p.t.Context(), "glusterd2", "recover", "--from", file+".damaged", "--yes")
	if err == nil {
		p.t.Errorf("a damaged backup is taken: %s", out)
	}
}

// bringBack recovers the pool on node1 and has the others enter it again.
func (p pool) bringBack(file string) {
	p.t.Helper()
	plan := p.run(1, "glusterd2", "recover", "--from", file, "--dry-run")
	for _, want := range []string{"node1", "node2", "node3", fmt.Sprintf("%d volumes", backupVolumes)} {
		if !strings.Contains(plan, want) {
			p.t.Errorf("the dry run does not say %q:\n%s", want, plan)
		}
	}
	if _, err := os.Stat(p.Peer(1).Path("/var/lib/glusterd2/store/store.json")); err == nil {
		p.t.Error("the dry run has made a store")
	}
	p.run(1, "glusterd2", "recover", "--from", file, "--yes")
	p.must(p.Peer(1).Start(p.t.Context()))

	p.must(p.Peer(2).Launch(p.t.Context()))
	p.eventually(30*time.Second, func(ctx context.Context) error {
		out, err := p.Peer(2).CLI(ctx, "status")
		if said := out + fmt.Sprint(err); !strings.Contains(said, "rejoin") {
			return fmt.Errorf("a peer that has lost its records does not say what to do: %s", said)
		}
		return nil
	})
	p.must(p.Peer(2).Stop(p.t.Context()))
	for n := 2; n <= 3; n++ {
		p.run(n, "glusterd2", "recover", "--rejoin", "node1", "--yes")
		p.must(p.Peer(n).Start(p.t.Context()))
	}
}

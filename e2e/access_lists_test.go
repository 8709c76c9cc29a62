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

// TestAccessLists mounts a volume and directories of it from hosts outside the pool that may and that may not, and takes
// the right away from one that has it mounted.
func TestAccessLists(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, 2)
	const volume, friend, stranger = "acl", 3, 4
	p.create(volume, append([]string{"replica", "2"}, p.bricks(volume, 2)...)...)
	allow := func(list string) { p.cli("volume", "set", volume, "auth.allow", list) }
	own := p.mount(1, volume) // by a host of the pool, which has the volume's password
	for _, dir := range []string{"pub", "priv", "pub/deep"} {
		p.must(os.Mkdir(filepath.Join(own, dir), 0o777))
		p.must(os.WriteFile(filepath.Join(own, dir, "name"), []byte(dir), 0o666))
	}

	for _, c := range []struct{ name, list string }{
		{"address", p.Peer(friend).Addr}, {"name", p.Peer(friend).Name}, {"pattern", "10.9.*," + p.Peer(friend).Addr + ",10.8.0.0/16"},
		{"network", p.Peer(friend).Addr + "/32"},
	} {
		allow(c.list)
		p.mounts(friend, volume, "pub/name", "pub")
		p.mountRefused(stranger, volume)
		t.Logf("%s: %s", c.name, c.list)
	}

	allow("/(" + p.Peer(friend).Addr + "),/pub(10.77.0.0/24|10.9.9.9),/pub/deep(" + p.Peer(stranger).Name + ")")
	p.mounts(friend, volume, "priv/name", "priv")
	p.mounts(friend, volume+"/pub", "name", "pub")
	p.mounts(stranger, volume+"/pub", "deep/name", "pub/deep")
	p.mounts(stranger, volume+"/pub/deep", "name", "pub/deep")
	p.mountRefused(stranger, volume)
	p.mountRefused(stranger, volume+"/priv")
	p.mountRefused(friend, volume+"/pub/deep")
	p.mountRefused(friend, volume+"/nothing")

	// The right is taken from a host that has the volume mounted; reject wins over allow.
	allow("*")
	dir, err := p.Peer(friend).Mount(t.Context(), p.Peer(1).Name, volume)
	p.must(err)
	p.must(os.WriteFile(filepath.Join(dir, "mine"), []byte("x"), 0o644))
	p.cli("volume", "set", volume, "auth.reject", "10.9.9.9,"+p.Peer(friend).Addr)
	p.eventually(30*time.Second, func(context.Context) error {
		if err := os.WriteFile(filepath.Join(dir, "after"), []byte("x"), 0o644); err == nil {
			return fmt.Errorf("a host that was rejected still writes")
		}
		return nil
	})
	p.mountRefused(friend, volume)
	p.mounts(stranger, volume, "pub/name", "pub")

	// The pool's own daemons and mounts were never in question.
	p.waitBricks(volume)
	p.must(os.WriteFile(filepath.Join(own, "own"), []byte("x"), 0o644))
	_, err = p.Peer(1).CLI(t.Context(), "volume", "set", volume, "auth.allow", "/pub(10.0.0.1")
	if err == nil || !strings.Contains(err.Error(), "/DIR(ADDRESS|ADDRESS)") {
		t.Errorf("a list that is not closed: %v", err)
	}
}

// mounts mounts a volume, or VOLUME/DIR, from a host through node1, reads a file, and unmounts it.
func (p pool) mounts(n int, volume, file, want string) {
	p.t.Helper()
	var last error
	p.eventually(30*time.Second, func(ctx context.Context) error { // bricks take the new list in a moment
		dir, err := p.Peer(n).Mount(ctx, p.Peer(1).Name, volume)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil && string(text) != want {
			err = fmt.Errorf("%s of %s reads %q", file, volume, text)
		}
		last = p.Peer(n).Unmount(ctx, volume)
		return err
	})
	p.must(last)
}

// mountRefused fails the test unless a host cannot mount a volume, or VOLUME/DIR.
func (p pool) mountRefused(n int, volume string) {
	p.t.Helper()
	p.eventually(30*time.Second, func(ctx context.Context) error {
		dir, err := p.Peer(n).Mount(ctx, p.Peer(1).Name, volume)
		if err != nil {
			return nil //nolint:nilerr // that is what is wanted
		}
		entries, err := os.ReadDir(dir)
		_ = p.Peer(n).Unmount(ctx, volume) // glusterfs may have unmounted it by itself
		if err != nil {
			return nil //nolint:nilerr // that is what is wanted
		}
		return fmt.Errorf("%s mounts %s, which it must not, and sees %v", p.Peer(n).Name, volume, entries)
	})
}

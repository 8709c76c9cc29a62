package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestHooks lets the scripts that the glusterfs packages ship run, beside scripts that note when they run and with what.
func TestHooks(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 2})
	for _, peer := range p.Peers() {
		config := peer.Path("/etc/glusterd2/glusterd2.toml")
		text, err := os.ReadFile(config)
		p.must(err)
		p.must(os.WriteFile(config, append(text, "hooksdir = \"/var/lib/glusterd/hooks\"\n"...), 0o600))
		for _, event := range []string{"create", "start", "stop", "set", "reset", "delete", "add-brick"} {
			for _, phase := range []string{"pre", "post"} {
				p.installHook(peer, event, phase)
			}
		}
	}
	p.startAll(2)
	p.cli("peer", "probe", p.Peer(2).Name)
	p.waitOnline(2)

	p.create("hk", p.bricks("hk", 2)...)
	dir := p.mount(2, "hk")
	p.must(os.WriteFile(filepath.Join(dir, "file"), []byte("as it was"), 0o644))
	p.cli("volume", "set", "hk", "user.smb", "disable", "performance.quick-read", "off")
	p.cli("volume", "reset", "hk", "performance.quick-read")
	p.cli("volume", "set", "all", "cluster.server-quorum-ratio", "60%")
	p.cli("volume", "add-brick", "hk", p.Peer(1).Name+":/srv/more")
	p.must(p.Peer(2).Unmount(t.Context(), "hk"))
	p.cli("volume", "stop", "hk")
	p.cli("volume", "delete", "hk")
	const work = " --gd-workdir=/var/lib/glusterd"
	var want []string
	for _, c := range []struct{ event, args string }{ // of the volume, unless they name another
		{"create", ""}, {"start", " --first=yes --version=1 --volume-op=start" + work},
		{"set", " -o performance.quick-read=off -o user.smb=disable" + work}, {"reset", " --version=1 --volume-op=reset" + work},
		{"set", "all -o cluster.server-quorum-ratio=60%" + work},
		{"add-brick", " --version=1 --volume-op=add-brick" + work}, {"stop", " --last=yes"}, {"delete", ""},
	} {
		for _, phase := range []string{"pre", "post"} {
			name, args, _ := strings.Cut(c.args, " ")
			want = append(want, strings.TrimSpace(c.event+" "+phase+" --volname="+cmp.Or(name, "hk")+" "+args))
		}
	}
	for _, peer := range p.Peers() {
		p.eventually(90*time.Second, func(context.Context) error {
			text, err := os.ReadFile(peer.Path("/srv/hooks"))
			if err != nil {
				return err
			}
			got := strings.Split(strings.TrimSpace(string(text)), "\n")
			if !sameSteps(got, want) {
				return fmt.Errorf("scripts of %s:\n%s\nwant\n%s", peer.Name, text, strings.Join(want, "\n"))
			}
			return nil
		})
	}
	p.noHarm()
}

// installHook puts a script beside those of the packages.
func (p pool) installHook(peer *lab.Peer, event, phase string) {
	p.t.Helper()
	folder := peer.Path(filepath.Join("/var/lib/glusterd/hooks/1", event, phase))
	p.must(os.MkdirAll(folder, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho \"%s %s $*\" >> /srv/hooks\necho heard of %s\n", event, phase, event)
	p.must(os.WriteFile(filepath.Join(folder, "S99note"), []byte(script), 0o755))
}

// sameSteps reports whether scripts ran as they should: those before the changes in the order of the changes, those after
// them too, and none before a change after that change. Scripts after one change and before the next may run at once.
func sameSteps(got, want []string) bool {
	only := func(list []string, phase string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return strings.Fields(s)[1] != phase })
	}
	for i, w := range want {
		if i%2 == 0 && slices.Index(got, w) > slices.Index(got, want[i+1]) {
			return false
		}
	}
	return slices.Equal(only(got, "pre"), only(want, "pre")) && slices.Equal(only(got, "post"), only(want, "post"))
}

// noHarm looks for what the scripts of the packages could leave, and for what they wrote in the log of an operation.
func (p pool) noHarm() {
	t := p.t
	for _, peer := range p.Peers() {
		if out, err := peer.Run(t.Context(), "mount", "-t", "fuse.glusterfs"); err != nil || strings.TrimSpace(out) != "" {
			t.Errorf("mounts are left on %s: %v %s", peer.Name, err, out)
		}
	}
	list, err := p.rest(1).Operations(t.Context(), client.OperationFilter{})
	p.must(err)
	id := latestOperation(t, list.Operations, "volume.start")
	p.eventually(20*time.Second, func(ctx context.Context) error {
		logs, err := p.Peer(1).CLI(ctx, "operation", "logs", id)
		if err == nil && (!strings.Contains(logs, "start/pre/S99note: heard of start") || !strings.Contains(logs, "start/post/S99note: heard of start")) {
			err = fmt.Errorf("the log of the operation does not have the output of its scripts:\n%s", logs)
		}
		return err
	})
}

// latestOperation finds the id of the last operation of a name.
func latestOperation(t *testing.T, all []api.Operation, name string) string {
	t.Helper()
	id := ""
	for _, o := range all {
		if o.Operation == name {
			id = max(id, o.ID)
		}
	}
	if id == "" {
		t.Fatalf("there is no operation %s in %+v", name, all)
	}
	return id
}

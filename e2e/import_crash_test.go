package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// importCrashes kill daemons while a pool takes over what a Heketi has made: a cluster, three nodes with a device each, and a volume. Of
// these all come over, once, or none. The pool has no volumes any more; its devices are given up, for a node with devices stays one.
func (p pool) importCrashes(t *testing.T) {
	p.in(t).giveUpDevices()
	for victim := 1; victim <= 3; victim++ {
		c := p.in(t).importCrash(victim)
		c.seldom = victim > 1
		c.run(t)
	}
}

// importCrash is such an import. Each is of another Heketi.
func (p pool) importCrash(victim int) crashed {
	var o *oldHeketi
	var req api.HeketiImportReq
	return crashed{
		pool: p, what: fmt.Sprintf("import-%d", victim), victim: victim, sampled: 1, alone: true,
		prepare: func(p pool, _ string) {
			p.t.Helper()
			o = newOldHeketi(heketi{pool: p, user: "admin"}.at(2), replica3())
			req = o.offline()
		},
		request: func(ctx context.Context, c *client.Client, _ string) error {
			done, err := c.HeketiImport(ctx, req)
			for _, s := range done.Steps {
				if s.Error != "" {
					err = errors.Join(err, fmt.Errorf("%s: %s", s.Subject, s.Error))
				}
			}
			return err
		},
		world: func(pool, string) string { return o.world() },
		after: "8 of 8 are on record, 1 adopted; Started, 3 bricks serve; 3 bricks as they were",
		clear: func(pool, string) { o.forget() },
	}
}

// offline makes the bricks a volume that serves, as far as glusterd has a record of that, and returns the request to import it.
func (o *oldHeketi) offline() api.HeketiImportReq {
	o.t.Helper()
	id := uuid.New()
	info := fmt.Sprintf("volume-id=%s\nstatus=1\nreplica_count=3\ntransport-type=0\nuser.heketi.id=%s\n", id, o.volume(0))
	for i := range o.volumes[0].bricks {
		dir := o.Peer(o.host(i)).Path(o.path(0, i))
		o.must(unix.Setxattr(dir, "trusted.glusterfs.volume-id", id[:], 0))
		o.must(os.MkdirAll(filepath.Join(dir, ".glusterfs", "indices"), 0o755))
		o.must(os.WriteFile(filepath.Join(dir, "left"), nil, 0o644))
		info += fmt.Sprintf("brick-%d=node%d:%s\n", i, o.host(i), strings.ReplaceAll(o.path(0, i), "/", "-"))
	}
	text, err := json.Marshal(o.dump())
	o.must(err)
	return api.HeketiImportReq{Dump: text, Volumes: map[string]string{o.name(0): info}}
}

// world describes what is on record of the Heketi, whether its volume serves, and whether the bricks have the file that was on them.
func (o *oldHeketi) world() string {
	o.t.Helper()
	paths := []string{"/clusters/" + o.cluster(), "/volumes/" + o.volume(0)}
	for n := 1; n <= 3; n++ {
		paths = append(paths, "/nodes/"+o.id("e", n), "/devices/"+o.id("d", n))
	}
	known := 0
	for _, path := range paths {
		a, err := o.try(o.t.Context(), http.MethodGet, path, "")
		switch {
		case err != nil:
			return err.Error()
		case a.status == http.StatusOK:
			known++
		}
	}
	state, err := o.served()
	if err != nil {
		return err.Error()
	}
	kept := 0
	for i := range o.volumes[0].bricks {
		if _, err := os.Stat(filepath.Join(o.Peer(o.host(i)).Path(o.path(0, i)), "left")); err == nil {
			kept++
		}
	}
	return fmt.Sprintf("%d of %d are on record, %s; %d bricks as they were", known, len(paths), state, kept)
}

// served tells how often the volume was adopted, and how many of its bricks serve.
func (o *oldHeketi) served() (string, error) {
	o.t.Helper()
	c := o.rest(2)
	list, err := c.Operations(o.t.Context(), client.OperationFilter{Operation: "volume.adopt", Volume: o.name(0)})
	adopted := 0
	for _, op := range list.Operations {
		if op.State == api.OperationDone {
			adopted++
		}
	}
	if err != nil || adopted == 0 {
		return "none adopted", err
	}
	v, err := c.Volume(o.t.Context(), o.name(0))
	if err != nil {
		return "", err
	}
	serve, err := o.serving(o.name(0))
	return fmt.Sprintf("%d adopted; %s, %d bricks serve", adopted, v.State, serve), err
}

// forget gives up all that was imported, and the devices too.
func (o *oldHeketi) forget() {
	o.t.Helper()
	o.dropSized(o.name(0))
	o.unmounted()
	o.giveUpDevices()
	for n := 1; n <= 3; n++ {
		o.done(http.MethodDelete, "/nodes/"+o.id("e", n), "{}")
	}
	o.ask(http.MethodDelete, "/clusters/"+o.cluster(), "{}").is(http.StatusOK)
	o.free()
}

// giveUpDevices has the pool forget all its devices, which are empty.
func (p pool) giveUpDevices() {
	p.t.Helper()
	for _, d := range p.devices() {
		p.must(p.rest(2).DeviceRemove(p.t.Context(), d.PeerID, d.ID, false))
	}
}

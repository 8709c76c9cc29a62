package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// change is one call that changes something.
type change struct {
	// name is the call's operationId.
	name string
	do   func(ctx context.Context, c *client.Client) error
	// host is where it is asked for, node1 if 0.
	host int
	// without says what the world does not show of the call, and why the plan is not held against it.
	without string
	// hidden is an effect of the plan that the REST interface does not show: that bricks leave, or are out of service, is not
	// in a volume's description.
	hidden string
	// ready, if set, brings about what the call needs, before anything is looked at.
	ready func(p pool)
	// starts is the volume whose processes must be at work before the next look: until then their ids may change.
	starts string
}

// rig is a dry run of everything: the calls in an order in which each succeeds.
type rig struct {
	pool
	token string
	ids   map[string]string // by what stands for them in plans
}

// TestDryRun asks for the plan of every change, then makes the change: the plan must name exactly what is seen to happen on
// the hosts and in the records, and asking for it must change nothing at all.
func TestDryRun(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	p.waitVoters(3)
	p.must(p.Peer(4).Launch(t.Context()))
	p.must(p.Peer(4).WaitReady(t.Context()))
	outside, err := p.rest(4).Peers(t.Context(), client.Filter{})
	p.must(err)
	r := &rig{pool: p, ids: map[string]string{newPeer: outside[0].ID}}
	for dir, n := range map[string]int{"/srv/there/before": 1, "/srv/device": 3, "/srv/device2": 3, "/srv/new": 3} {
		p.must(os.MkdirAll(p.Peer(n).Path(dir), 0o755))
	}
	tried := map[string]bool{}
	try := func(changes []change) bool {
		for _, c := range changes {
			tried[c.name] = true
			if !t.Run(c.name, func(t *testing.T) { r.in(t).asPlanned(c, r.ids) }) {
				return false // the later ones build on it
			}
		}
		return true
	}
	if !try(r.changes()) {
		return
	}
	t.Run("two at once", func(t *testing.T) { conditionalChanges(p.in(t)) })
	t.Run("refusals", func(t *testing.T) { refusedAlike(p.in(t)) })
	if !try(r.operationChanges()) {
		return
	}
	t.Run("every call", func(t *testing.T) {
		why := excused()
		for _, name := range p.in(t).planned() {
			if !tried[name] && why[name] == "" {
				t.Errorf("no dry run of %s is tried: give it a place in changes, or a reason in excused", name)
			}
			delete(why, name)
		}
		for name := range why {
			t.Errorf("%s is excused, and there is no such call", name)
		}
	})
}

// asPlanned plans a change, makes it, and compares.
func (p pool) asPlanned(ch change, ids map[string]string) {
	p.t.Helper()
	ctx, c := p.t.Context(), p.rest(max(ch.host, 1))
	if ch.ready != nil {
		ch.ready(p)
	}
	before, plan := p.plan(ch, c)
	p.must(ch.do(ctx, c))
	if ch.without != "" {
		return
	}
	if ch.starts != "" {
		p.waitBricks(ch.starts)
	}
	want := visible(plan, ids)
	if ch.hidden != "" {
		i := slices.Index(want, ch.hidden)
		if i < 0 {
			p.t.Fatalf("the plan does not say %q: %q", ch.hidden, want)
		}
		want = slices.Delete(want, i, i+1)
	}
	p.eventually(20*time.Second, func(context.Context) error { // a self-heal daemon comes and goes after the answer
		after, err := p.look(ctx)
		if err != nil {
			return err
		}
		if did := before.difference(after); !slices.Equal(did, want) {
			return fmt.Errorf("the plan said\n  %s\nwhat happened is\n  %s", strings.Join(want, "\n  "), strings.Join(did, "\n  "))
		}
		return nil
	})
}

// plan asks for the plan of a change, which must change nothing, and returns how everything was before. Something else may write
// a record meanwhile, such as that an earlier change has come to its end; but not each time.
func (p pool) plan(ch change, c *client.Client) (before world, plan api.OperationPlan) {
	p.t.Helper()
	ctx := p.t.Context()
	var did []string
	for range 4 {
		rev := p.revision()
		var err error
		before, err = p.look(ctx)
		p.must(err)
		plan, err = client.PlanOf(ctx, func(ctx context.Context) error { return ch.do(ctx, c) })
		p.must(err)
		after, err := p.look(ctx)
		p.must(err)
		did = before.difference(after)
		if now := p.revision(); now != rev {
			did = append(did, fmt.Sprintf("revision %d after %d", now, rev))
		}
		if len(did) == 0 {
			return before, plan
		}
	}
	p.t.Fatalf("the plan itself has done something: %q", did)
	return before, plan
}

// revision is that of the store.
func (p pool) revision() int64 {
	p.t.Helper()
	s, err := p.rest(1).Status(p.t.Context())
	p.must(err)
	return s.Store.Revision
}

// planned lists the calls that have a plan, by the daemon's own document.
func (p pool) planned() []string {
	p.t.Helper()
	text, err := p.rest(1).Raw(p.t.Context(), "GET", "/openapi.json", nil)
	p.must(err)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct {
				Name, Description string
			}
		}
	}
	p.must(json.Unmarshal(text, &doc))
	var out []string
	for _, path := range doc.Paths {
		for _, op := range path {
			for _, param := range op.Parameters {
				if param.Name == "dry-run" && strings.HasPrefix(param.Description, "answer") {
					out = append(out, op.OperationID)
				}
			}
		}
	}
	if len(out) < 10 {
		p.t.Fatalf("the document has only %d calls with a plan", len(out))
	}
	slices.Sort(out)
	return out
}

// refusedAlike holds the refusals of dry runs against those of the changes.
func refusedAlike(p pool) {
	c := p.rest(1)
	for name, do := range map[string]func(ctx context.Context) error{
		"a brick that was another volume's, seen on its host": func(ctx context.Context) error {
			_, err := c.VolumeCreate(ctx, volumeOf("gv9", api.SubvolReq{}, "node2:/srv/deep/gv0"))
			return err
		},
		"a directory whose parent is missing": func(ctx context.Context) error {
			req := volumeOf("gv9", api.SubvolReq{}, "node3:/srv/no/such/parent")
			req.Flags = nil
			_, err := c.VolumeCreate(ctx, req)
			return err
		},
		"a start of what is started": func(ctx context.Context) error {
			_, err := c.VolumeStart(ctx, "gv1", api.VolumeStartReq{})
			return err
		},
		"a peer with bricks": func(ctx context.Context) error {
			peers, err := c.Peers(ctx, client.Filter{})
			p.must(err)
			i := slices.IndexFunc(peers, func(o api.Peer) bool { return o.Name == p.Peer(2).Name })
			return c.PeerRemove(ctx, peers[i].ID, false)
		},
	} {
		planned, changed := do(client.DryRun(p.t.Context())), do(p.t.Context())
		said, did := api.AsError(planned), api.AsError(changed)
		if said == nil || did == nil || said.Kind != did.Kind || said.Message != did.Message {
			p.t.Errorf("%s: the dry run says %v, the change %v", name, planned, changed)
		}
	}
}

// volumeOf asks for a volume of one subvolume, whose directories are made.
func volumeOf(name string, sub api.SubvolReq, bricks ...string) api.VolumeCreateReq {
	for _, b := range bricks {
		host, path, _ := strings.Cut(b, ":")
		sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: host, Path: path})
	}
	return api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{sub}, Flags: map[string]bool{api.FlagCreateBrickDir: true}}
}

package volumes

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// fewChecks is how many random histories of about fewSteps operations are tried unless the flags -rapid.checks and
// -rapid.steps say so. make model tries ten thousand operations.
const (
	fewChecks = "12"
	fewSteps  = "50"
)

// TestModel does random operations on a pool and compares what becomes of it with a model: records, bricks and their
// processes on the hosts, and the kind of every refusal. Peers die and return, hosts fail in the middle of a step, two
// clients act at once, operations are planned before they are done, and depend on what was read.
func TestModel(t *testing.T) {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": fewChecks, "rapid.steps": fewSteps} {
		if !given[name] {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, count := newModelRig(t), map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		r.reset()
		m := &machine{rig: r, want: newWorld(), count: count}
		rt.Repeat(map[string]func(*rapid.T){
			"": m.check, "one": m.one, "one more": m.one, "and one more": m.one, "planned": m.planned, "conditional": m.conditional, "two at once": m.two,
			"power": m.power, "clean": m.clean,
		})
	})
	total := 0
	for _, n := range count {
		total += n
	}
	t.Logf("%d operations: %v", total, count)
	if total == 0 || count["done"] == 0 {
		t.Errorf("nothing was tried: %v", count)
	}
}

// machine is one history: the pool and what it should be.
type machine struct {
	rig   *modelRig
	want  world
	count map[string]int
}

// check compares the pool with the model.
func (m *machine) check(rt *rapid.T) {
	if err := m.rig.store.Sync(m.rig.t.Context()); err != nil {
		rt.Fatal(err)
	}
	if diff := cmp.Diff(m.want.text(), m.rig.look().text()); diff != "" {
		rt.Fatalf("the pool is not as it should be (- wanted):\n%s", diff)
	}
	e := m.rig.pool.Engine(modelIDs[0])
	if p := e.Pending(); len(p) > 0 {
		rt.Fatalf("transactions are left: %+v", p)
	}
	for _, name := range modelVolumes() {
		if e.LockHeld(Lock(name)) {
			rt.Fatalf("volume %s is still locked", name)
		}
	}
}

func modelVolumes() []string { return []string{"v1", "v2", "v3"} }

// one does one operation.
func (m *machine) one(rt *rapid.T) {
	d, via := m.deed(rt), m.via(rt)
	m.settle(rt, d, m.rig.do(m.rig.t.Context(), via, d))
}

// settle compares the outcome of a deed with the model's, which becomes the new model.
func (m *machine) settle(rt *rapid.T, d deed, err error) {
	rt.Logf("%s: %v", d, err)
	kinds := d.apply(&m.want)
	if !slices.Contains(kinds, kindOf(err)) {
		rt.Fatalf("%s: the outcome is %q (%v), the model says %q", d, kindOf(err), err, kinds)
	}
	m.count[outcome(err)]++
}

func kindOf(err error) api.Kind {
	if err == nil {
		return ok
	}
	return api.AsError(err).Kind
}

// outcome names an outcome in the count.
func outcome(err error) string {
	if err == nil {
		return "done"
	}
	return string(kindOf(err))
}

// planned asks for the plan of an operation before it: the plan is refused if the operation is, and changes nothing.
func (m *machine) planned(rt *rapid.T) {
	d, via := m.deed(rt), m.via(rt)
	if _, twice := d.(joinDeed); twice {
		return // its token is a transaction of its own
	}
	plan, err := transaction.PlanOf(m.rig.t.Context(), func(ctx context.Context) error { return m.rig.do(ctx, via, d) })
	m.check(rt)
	trial := m.want.clone()
	kinds := d.apply(&trial)
	// What fails in the middle of a start or stop is not foreseen.
	unforeseen := err == nil && slices.Contains(kinds, api.Internal)
	if !slices.Contains(kinds, kindOf(err)) && !unforeseen {
		rt.Fatalf("plan of %s: the outcome is %q (%v), the model says %q", d, kindOf(err), err, kinds)
	}
	if err == nil && plan.Operation == "" {
		rt.Fatalf("plan of %s: %+v", d, plan)
	}
	m.settle(rt, d, m.rig.do(m.rig.t.Context(), via, d))
}

// conditional does an operation on a volume only if it is as it was when it was read; perhaps it is not.
func (m *machine) conditional(rt *rapid.T) {
	d, via := m.deed(rt), m.via(rt)
	name := subject(d)
	rec, err := Find(m.rig.store, name)
	if name == "" || err != nil {
		return
	}
	stale := rapid.Bool().Draw(rt, "stale")
	e := &store.Expectation{Revisions: []int64{rec.Revision}}
	if stale {
		e.Revisions[0]--
	}
	err = m.rig.do(store.Expect(m.rig.t.Context(), e), via, d)
	if !stale {
		m.settle(rt, d, err)
		return
	}
	rt.Logf("%s, if it is as it was before: %v", d, err)
	if kindOf(err) != api.Precondition {
		rt.Fatalf("%s depends on what has changed, and the outcome is %q (%v)", d, kindOf(err), err)
	}
	m.count[outcome(err)]++
}

// subject is the volume that an operation changes; "" if it is about none that must be there.
func subject(d deed) string {
	switch d := d.(type) {
	case startDeed:
		return d.name
	case stopDeed:
		return d.name
	case deleteDeed:
		return d.name
	case expandDeed:
		return d.name
	case setDeed:
		return d.name
	case resetDeed:
		return d.name
	case editDeed:
		return d.name
	}
	return ""
}

// two does two operations at once. There must be an order in which each is done, or refused, as it was; one may also have
// been refused because the other was under way.
func (m *machine) two(rt *rapid.T) {
	deeds, via, errs := [2]deed{m.harmless(rt), m.harmless(rt)}, [2]string{m.via(rt), m.via(rt)}, [2]error{}
	var wg sync.WaitGroup
	for i := range deeds {
		wg.Go(func() { errs[i] = m.rig.do(m.rig.t.Context(), via[i], deeds[i]) })
	}
	wg.Wait()
	rt.Logf("at once: %s: %v; %s: %v", deeds[0], errs[0], deeds[1], errs[1])
	if err := m.rig.store.Sync(m.rig.t.Context()); err != nil {
		rt.Fatal(err)
	}
	got := m.rig.look().text()
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		w := m.want.clone()
		if explains(&w, deeds, errs, order) && w.text() == got {
			m.want = w
			m.count[outcome(errs[0])]++
			m.count[outcome(errs[1])]++
			return
		}
	}
	rt.Fatalf("no order explains what became of %s (%v) and %s (%v) at once:\n%s", deeds[0], errs[0], deeds[1], errs[1], cmp.Diff(m.want.text(), got))
}

// explains reports whether the outcomes are those of the deeds in the order.
func explains(w *world, deeds [2]deed, errs [2]error, order [2]int) bool {
	for _, i := range order {
		if errs[i] != nil && kindOf(errs[i]) == api.Conflict {
			continue
		}
		trial := w.clone()
		kinds := deeds[i].apply(&trial)
		if (errs[i] == nil) != slices.Contains(kinds, ok) {
			return false
		}
		*w = trial
	}
	return true
}

// harmless draws a deed without a fault, as two of them would be mixed up, and without a change of the membership.
func (m *machine) harmless(rt *rapid.T) deed {
	switch d := m.deed(rt).(type) {
	case createDeed:
		d.fault = ""
		return d
	case startDeed:
		d.fault = ""
		return d
	case stopDeed:
		d.fault = ""
		return d
	case detachDeed, joinDeed:
		return deleteDeed{m.volume(rt)}
	default:
		return d
	}
}

// power ends or starts the daemon of a peer.
func (m *machine) power(rt *rapid.T) {
	id := rapid.SampledFrom(modelIDs[1:]).Draw(rt, "peer")
	if m.want.up[id] && rapid.IntRange(0, 2).Draw(rt, "spared") > 0 {
		return // most of the time all are there
	}
	rt.Logf("power %s: %v", id, !m.want.up[id])
	if m.want.up[id] = !m.want.up[id]; m.want.up[id] {
		m.rig.pool.Start(id)
		m.rig.boot(id)
		return
	}
	m.rig.pool.Kill(id)
}

// clean removes the directories of volumes that are gone.
func (m *machine) clean(*rapid.T) {
	m.rig.hosts.mu.Lock()
	defer m.rig.hosts.mu.Unlock()
	for at, owner := range m.want.dirs {
		if owner == leftOver {
			delete(m.want.dirs, at)
			delete(m.want.running, at)
			delete(m.rig.hosts.bricks, at)
		}
	}
}

// via draws a peer that can be asked.
func (m *machine) via(rt *rapid.T) string {
	var there []string
	for _, id := range modelIDs {
		if _, in := m.want.peers[id]; in && m.want.up[id] {
			there = append(there, id)
		}
	}
	return rapid.SampledFrom(there).Draw(rt, "via")
}

// volume draws the name of a volume, more often than not one that is there.
func (m *machine) volume(rt *rapid.T) string {
	return m.name(rt, func(name string) bool { _, there := m.want.volumes[name]; return there })
}

func (m *machine) name(rt *rapid.T, likely func(name string) bool) string {
	names := modelVolumes()
	for _, n := range modelVolumes() {
		if likely(n) {
			names = append(names, n, n, n)
		}
	}
	return rapid.SampledFrom(names).Draw(rt, "volume")
}

// fault draws a peer whose host fails, most often none.
func (m *machine) fault(rt *rapid.T) string {
	return rapid.SampledFrom(append([]string{"", "", "", "", ""}, modelIDs...)).Draw(rt, "fault")
}

// bricks draws directories for sets of copies on different peers.
func (m *machine) bricks(rt *rapid.T, replica int) []string {
	var out []string
	for range rapid.IntRange(1, 2).Draw(rt, "sets") {
		for _, id := range rapid.Permutation(modelIDs).Draw(rt, "peers")[:replica] {
			out = append(out, fmt.Sprintf("%s /bricks/%d", id, rapid.IntRange(1, 9).Draw(rt, "disk")))
		}
	}
	return out
}

// deed draws an operation.
func (m *machine) deed(rt *rapid.T) deed {
	what := rapid.SampledFrom(strings.Fields("create create create start start stop stop delete delete expand set set reset edit pool group zone detach join join")).Draw(rt, "what")
	switch what {
	case "create":
		n := rapid.IntRange(1, 3).Draw(rt, "replica")
		return createDeed{m.name(rt, func(name string) bool { _, there := m.want.volumes[name]; return !there }), n, m.bricks(rt, n), m.fault(rt)}
	case "start":
		return startDeed{m.volume(rt), rapid.Bool().Draw(rt, "force"), m.fault(rt)}
	case "stop":
		return stopDeed{m.volume(rt), m.fault(rt)}
	case "delete":
		return deleteDeed{m.volume(rt)}
	case "expand":
		name := m.volume(rt)
		return expandDeed{name, m.bricks(rt, max(m.want.volumes[name].replica, 1))}
	}
	return m.edit(rt, what)
}

// edit draws an operation that changes records only.
func (m *machine) edit(rt *rapid.T, what string) deed {
	switch what {
	case "set":
		return setDeed{m.volume(rt), rapid.SampledFrom(settings()).Draw(rt, "setting")}
	case "reset":
		return resetDeed{m.volume(rt), rapid.SampledFrom([]string{"", "performance.cache-size", "user.note", "no.such-option"}).Draw(rt, "key")}
	case "edit":
		return editDeed{m.volume(rt), rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "key"), rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "value")}
	case "pool":
		return poolDeed{rapid.SampledFrom(poolSettings()).Draw(rt, "setting")}
	case "group":
		return groupDeed{rapid.SampledFrom([]string{"g1", "g2"}).Draw(rt, "group"), rapid.Bool().Draw(rt, "gone")}
	case "zone":
		return zoneDeed{rapid.SampledFrom(modelIDs).Draw(rt, "peer"), rapid.SampledFrom([]string{"z1", "z2"}).Draw(rt, "zone")}
	case "detach":
		return detachDeed{rapid.SampledFrom(modelIDs).Draw(rt, "peer"), rapid.Bool().Draw(rt, "force")}
	}
	return joinDeed{rapid.SampledFrom(modelIDs).Draw(rt, "peer")}
}

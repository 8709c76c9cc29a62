package volumes

import (
	"context"
	"flag"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gd2/glusterd2/volume"
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

// RunModel is TestModel, but for the quotas.
func RunModel(t *testing.T, quotas ModelQuotaMaker) {
	t.Helper()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": fewChecks, "rapid.steps": fewSteps} {
		if !given[name] {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, count := newModelRig(t, quotas), map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		devices := rapid.Bool().Draw(rt, "devices")
		r.reset(devices)
		m := &machine{rig: r, want: newWorld(devices), count: count}
		rt.Repeat(map[string]func(*rapid.T){
			"": m.check, "one": m.one, "one more": m.one, "and one more": m.one, "planned": m.planned, "conditional": m.conditional, "two at once": m.two,
			"crash": m.crash, "power": m.power, "clean": m.clean, "reconcile": m.reconcile, "reconcile again": m.reconcile, "heal": m.heal, "lag": m.lag, "files are moved": m.end, "status": m.status, "debts": m.pay,
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
	calm  bool // no mishaps
}

// check compares the pool with the model.
func (m *machine) check(rt *rapid.T) {
	got := m.rig.quiet(rt)
	m.want.settle()
	m.want.learn(got)
	if diff := cmp.Diff(m.want.text(), got.text()); diff != "" {
		rt.Fatalf("the pool is not as it should be (- wanted):\n%s", diff)
	}
	e := m.rig.pool.Engine(modelIDs[0])
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
	rt.Logf("%s: %v", tell(d), err)
	kinds := d.apply(&m.want)
	if !slices.Contains(kinds, kindOf(err)) {
		rt.Fatalf("%s: the outcome is %q (%v), the model says %q", tell(d), kindOf(err), err, kinds)
	}
	m.note(d, err)
}

// note counts an outcome.
func (m *machine) note(d deed, err error) {
	m.count[outcome(err)]++
	if err == nil {
		m.count["done "+deedName(d)]++
	}
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
	unforeseen := err == nil && !slices.Contains(kinds, ok) && unlucky(d) // what fails in the middle is not foreseen
	if !slices.Contains(kinds, kindOf(err)) && !unforeseen {
		rt.Fatalf("plan of %s: the outcome is %q (%v), the model says %q", tell(d), kindOf(err), err, kinds)
	}
	if err == nil && plan.Operation == "" {
		rt.Fatalf("plan of %s: %+v", tell(d), plan)
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
	rt.Logf("%s, if it is as it was before: %v", tell(d), err)
	trial := m.want.clone()
	if kind := kindOf(err); kind != api.Precondition && (kind != api.Invalid || !slices.Contains(d.apply(&trial), kind)) {
		rt.Fatalf("%s depends on what has changed, and the outcome is %q (%v)", tell(d), kindOf(err), err)
	}
	m.note(d, err)
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
	rt.Logf("at once: %s: %v; %s: %v", tell(deeds[0]), errs[0], tell(deeds[1]), errs[1])
	got := m.rig.quiet(rt)
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		w := m.want.clone()
		if explains(&w, deeds, errs, order, got) && w.text() == got.text() {
			m.want = w
			m.note(deeds[0], errs[0])
			m.note(deeds[1], errs[1])
			return
		}
	}
	rt.Fatalf("no order explains what became of %s (%v) and %s (%v) at once:\n%s", tell(deeds[0]), errs[0], tell(deeds[1]), errs[1], cmp.Diff(m.want.text(), got.text()))
}

// explains reports whether the outcomes are those of the deeds in the order. What the first has made takes its room from the second, so
// that its place is learnt before.
func explains(w *world, deeds [2]deed, errs [2]error, order [2]int, got world) bool {
	for _, i := range order {
		if errs[i] != nil && kindOf(errs[i]) == api.Conflict {
			continue
		}
		trial := w.clone()
		kinds := deeds[i].apply(&trial)
		if (errs[i] == nil) != slices.Contains(kinds, ok) || !trial.learn(got) {
			return false
		}
		trial.settle()
		*w = trial
	}
	return true
}

// crash has the daemon that does an operation die in the middle of it. When it is back, or another peer has taken over, the
// world is as before or as after.
func (m *machine) crash(rt *rapid.T) {
	d, via := m.harmless(rt), m.via(rt)
	if via == modelIDs[0] {
		return // it brings peers in and takes them out
	}
	event, late := rapid.IntRange(1, 9).Draw(rt, "event"), rapid.Bool().Draw(rt, "late")
	died, err := m.rig.dying(via, event, func() error { return m.rig.do(m.rig.t.Context(), via, d) })
	if !died {
		m.settle(rt, d, err)
		return
	}
	m.rig.kill(via)
	if late {
		m.rig.adopted(rt, via)
	}
	m.rig.start(via)
	got := m.rig.quiet(rt)
	rt.Logf("crash of %s after its event %d, adopted %v, of %s: %v", via, event, late, tell(d), err)
	before, after := m.want.clone(), m.want.clone()
	done := slices.Contains(d.apply(&after), ok)
	after.settle()
	before.undo(subject(d), got)
	switch {
	case got.text() == before.text():
		m.want = before
		m.count["undone"]++
	case done && after.learn(got) && got.text() == after.text():
		m.want = after
		m.count["done after a crash"]++
	default:
		rt.Fatalf("after a crash of %s (event %d) in %s (%v) the world is neither as before (- before):\n%s\nnor as after (- after):\n%s",
			via, event, tell(d), err, cmp.Diff(before.text(), got.text()), cmp.Diff(after.text(), got.text()))
	}
}

// undo lets the bricks of a volume be what taking an operation back makes of them, whatever they were before: they run as the record
// wants it, and blame nobody.
func (w *world) undo(name string, got world) {
	v := w.volumes[name]
	for _, b := range v.bricks {
		is, wanted := got.hosts[b.at], v.state == volume.Started && !b.reset
		w.change(func(d *modelDir) {
			if is.running == wanted {
				d.running = wanted
			}
			d.blames, d.dirty = d.blames && is.blames, d.dirty && is.dirty
		}, b)
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
		m.rig.start(id)
		return
	}
	m.rig.kill(id)
}

// clean removes the directories of volumes that are gone, of bricks that were removed, and the disks of those that are being reset.
func (m *machine) clean(*rapid.T) {
	m.rig.hosts.mu.Lock()
	defer m.rig.hosts.mu.Unlock()
	for at, dir := range m.want.hosts {
		v := m.want.volumes[dir.owner]
		if i := v.index(at); i < 0 || v.bricks[i].reset {
			delete(m.want.hosts, at)
			delete(m.rig.hosts.bricks, at)
		}
	}
}

// reconcile does what the reconcilers of the peers that are there do: bricks run that should, and no others.
func (m *machine) reconcile(*rapid.T) {
	m.rig.hosts.mu.Lock()
	defer m.rig.hosts.mu.Unlock()
	for at, dir := range m.want.hosts {
		if !m.want.up[peerOf(at)] {
			continue
		}
		v := m.want.volumes[dir.owner]
		i := v.index(at)
		dir.running = i >= 0 && v.state == volume.Started && !v.bricks[i].reset
		m.want.hosts[at] = dir
		b := m.rig.hosts.bricks[at]
		b.running = dir.running
		m.rig.hosts.bricks[at] = b
	}
}

// lag lets a brick of a dispersed set know of something that others lack.
func (m *machine) lag(rt *rapid.T) {
	v := m.want.volumes[m.volume(rt)]
	if v.redundancy == 0 {
		return
	}
	b := rapid.SampledFrom(v.bricks).Draw(rt, "brick")
	m.want.change(func(d *modelDir) { d.blames = true }, b)
	m.rig.hosts.lag(b.at)
}

// heal does what the self-heal daemons do.
func (m *machine) heal(*rapid.T) {
	m.rig.hosts.mu.Lock()
	defer m.rig.hosts.mu.Unlock()
	for at, dir := range m.want.hosts {
		dir.dirty, dir.blames = false, false
		m.want.hosts[at] = dir
		b := m.rig.hosts.bricks[at]
		b.dirty, b.blames = false, nil
		m.rig.hosts.bricks[at] = b
	}
}

// end ends all processes that move files; most often with success.
func (m *machine) end(rt *rapid.T) {
	status := rapid.SampledFrom([]volume.TaskStatus{volume.TaskComplete, volume.TaskComplete, volume.TaskComplete, volume.TaskFailed}).Draw(rt, "end")
	for _, v := range m.want.volumes {
		if v.task == nil {
			continue
		}
		for _, id := range v.task.peers {
			_, ended := v.task.ran[id]
			if _, known := v.task.known[id]; !ended && !known {
				v.task.ran[id] = status
			}
		}
	}
	for _, mover := range m.rig.movers {
		mover.end(status)
	}
}

// status compares what is said of the task of a volume with the model.
func (m *machine) status(rt *rapid.T) {
	name, via := m.volume(rt), m.via(rt)
	v := m.want.volumes[name]
	if v.task == nil {
		return
	}
	ask := m.rig.c[via].RebalanceStatus
	if v.task.kind == volume.TaskRemoveBrick {
		ask = m.rig.c[via].ShrinkStatus
	}
	got, err := ask(m.rig.t.Context(), name)
	if err != nil {
		rt.Fatal(err)
	}
	if wrong := m.seen(v, got); wrong != "" {
		rt.Fatalf("status of the task of %s: %s: %+v", name, wrong, got)
	}
}

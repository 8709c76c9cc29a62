package transactiontest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gd2/pkg/api"
	"gd2/transaction"
)

// Subject is one run of an operation, ready to begin.
type Subject struct {
	// Plan is the plan as the operation's command makes it; see transaction.Plan.Erase.
	Plan transaction.Plan[any]
	// World describes in words all that the operation may change: files, processes, records. It must read the same for
	// two subjects that are in the same state, so names and ids that differ from subject to subject are replaced.
	World func() string
}

// Case makes the n-th subject of an operation: whatever must be there before the operation, such as the volume that is
// to be deleted, and the plan. Subjects share the pool, so each needs names of its own.
type Case func(t testing.TB, pool *Pool, n int) Subject

// Sweep proves every operation of the registry, each on a pool of its own. cases has a Case for each, by name@version;
// an operation without one fails the test. For each operation it runs, and compares the world with that before the
// operation if it failed, with that after a clean run if it was done:
//
//   - a plan of the operation, which must name the steps and peers of the clean run and change nothing;
//   - the operation, counting its raft commits;
//   - with each Do twice;
//   - with each step failing, on this peer and another, before and after its work; with each Undo twice;
//   - with the coordinator killed after each of its events, also while it unwinds, and adopted by another peer or
//     restarted;
//   - with a peer killed before, inside and after each Do and Undo, back at once or only when the transaction has failed.
func Sweep(t *testing.T, cfg Config, cases map[string]Case) {
	registry := cfg.Registry(peersOf(cfg)[0])
	for _, name := range registry.Names() {
		t.Run(name, func(t *testing.T) {
			c := cases[name]
			if c == nil {
				t.Fatalf("operation %s is not in the sweep: give it a Case", name)
			}
			about, _ := registry.Describe(name)
			s := &sweep{t: t, pool: NewPool(t, cfg), registry: registry, about: about, name: name, make: c}
			s.all()
		})
	}
	for name := range cases {
		if !slices.Contains(registry.Names(), name) {
			t.Errorf("the Case for %s belongs to no operation", name)
		}
	}
}

func peersOf(cfg Config) []string {
	if cfg.Peers == nil {
		return []string{"p1", "p2", "p3"}
	}
	return cfg.Peers
}

// sweep is the state of the sweep over one operation.
type sweep struct {
	t        *testing.T
	pool     *Pool
	registry *transaction.Registry
	about    transaction.Description
	name     string
	make     Case
	n        int

	// What the clean run taught.
	after string
	dos   []visit
}

// visit is one step on one peer.
type visit struct {
	step string
	peer string
}

// expect is what a scenario must come to.
type expect string

const (
	done   expect = "done"
	failed expect = "failed"
	either expect = "done or failed"
)

// scenario is one run of the operation in which something goes wrong.
type scenario struct {
	label  string
	want   expect
	faults faults
}

func (s *sweep) coordinator() string { return s.pool.cfg.Peers[0] }

func (s *sweep) all() {
	s.clean()
	if s.t.Failed() {
		return
	}
	s.run(scenario{label: "each step twice", want: done, faults: faults{doTwice: true}})
	s.failures()
	s.coordinatorKilled()
	s.peerKilled()
}

// forward reports whether a step lies at or after the pivot, so that its failure does not unwind.
func (s *sweep) forward(step string) bool {
	return s.about.Pivot > 0 && slices.Index(s.about.Steps, step) >= s.about.Pivot
}

func (s *sweep) wantOfFailure(step string) expect {
	if s.forward(step) {
		return done
	}
	return failed
}

// clean runs the operation with nothing going wrong, and learns what it does.
func (s *sweep) clean() {
	subject := s.make(s.t, s.pool, s.n)
	s.n++
	plan := s.planned(subject)
	seen := s.watch()
	before := s.revision()
	_, err := s.registry.Run(s.t.Context(), s.pool.Engine(s.coordinator()), s.name, subject.Plan)
	s.pool.Around(nil)
	if err != nil {
		s.t.Fatalf("%s: clean run: %v", s.name, err)
	}
	want := int64(2)
	if s.about.Pivot > 0 {
		want = 3
	}
	if got := s.revision() - before; got != want {
		s.t.Errorf("%s: a clean run cost %d raft commits, want %d", s.name, got, want)
	}
	s.after, s.dos = subject.World(), s.chosen(seen())
	s.asPlanned(plan, seen())
}

// planned has the operation only planned.
func (s *sweep) planned(subject Subject) api.OperationPlan {
	s.t.Helper()
	if len(s.about.Mute) > 0 {
		s.t.Errorf("%s: the steps %v do not say what they do: give them Effects", s.name, s.about.Mute)
	}
	before, revision := subject.World(), s.revision()
	plan, err := transaction.PlanOf(s.t.Context(), func(ctx context.Context) error {
		_, err := s.registry.Run(ctx, s.pool.Engine(s.coordinator()), s.name, subject.Plan)
		return err
	})
	if err != nil {
		s.t.Fatalf("%s: it cannot be planned: %v", s.name, err)
	}
	if got := subject.World(); got != before || s.revision() != revision {
		s.t.Errorf("%s: the plan has changed the world\n--- before\n%s\n--- after\n%s", s.name, before, got)
	}
	return plan
}

// asPlanned fails the test if the clean run did not go to the steps and peers that its plan names.
func (s *sweep) asPlanned(plan api.OperationPlan, ran []visit) {
	s.t.Helper()
	var said []visit
	for _, step := range plan.Steps {
		for _, p := range step.Peers {
			said = append(said, visit{step.Name, p.PeerID})
		}
	}
	order := func(a, b visit) int { return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.peer, b.peer)) }
	slices.SortFunc(said, order)
	slices.SortFunc(ran, order)
	if !slices.Equal(said, ran) {
		s.t.Errorf("%s: the plan says %v, the run went to %v", s.name, said, ran)
	}
}

// chosen keeps, of the peers of each step, the coordinator and one other: more would teach nothing new.
func (s *sweep) chosen(all []visit) []visit {
	var kept []visit
	for _, step := range s.about.Steps {
		other := ""
		for _, v := range all {
			if v.step == step && v.peer == s.coordinator() {
				kept = append(kept, v)
			} else if v.step == step {
				other = max(other, v.peer)
			}
		}
		if other != "" {
			kept = append(kept, visit{step, other})
		}
	}
	return kept
}

// watch notes every Do or Undo until the returned function is called.
func (s *sweep) watch() func() []visit {
	var mu sync.Mutex
	var seen []visit
	s.pool.Around(func(ctx context.Context, peer string, i transaction.StepInfo, do func(context.Context) error) error {
		mu.Lock()
		seen = append(seen, visit{i.Step, peer})
		mu.Unlock()
		return do(ctx)
	})
	return func() []visit {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func (s *sweep) revision() int64 {
	st := s.pool.Store(s.coordinator())
	if err := st.Sync(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return st.Revision()
}

// run plays a scenario on a fresh subject and judges the end. It reports whether the fault that was asked for happened.
func (s *sweep) run(sc scenario) (happened bool) {
	s.t.Helper()
	subject := s.make(s.t, s.pool, s.n)
	s.n++
	before := subject.World()
	f := arm(s.pool, s.coordinator(), sc.faults)
	_, err := s.registry.Run(s.t.Context(), s.pool.Engine(s.coordinator()), s.name, subject.Plan)
	f.settle()
	if f.id == "" {
		s.t.Fatalf("%s: %s: the plan was refused: %v", s.name, sc.label, err)
	}
	end := s.pool.WaitFinished(f.id)
	f.disarm()
	s.judge(sc, subject, before, end, err)
	return f.happened()
}

// judge compares the end of a scenario with what it must be.
func (s *sweep) judge(sc scenario, subject Subject, before string, end api.Transaction, err error) {
	s.t.Helper()
	fail := func(format string, args ...any) {
		s.t.Helper()
		s.t.Errorf("%s: %s: %s\n  transaction: %+v\n  its caller got: %v", s.name, sc.label, fmt.Sprintf(format, args...), end, err)
	}
	if sc.want != either && string(sc.want) != end.State {
		fail("ended as %s, want %s", end.State, sc.want)
	}
	if sc.faults.crash == nil && (err == nil) != (end.State == string(transaction.Done)) && !s.stalled(err) {
		fail("the caller was not told the outcome")
	}
	want := before
	if end.State == string(transaction.Done) {
		want = s.after
	}
	if got := subject.World(); got != want {
		fail("the world is not as it should be\n--- want\n%s\n--- got\n%s", want, got)
	}
	for _, l := range subject.Plan.Locks {
		if s.pool.Engine(s.coordinator()).LockHeld(l) {
			fail("lock %s is still held", l)
		}
	}
}

// stalled reports whether the caller was told that the transaction has not ended yet.
func (s *sweep) stalled(err error) bool {
	return err != nil && strings.Contains(err.Error(), "keeps its locks")
}

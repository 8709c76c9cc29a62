package brick

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"gd2/glusterd2/process"
	"gd2/pkg/api"

	"github.com/sirupsen/logrus"
)

// recheck is how often a brick that must be left alone for now is looked at again; SetDesired looks at once.
const recheck = time.Second

// SupervisorConfig is what a Supervisor needs.
type SupervisorConfig struct {
	Host *Host
	// Locks are shared with the steps of transactions: while a step holds a volume's lock its bricks are left alone.
	Locks *Locks
	// Skip reports whether the bricks of a volume are to be left alone: because a transaction has locked the volume, or
	// because the volume is not started any more. It is asked right before a start and must look at the present state
	// of both at once, or a brick could be started behind the back of a stop that just finished.
	Skip func(volumeName string) bool
	// Backoff is copied for every brick. The zero value is good.
	Backoff process.Backoff
	Log     *logrus.Entry
}

// Supervisor keeps bricks running: it adopts those that run, starts those that do not, and starts again at once, then
// with growing pauses, those that end by themselves. It never stops one.
type Supervisor struct {
	cfg    SupervisorConfig
	wanted chan struct{} // signals that desired changed

	mu      sync.Mutex
	desired map[Spec]bool
	keepers map[Spec]*keeper
}

// State is how the supervision of one brick goes.
type State struct {
	Spec Spec
	// Pid is 0 while the brick does not run.
	Pid int
	// Starts counts how often the supervisor had to start the brick.
	Starts int
	// Down says that the brick should run and does not: it ended by itself, or did not start. Ends counts how often it
	// ended by itself, the last time at EndedAt.
	Down    bool
	Ends    int
	EndedAt time.Time
	// LastError is why the last start failed, empty if it did not. NextStart is when it will be tried again.
	LastError string
	NextStart time.Time
}

// NewSupervisor returns a Supervisor that does nothing before Run.
func NewSupervisor(cfg SupervisorConfig) *Supervisor {
	return &Supervisor{cfg: cfg, wanted: make(chan struct{}, 1), desired: map[Spec]bool{}, keepers: map[Spec]*keeper{}}
}

// SetDesired says which bricks should run on this peer from now on. One that is not in the list any more is left as it
// is and no longer watched. A brick in the list that was stopped with Host.Stop before may run again.
func (s *Supervisor) SetDesired(specs []Spec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.desired = make(map[Spec]bool, len(specs))
	for _, spec := range specs {
		s.desired[spec] = true
		s.cfg.Host.instance(spec.Path).hold(false)
		if k := s.keepers[spec]; k != nil {
			k.look()
		}
	}
	select {
	case s.wanted <- struct{}{}:
	default: // one signal already waits
	}
}

// Run supervises until ctx ends. The bricks go on serving after that.
func (s *Supervisor) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		s.assign(ctx, &wg)
		select {
		case <-s.wanted:
		case <-ctx.Done():
			return nil
		}
	}
}

// assign gives every desired brick a keeper, and dismisses those of the others.
func (s *Supervisor) assign(ctx context.Context, wg *sync.WaitGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for spec, k := range s.keepers {
		if !s.desired[spec] {
			k.dismiss()
			delete(s.keepers, spec)
		}
	}
	for spec := range s.desired {
		if s.keepers[spec] != nil {
			continue
		}
		kctx, cancel := context.WithCancel(ctx)
		k := newKeeper(s.cfg, spec, cancel)
		s.keepers[spec] = k
		wg.Go(func() {
			defer cancel()
			k.run(kctx)
		})
	}
}

// States returns how the supervision of each desired brick goes, sorted by volume and path.
func (s *Supervisor) States() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]State, 0, len(s.keepers))
	for _, k := range s.keepers {
		out = append(out, k.current())
	}
	slices.SortFunc(out, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Spec.VolumeName, b.Spec.VolumeName), cmp.Compare(a.Spec.Path, b.Spec.Path))
	})
	return out
}

// StopStray stops the bricks that run on this host, started by this daemon or an earlier one, and are not in keep: those
// of volumes that were stopped or deleted while nobody looked. It returns those that it stopped.
func (h *Host) StopStray(ctx context.Context, keep []Spec) ([]Spec, error) {
	strays, err := h.Running()
	if err != nil {
		return nil, api.Errorf(api.Internal, "look for bricks that run: %v", err)
	}
	strays = slices.DeleteFunc(strays, func(s Spec) bool { return slices.Contains(keep, s) })
	return strays, h.StopAll(ctx, strays)
}

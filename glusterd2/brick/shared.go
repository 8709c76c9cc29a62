package brick

import (
	"context"
	"maps"
	"slices"
	"sync"

	"gd2/glusterd2/process"
	"gd2/pkg/api"

	"golang.org/x/sys/unix"
)

// Multiplex says how bricks share processes: cluster.brick-multiplex and cluster.max-bricks-per-process. It concerns
// bricks that are started from now on; those that run stay as they are.
type Multiplex struct {
	On bool
	// Max is how many bricks a process may hold; 0 means any number.
	Max int
}

// flagShared is the argument of a process that takes more bricks than its first. Others refuse them.
const flagShared = "--brick-mux"

// shared is a process that can hold several bricks.
type shared struct {
	proc   *process.Process
	socket string
	// fit is what its bricks have in common; see fitOf. It is empty, which no brick's is, for a process of an earlier
	// life of this daemon until it is known: see sharedSet.room.
	fit string
	// most is how many bricks it can hold with the files that it may have open; 0 if that is not known.
	most int
	// bricks are those inside, and those that are just being attached, by path.
	bricks map[string]Spec
}

// filesPerBrick is how many files a brick has open when nobody uses it: the 256 folders of gfids, and some more.
const filesPerBrick = 262

// capacity is how many bricks a process can hold if a quarter of the files that it may have open is left to its clients;
// 0 if that cannot be told. GlusterFS raises the limit to a million if it may.
func capacity(pid int) int {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return 0
	}
	return max(1, int(min(limit.Cur, 1<<30))/4*3/filesPerBrick)
}

// sharedSet is all processes of this host that can hold several bricks. Where a brick runs is known from here alone:
// the command line of such a process tells of its first brick only, which may have left since.
type sharedSet struct {
	// choosing holds one token; whoever has it may choose a process for a brick, or start one.
	choosing chan struct{}

	// lost is told of those that have ended.
	lost func(pid int)

	mu    sync.Mutex
	found bool // those of earlier lives of the daemon are in
	procs map[int]*shared
}

func newSharedSet(lost func(pid int)) *sharedSet {
	s := &sharedSet{choosing: make(chan struct{}, 1), lost: lost, procs: map[int]*shared{}}
	s.choosing <- struct{}{}
	return s
}

// choose waits for the turn to choose a process. done may be called twice.
func (s *sharedSet) choose(ctx context.Context) (done func(), err error) {
	select {
	case <-s.choosing:
		return sync.OnceFunc(func() { s.choosing <- struct{}{} }), nil
	case <-ctx.Done():
		return nil, api.Errorf(api.Timeout, "other bricks are still being started: %v", ctx.Err())
	}
}

// of returns the living process that holds the brick.
func (s *sharedSet) of(path string) (*shared, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	for _, p := range s.procs {
		if _, ok := p.bricks[path]; ok {
			return p, true
		}
	}
	return nil, false
}

// byPid returns a living process; nil if it is none of ours.
func (s *sharedSet) byPid(pid int) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	return s.procs[pid]
}

// insert notes that a process holds a brick.
func (s *sharedSet) insert(p *shared, b Spec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.bricks[b.Path] = b
}

// add takes in a process with its bricks.
func (s *sharedSet) add(p *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.procs[p.proc.Pid()] = p
}

// room reserves a place for the brick in a process that it fits into: of several the one that has the most bricks, so
// that others can run empty. fitOf tells what the bricks of a process have in common if that is not known yet.
func (s *sharedSet) room(b Spec, fit string, limit int, fitOf func(Spec) string) (*shared, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	var best *shared
	for _, p := range s.procs {
		if len(p.bricks) == 0 || full(p, limit) || full(p, p.most) {
			continue // one without bricks is about to end
		}
		if p.fit == "" {
			p.fit = fitOf(p.first())
		}
		if p.fit == fit && (best == nil || len(p.bricks) > len(best.bricks)) {
			best = p
		}
	}
	if best == nil {
		return nil, false
	}
	best.bricks[b.Path] = b
	return best, true
}

func full(p *shared, limit int) bool { return limit > 0 && len(p.bricks) >= limit }

// first is one brick of the process, always the same.
func (p *shared) first() Spec { return p.bricks[slices.Min(slices.Collect(maps.Keys(p.bricks)))] }

// remove takes a brick out, and reports whether its process holds none any more.
func (s *sharedSet) remove(p *shared, path string) (empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(p.bricks, path)
	return len(p.bricks) == 0
}

// all returns the bricks that run in shared processes.
func (s *sharedSet) all() []Spec { return s.those(func(Spec) bool { return true }) }

// ofVolume returns those that are of one volume.
func (s *sharedSet) ofVolume(name string) []Spec {
	return s.those(func(b Spec) bool { return b.VolumeName == name })
}

func (s *sharedSet) those(want func(Spec) bool) (out []Spec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	for _, p := range s.procs {
		for _, b := range p.bricks {
			if want(b) {
				out = append(out, b)
			}
		}
	}
	return out
}

// taken reports whether a process has the socket: the first brick of a process may be started elsewhere while
// the process lives on with the socket that was named after it.
func (s *sharedSet) taken(socket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	for _, p := range s.procs {
		if p.socket == socket {
			return true
		}
	}
	return false
}

// tidy forgets processes that have ended. The caller holds the lock.
func (s *sharedSet) tidy() {
	for pid, p := range s.procs {
		if !p.proc.Alive() {
			_ = p.proc.Close() // a watch that is over
			delete(s.procs, pid)
			s.lost(pid)
		}
	}
}

// close ends the watch over the processes.
func (s *sharedSet) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for pid, p := range s.procs {
		_ = p.proc.Close() // a watch, nothing more
		delete(s.procs, pid)
	}
	s.found = false
}

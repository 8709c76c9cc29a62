package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gd2/e2e/lab"
)

const (
	// scaleClients is how many clients create and start volumes side by side.
	scaleClients = 16
	// scaleFew is the number of volumes at which latency is taken first, scaleRuns how often it is taken.
	scaleFew, scaleRuns = 10, 51
	// scaleParts is into how many parts the way from the few to all volumes is cut.
	scaleParts = 10
)

// manager makes volumes for the scale bench: gd2 by REST, glusterd by its command. Peers are those of the lab.
type manager interface {
	name() string
	// daemon is the name of the daemon's process.
	daemon() string
	// share lets bricks share processes.
	share(ctx context.Context) error
	create(ctx context.Context, peer int, volume string) error
	start(ctx context.Context, peer int, volume string) error
	// rest waits until nothing is left to do in the background for so many volumes, as far as can be seen.
	rest(ctx context.Context, volumes int) error
}

// benchScale runs the scale bench: gd2 with all volumes, then glusterd as far as it comes in the time that it has.
func benchScale(ctx context.Context, o options) error {
	r := &scaleReport{}
	for _, s := range []struct {
		of  func(*lab.Lab) system
		run func(context.Context, options, *lab.Lab, *scaleReport) error
	}{{newGD2, scaleGD2}, {newGlusterd, scaleGlusterd}} {
		if err := inLab(ctx, o, r, s.of, s.run); err != nil {
			return err
		}
	}
	r.print(os.Stdout)
	if o.json != "" {
		return r.write(o.json)
	}
	return nil
}

// inLab runs the bench of one system in a pool of its own.
func inLab(ctx context.Context, o options, r *scaleReport, of func(*lab.Lab) system,
	run func(context.Context, options, *lab.Lab, *scaleReport) error) (err error) {
	l, err := lab.New(ctx, lab.Options{Peers: 3, Bin: "bin", Dir: o.dir, DiskMiB: 64 << 10, LogLevel: "info", Config: "profiling = true\n"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	b := &bench{options: o, lab: l, system: of(l), report: &report{}}
	if o.only != "" && o.only != b.system.name() {
		return nil
	}
	if err = b.pool(ctx); err == nil {
		err = run(ctx, o, l, r)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", b.system.name(), err), keepLogs(l))
	}
	return nil
}

// scale makes volumes of three bricks with many clients, and sees how the figures change with their number.
type scale struct {
	lab     *lab.Lab
	manager manager
	volumes int
	until   time.Time // when to stop, with fewer volumes; zero for never
	report  *scaleReport
}

// run makes all the volumes. It returns how many there are.
func (s *scale) run(ctx context.Context) (int, error) {
	if err := s.manager.share(ctx); err != nil {
		return 0, err
	}
	if err := s.bulk(ctx, 0, scaleFew, 1); err != nil {
		return 0, err
	}
	few, err := s.alone(ctx, "few", scaleFew)
	if err != nil {
		return 0, err
	}
	from := scaleFew
	for part := 1; part <= scaleParts && !s.over(); part++ {
		to := scaleFew + (s.volumes-scaleFew)*part/scaleParts
		if err := s.bulk(ctx, from, to, scaleClients); err != nil {
			return from, err
		}
		from = to
	}
	many, err := s.alone(ctx, "many", from)
	if err != nil {
		return from, err
	}
	s.report.add(s.manager.name(), "the latter in units of the former", "x", many.took/few.took)
	s.report.add(s.manager.name(), "the same of the daemons' CPU", "x", many.cpu/few.cpu)
	return from, nil
}

func (s *scale) over() bool { return !s.until.IsZero() && time.Now().After(s.until) }

// cost is what one of several creates took: the median of the time, and the mean of the CPU time of the daemons of all peers, which tells more
// on a machine that does other things too. Both are milliseconds.
type cost struct{ took, cpu float64 }

// alone reports what creates cost that one client makes while nothing else happens, when there are so many volumes.
func (s *scale) alone(ctx context.Context, what string, volumes int) (c cost, err error) {
	since := time.Now()
	if err := s.manager.rest(ctx, volumes); err != nil {
		return cost{}, err
	}
	s.report.add(s.manager.name(), fmt.Sprintf("wait for what follows the start of volume %d", volumes), "s", time.Since(since).Seconds())
	if err := settle(ctx, s.lab); err != nil {
		return cost{}, err
	}
	var took []float64
	before := ticks(s.lab, s.manager.daemon())
	for i := range scaleRuns {
		began := time.Now()
		if err := s.manager.create(ctx, 1, fmt.Sprintf("%s%d", what, i)); err != nil {
			return cost{}, err
		}
		took = append(took, ms(time.Since(began)))
	}
	c = cost{took: median(took), cpu: (ticks(s.lab, s.manager.daemon()) - before) * tick / scaleRuns}
	s.report.add(s.manager.name(), fmt.Sprintf("create at volume %d, one client", volumes), "ms", c.took)
	s.report.add(s.manager.name(), fmt.Sprintf("CPU of the daemons for a create at volume %d", volumes), "ms", c.cpu)
	return c, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// bulk creates and starts volumes from..to, to not included, by several clients.
func (s *scale) bulk(ctx context.Context, from, to, clients int) error {
	next := atomic.Int64{}
	next.Store(int64(from))
	var mu sync.Mutex
	var creates, starts []float64
	var errs []error
	began := time.Now()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1) - 1)
				if i >= to || ctx.Err() != nil {
					return
				}
				create, start, err := s.one(ctx, c%3+1, fmt.Sprintf("v%d", i))
				mu.Lock()
				creates, starts = append(creates, create), append(starts, start)
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	took := time.Since(began)
	s.report.part(s.manager.name(), from, to, clients, float64(to-from)/took.Seconds(), median(creates), median(starts))
	return nil
}

func (s *scale) one(ctx context.Context, peer int, volume string) (create, start float64, err error) {
	began := time.Now()
	if err := s.manager.create(ctx, peer, volume); err != nil {
		return 0, 0, err
	}
	create = ms(time.Since(began))
	began = time.Now()
	if err := s.manager.start(ctx, peer, volume); err != nil {
		return 0, 0, err
	}
	return create, ms(time.Since(began)), nil
}

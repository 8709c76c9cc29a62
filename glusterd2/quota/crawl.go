package quota

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"gd2/glusterd2/process"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// Target is a brick of this host that must have counted all its files under one version of a quota.
type Target struct {
	VolumeID, VolumeName string
	Version              int
	Host                 string
	Brick                volume.Brick
}

func (t Target) id() string { return fmt.Sprintf("%s@%d", t.Brick.ID, t.Version) }

// CrawlerConfig is what a Crawler needs.
type CrawlerConfig struct {
	Mounter Mounter
	// Dir is where it notes which bricks are done; it survives restarts.
	Dir string
	// Finish is called when a brick has been crawled, before it counts as done: it brings the limits to a brick that came
	// later.
	Finish func(ctx context.Context, t Target) error
	// Backoff between tries at a brick. The zero value is good.
	Backoff process.Backoff
	Log     *logrus.Entry
}

// Crawler has the bricks of this host count the files that were there before a quota was, each brick by itself and a few
// at a time. A crawl that is cut short begins anew.
type Crawler struct {
	cfg     CrawlerConfig
	changed chan struct{}
	places  chan struct{}

	mu     sync.Mutex
	crawls map[string]*crawl
}

// crawl is the work on one target.
type crawl struct {
	target Target
	cancel context.CancelFunc
	files  atomic.Int64

	mu             sync.Mutex
	state, problem string
	began, ended   time.Time
}

// atOnce is how many bricks are crawled at a time: each crawl keeps a disk busy.
const atOnce = 2

// NewCrawler returns a Crawler that does nothing before Run.
func NewCrawler(cfg CrawlerConfig) *Crawler {
	return &Crawler{cfg: cfg, changed: make(chan struct{}, 1), places: make(chan struct{}, atOnce), crawls: map[string]*crawl{}}
}

// SetDesired says which bricks must be counted. A crawl of a brick that is not among them ends.
func (c *Crawler) SetDesired(targets []Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[string]*crawl{}
	for _, t := range targets {
		if have := c.crawls[t.id()]; have != nil {
			wanted[t.id()] = have
			continue
		}
		k := &crawl{target: t, state: api.CrawlWaiting}
		if c.done(t) {
			k.state = api.CrawlDone
		}
		wanted[t.id()] = k
	}
	for id, k := range c.crawls {
		if wanted[id] == nil && k.cancel != nil {
			k.cancel()
		}
	}
	c.crawls = wanted
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Run crawls until ctx ends.
func (c *Crawler) Run(ctx context.Context) error {
	if err := c.cfg.Mounter.Tidy(); err != nil {
		c.cfg.Log.WithError(err).Warn("mounts of an earlier crawl are left")
	}
	var running sync.WaitGroup
	defer running.Wait()
	for {
		for _, k := range c.begin(ctx) {
			running.Go(func() { c.work(k) })
		}
		select {
		case <-c.changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// job is a crawl with the context that ends it.
type job struct {
	*crawl
	ctx context.Context //nolint:containedctx // the job is the work, and ends with it
}

// begin marks the crawls that have not begun as begun.
func (c *Crawler) begin(ctx context.Context) []job {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []job
	for _, k := range c.crawls {
		if k.cancel == nil && k.state == api.CrawlWaiting {
			j := job{crawl: k}
			j.ctx, k.cancel = context.WithCancel(ctx)
			out = append(out, j)
		}
	}
	return out
}

// work crawls one brick until it is done, or is not wanted any more.
func (c *Crawler) work(j job) {
	defer j.cancel()
	log := c.cfg.Log.WithField("volume", j.target.VolumeName).WithField("brick", j.target.Brick.Path)
	backoff := c.cfg.Backoff
	for j.ctx.Err() == nil {
		select {
		case c.places <- struct{}{}:
		case <-j.ctx.Done():
			return
		}
		j.set(api.CrawlRunning, nil)
		err := c.once(j.ctx, j.crawl)
		<-c.places
		if err == nil {
			j.set(api.CrawlDone, nil)
			log.WithField("files", j.files.Load()).Info("quota: the files of a brick are counted")
			return
		}
		if j.ctx.Err() != nil {
			return
		}
		j.set(api.CrawlWaiting, err)
		wait := backoff.Next(0)
		log.WithError(err).WithField("retry", wait).Warn("quota: the files of a brick are not counted yet")
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-j.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// once mounts a brick by itself and looks at everything on it: what a brick is asked for, it counts.
func (c *Crawler) once(ctx context.Context, k *crawl) error {
	t, m := k.target, c.cfg.Mounter
	k.files.Store(0)
	key := volgen.BrickClientKey(t.VolumeName, t.Host, t.Brick.Path)
	log := filepath.Join(m.Layout.LogDir, "quota_crawl", volume.Dashes(t.Brick.Path)+".log")
	args := []string{"--use-readdirp=yes", "--client-pid=-100"}
	err := m.with(ctx, key, log, args, func(dir string) error {
		if err := counting(ctx, dir, t); err != nil {
			return err
		}
		return walk(ctx, dir, &k.files)
	})
	if err == nil && c.cfg.Finish != nil {
		err = c.cfg.Finish(ctx, t)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.cfg.Dir, 0o755); err != nil {
		return api.Errorf(api.Internal, "note that a brick is counted: %v", err)
	}
	if err := os.WriteFile(filepath.Join(c.cfg.Dir, t.Brick.ID), []byte(t.id()), 0o600); err != nil {
		return api.Errorf(api.Internal, "note that a brick is counted: %v", err)
	}
	return nil
}

func (c *Crawler) done(t Target) bool {
	text, err := os.ReadFile(filepath.Join(c.cfg.Dir, t.Brick.ID))
	return err == nil && string(text) == t.id()
}

// countLimit is how long a brick may take until it counts, after it was told to; samples is how many of its entries are
// looked at to see that it does.
const (
	countLimit = 30 * time.Second
	samples    = 20
)

// counting waits until the brick has heard that it is to count: then it marks what is looked at. What was looked at before
// would never be counted. An empty brick has nothing to count.
func counting(ctx context.Context, dir string, t Target) error {
	ctx, cancel := context.WithTimeout(ctx, countLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		names, err := countable(dir)
		if err != nil {
			return api.Errorf(api.Unavailable, "brick %s:%s: %v", t.Host, t.Brick.Path, cause(err))
		}
		if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return counted(filepath.Join(t.Brick.Path, name), t.Version) }) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return api.Errorf(api.Unavailable, "brick %s:%s does not count yet", t.Host, t.Brick.Path)
		}
	}
}

// countable looks at the first entries of a mount's root and returns those that a brick counts.
func countable(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	names, err := f.Readdirnames(samples)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Lstat(filepath.Join(dir, name))
		special := err != nil || !info.IsDir() && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0
		return special || name == ".trashcan"
	}), nil
}

// counted reports whether a brick has marked one of its entries under a version of the quota: with a size or a
// contribution to its parent's.
func counted(path string, version int) bool {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return false
	}
	end := "." + strconv.Itoa(version)
	for name := range strings.SplitSeq(string(buf[:n]), "\x00") {
		if strings.HasPrefix(name, xattrPrefix) && strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// walk looks at everything below a folder. What disappears meanwhile is no fault.
func walk(ctx context.Context, dir string, count *atomic.Int64) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = os.Lstat(path)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESTALE) {
			return api.Errorf(api.Unavailable, "crawl: %v", err)
		}
		count.Add(1)
		return nil
	})
}

func (k *crawl) set(state string, problem error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state, k.problem = state, ""
	switch {
	case problem != nil:
		k.problem = problem.Error()
	case state == api.CrawlRunning:
		k.began, k.ended = time.Now(), time.Time{}
	case state == api.CrawlDone:
		k.ended = time.Now()
	}
}

// Status returns how the crawls of a volume's bricks do, by the ids of the bricks.
func (c *Crawler) Status(volumeID string) map[string]api.QuotaCrawl {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]api.QuotaCrawl{}
	for _, k := range c.crawls {
		if k.target.VolumeID != volumeID {
			continue
		}
		k.mu.Lock()
		q := api.QuotaCrawl{Brick: k.target.Host + ":" + k.target.Brick.Path, State: k.state, Entries: k.files.Load(), Error: k.problem}
		if !k.began.IsZero() {
			q.Began = k.began.UTC().Format(time.RFC3339)
		}
		if !k.ended.IsZero() {
			q.Ended = k.ended.UTC().Format(time.RFC3339)
		}
		k.mu.Unlock()
		out[k.target.Brick.ID] = q
	}
	return out
}

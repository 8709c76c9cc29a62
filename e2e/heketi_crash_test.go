package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
)

// heketiJob is a request of Heketi's API about a volume, as the harness of crashes needs it: its client follows the job that it was given,
// at another peer if one dies, as behind an address that several share.
type heketiJob struct {
	peers [3]heketi // by number, less one
	// method, path and body are the request for a volume with a name.
	method string
	path   func() string
	body   func(name string) string
	// done reports whether what is asked for is true already.
	done func(name string) bool

	mu   sync.Mutex
	jobs map[string]string // the path of the last job, by the name of the volume
}

// errUndone is the end of a job that was undone.
var errUndone = errors.New("the job has failed")

// ask begins the job, unless that was done before and it has not failed, and waits for its end.
func (j *heketiJob) ask(ctx context.Context, n int, name string) error {
	j.mu.Lock()
	at := j.jobs[name]
	j.mu.Unlock()
	if at == "" {
		if j.done(name) {
			return nil
		}
		a, err := j.peers[n-1].try(ctx, j.method, j.path(), j.body(name))
		if err != nil {
			return err
		}
		if at = a.header.Get("Location"); a.status != http.StatusAccepted || !heketiPoll.MatchString(at) {
			return fmt.Errorf("%s: %d %s", a.what, a.status, a.body)
		}
		j.note(name, at)
	}
	a, err := j.follow(ctx, n, at)
	switch {
	case err != nil:
		return err
	case a.status == http.StatusSeeOther || a.status == http.StatusNoContent:
		return nil
	}
	j.note(name, "") // so whoever wants it asks anew
	return fmt.Errorf("%w: %s: %d %s", errUndone, at, a.status, a.body)
}

func (j *heketiJob) note(name, at string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.jobs[name] = at
}

// follow waits for the end of a job.
func (j *heketiJob) follow(ctx context.Context, n int, at string) (a heketiAnswer, err error) {
	err = lab.Eventually(ctx, 2*time.Minute, func(ctx context.Context) (err error) {
		a, err = j.peers[n-1].try(ctx, http.MethodGet, at, "")
		switch {
		case err != nil:
			n = n%3 + 1
		case a.status == http.StatusOK:
			err = fmt.Errorf("%s has not ended", at)
		}
		return err
	})
	return a, err
}

// heketiCrashes kill daemons during jobs of Heketi's API. Every client is told how its job has ended, by whichever peer.
func (p pool) heketiCrashes(t *testing.T) {
	victims := 1
	if whole() {
		victims = 3
	}
	for n := 1; n <= victims; n++ {
		for _, c := range p.in(t).heketiJobs(n) {
			c.run(t)
		}
	}
}

// heketiJobs are the creation, the growth and the deletion of a volume, and the eviction of one of its bricks.
func (p pool) heketiJobs(victim int) []crashed {
	var v api.VolumeInfo // as it was prepared
	prepare := func(replica int) func(pool, string) {
		return func(p pool, name string) {
			p.t.Helper()
			var err error
			c, size := p.rest(2), api.SmartVolumeFields{Size: 300 << 20, ReplicaCount: replica}
			v, err = c.VolumeCreate(p.t.Context(), api.VolumeCreateReq{Name: name, SmartVolumeFields: size})
			p.must(err)
			_, err = c.VolumeStart(p.t.Context(), name, api.VolumeStartReq{})
			p.must(err)
		}
	}
	volume := func() string { return "/volumes/" + strings.ReplaceAll(v.ID, "-", "") }
	create := p.heketiCrash("create", victim, http.MethodPost, func() string { return "/volumes" }, func(name string) string {
		return fmt.Sprintf(`{"size_mb":300,"name":%q,"durability":{"type":"replicate","replicate":{"replica":3}}}`, name)
	})
	create.prepare, create.after = func(pool, string) {}, "Started, 300 MiB, 3 bricks serve, as on record"
	expand := p.heketiCrash("expand", victim, http.MethodPost, func() string { return volume() + "/expand" }, func(string) string { return `{"expand_size_mb":40}` })
	expand.prepare, expand.after, expand.alone = prepare(3), "Started, 340 MiB, 3 bricks serve, as on record", true
	evict := p.heketiCrash("evict", victim, http.MethodPost, func() string {
		return "/bricks/to-evict/" + strings.ReplaceAll(v.Subvols[0].Bricks[0].ID, "-", "")
	}, func(string) string { return "{}" })
	evict.prepare, evict.after = prepare(2), "without the brick: Started, 300 MiB, 2 bricks serve, as on record"
	evict.seldom = true // see evictCrash
	evict.world = func(p pool, name string) string {
		p.t.Helper()
		text := p.sizedWorld(name)
		now, err := p.rest(2).Volume(p.t.Context(), name)
		if err == nil && !slices.ContainsFunc(now.Subvols[0].Bricks, func(b api.BrickInfo) bool { return b.ID == v.Subvols[0].Bricks[0].ID }) {
			text = "without the brick: " + text
		}
		return text
	}
	remove := p.heketiCrash("delete", victim, http.MethodDelete, volume, func(string) string { return "" })
	remove.prepare, remove.after, remove.alone = prepare(3), "absent, as on record", true
	if victim > 1 {
		return []crashed{*create, *expand, *remove} // which of the peers takes part in the eviction is not known: see evictCrash
	}
	return []crashed{*create, *expand, *evict, *remove}
}

// heketiCrash is a job during which the daemon of a peer is killed. The path does not depend on the name of the volume.
func (p pool) heketiCrash(what string, victim int, method string, path func() string, body func(name string) string) *crashed {
	h := heketi{pool: p, user: "admin"}
	j := &heketiJob{peers: [3]heketi{h.at(1), h.at(2), h.at(3)}, method: method, path: path, body: body, jobs: map[string]string{}}
	c := &crashed{
		pool: p, what: fmt.Sprintf("heketi-%s-%d", what, victim), victim: victim, sampled: 1, world: pool.sizedWorld, clear: pool.dropSized, ask: j.ask,
	}
	j.done = func(name string) bool { return c.world(p, name) == c.after }
	return c
}

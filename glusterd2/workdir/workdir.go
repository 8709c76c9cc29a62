// Package workdir shows the records of the pool as files, in the layout of glusterd's working directory: scripts, hooks and tools
// read them there. Nothing of gd2 reads them back, and whatever else is changed in them is lost with the next change of the record.
package workdir

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/store"
)

// Config is what a View needs.
type Config struct {
	// Dir is the directory, such as /var/lib/glusterd. It is made if it is not there.
	Dir    string
	PeerID string
	Store  *store.Store
	Table  *xlator.Table
	// PoolOptions returns the options that are set for all volumes.
	PoolOptions func() map[string]string
	// Volfile returns a volfile by its key, with credentials if it is trusted.
	Volfile func(key string, trusted bool) (string, error)
	Log     *logrus.Entry
}

// View keeps the files as the records are. Run does the work.
type View struct {
	c       Config
	changed chan struct{}

	mu       sync.Mutex
	request  int // counts calls of Settle
	answered int // the request that the last round has seen
	settled  chan struct{}

	// What follows is used by rounds only, one at a time.
	shown map[string]shownVolume
	// hosts, by peer id, and pool, the pool's options, are those of the last round that went well.
	hosts, pool map[string]string
	looked      bool   // for what is shown of volumes that are gone
	said        string // the trouble that was logged last
}

// New returns a View that has written nothing yet.
func New(c Config) *View {
	return &View{c: c, changed: make(chan struct{}, 1), settled: make(chan struct{}), shown: map[string]shownVolume{}}
}

// again is how soon a round that failed is repeated: the disk may have room then, or an operator has made way.
const again = 30 * time.Second

// Run keeps the files as the records are until ctx ends. The files stay.
func (v *View) Run(ctx context.Context) error {
	v.c.Store.Keep(ctx, v.changed, func(context.Context) time.Duration {
		if v.turn() {
			return 0
		}
		return again
	}, store.PrefixVolumes, store.PrefixPeers, store.PrefixOptions)
	return nil
}

// Settle waits until the files show the records that are known now, or the trouble with them is logged, or ctx ends.
func (v *View) Settle(ctx context.Context) {
	v.mu.Lock()
	v.request++
	request := v.request
	v.mu.Unlock()
	select {
	case v.changed <- struct{}{}:
	default: // one signal already waits
	}
	for {
		v.mu.Lock()
		done, settled := v.answered >= request, v.settled
		v.mu.Unlock()
		if done {
			return
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return
		}
	}
}

// turn does one round, tells those who wait for it, and reports whether it succeeded.
func (v *View) turn() bool {
	v.mu.Lock()
	request := v.request
	v.mu.Unlock()
	err := v.round()
	v.say(err)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answered = request
	close(v.settled)
	v.settled = make(chan struct{})
	return err == nil
}

// say logs what stands in the way, once as long as it is the same.
func (v *View) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != v.said {
		v.c.Log.Errorf("scripts do not find the pool's records as files: %s", text)
	}
	v.said = text
}

// round writes what is not as the records are, and removes what they have not. One thing that cannot be written does not keep the
// others from it.
func (v *View) round() error {
	d := dir{path: v.c.Dir, peer: v.c.PeerID}
	if err := d.claim(); err != nil {
		return err
	}
	peers, err := peer.Records.List(v.c.Store)
	if err != nil {
		return err
	}
	volumes, err := volume.Records.List(v.c.Store)
	if err != nil {
		return err
	}
	pool := v.c.PoolOptions()
	errs := []error{d.write("glusterd.info", nodeInfo(v.c.PeerID)), d.write("options", optionsText(pool))}
	errs = append(errs, d.makeFolders(), v.showPeers(d, peers))
	hosts := map[string]string{}
	for _, p := range peers {
		hosts[p.ID] = p.Value.Host
	}
	same := maps.Equal(hosts, v.hosts) && maps.Equal(pool, v.pool)
	for _, rec := range volumes {
		errs = append(errs, v.showVolume(d, rec, hosts, pool, same))
	}
	err = errors.Join(append(errs, v.forget(d, volumes))...)
	if v.hosts, v.pool = hosts, pool; err != nil {
		v.hosts = nil // each is looked at again
	}
	return err
}

// showPeers writes a file for each other peer.
func (v *View) showPeers(d dir, peers []store.Record[*peer.Peer]) error {
	files := map[string]string{}
	for _, p := range peers {
		if p.ID != v.c.PeerID {
			files[p.ID] = peerInfo(p.Value)
		}
	}
	return d.sync("peers", files, func(string) bool { return true })
}

// forget removes what is shown of volumes that are gone.
func (v *View) forget(d dir, volumes []store.Record[*volume.Volume]) error {
	there := map[string]bool{}
	for _, rec := range volumes {
		there[rec.ID] = true
	}
	gone := func(name string) bool { return !there[name] }
	if v.looked && !slices.ContainsFunc(slices.Collect(maps.Keys(v.shown)), gone) {
		return nil // what earlier daemons have left is removed, and all that this one shows is there
	}
	names, err := d.marked(volumesDir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if gone(name) {
			delete(v.shown, name)
			errs = append(errs, d.remove(volumesDir, name))
		}
	}
	err = errors.Join(errs...)
	v.looked = err == nil
	return err
}

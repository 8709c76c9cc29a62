package volumes

import (
	"fmt"
	"slices"
	"strings"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/store"
)

// part is what one volume asks of this host.
type part struct {
	vol    *volume.Volume
	barred bool
	bricks []brick.Spec
	// heal is nil if the self-heal daemon has nothing to do with the volume here.
	heal *selfheal.Volume
}

// difference is what has changed between two rounds of the reconciler.
type difference struct {
	// all says that everything may have changed.
	all bool
	// volumes are those whose record is another now, or that came or went. Moved are those of which other bricks than
	// before should run here.
	volumes, moved []string
	// heal says that the self-heal daemon is to do something else.
	heal bool
}

// diff brings the parts up to date and tells what has changed. A pool with a thousand volumes has many changes, each of
// one volume: the others cost a comparison of pointers.
func (r *Reconciler) diff() (difference, error) {
	recs, err := volume.Records.List(r.Store)
	if err != nil {
		return difference{all: true}, err
	}
	facts, err := r.common()
	if err != nil {
		return difference{all: true}, err
	}
	d := difference{all: r.parts == nil || facts != r.facts}
	if r.facts = facts; r.parts == nil {
		r.parts = make(map[string]*part, len(recs))
	}
	for _, rec := range recs {
		was := r.parts[rec.ID]
		if was != nil && !d.all && was.vol == rec.Value && was.barred == r.Plane.Barred(rec.Value) {
			continue
		}
		now := r.partOf(rec.Value)
		r.parts[rec.ID] = now
		d.note(rec.ID, was, now)
	}
	if len(r.parts) > len(recs) {
		r.forget(recs, &d)
	}
	return d, nil
}

// forget drops the parts of volumes that are gone.
func (r *Reconciler) forget(recs []store.Record[*volume.Volume], d *difference) {
	there := make(map[string]bool, len(recs))
	for _, rec := range recs {
		there[rec.ID] = true
	}
	for name, was := range r.parts {
		if !there[name] {
			d.note(name, was, &part{})
			delete(r.parts, name)
		}
	}
}

// note takes in that a volume's part has changed.
func (d *difference) note(name string, was, now *part) {
	if was == nil {
		was = &part{}
	}
	d.volumes = append(d.volumes, name)
	if !slices.Equal(was.bricks, now.bricks) {
		d.moved = append(d.moved, name)
	}
	if (was.heal == nil) != (now.heal == nil) || was.heal != nil && *was.heal != *now.heal {
		d.heal = true
	}
}

// partOf works out what a volume asks of this host.
func (r *Reconciler) partOf(v *volume.Volume) *part {
	p := &part{vol: v, barred: r.Plane.Barred(v)}
	if v.State != volume.Started || len(v.BricksOn(r.Plane.PeerID)) == 0 {
		return p
	}
	if !p.barred {
		p.bricks = r.Plane.wanted(v)
	}
	if v.NeedsSelfHeal() {
		p.heal = &selfheal.Volume{Name: v.Name, Volfile: r.Specs(v)}
	}
	return p
}

// common is what the parts of all volumes depend on: where the peers are, and the options of the pool.
func (r *Reconciler) common() (string, error) {
	peers, err := peer.Records.List(r.Store)
	if err != nil {
		return "", err
	}
	pool, _, err := PoolOptions.Get(r.Store, poolID)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range peers {
		fmt.Fprintf(&b, "%s=%s\n", p.ID, p.Value.Host)
	}
	fmt.Fprintf(&b, "options=%d", pool.Revision)
	return b.String(), nil
}

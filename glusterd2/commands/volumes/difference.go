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

// diff brings the parts up to date and tells what has changed: of the volumes whose records have changed, or of all if it is to be
// thorough. A pool with a thousand volumes has many changes, each of one volume: the others cost nothing.
func (r *Reconciler) diff(thorough bool) (difference, error) {
	facts, err := r.common()
	if err != nil {
		return difference{all: true}, err
	}
	if r.changes == nil {
		r.changes = volume.Records.Follow(r.Store)
	}
	changes := r.changes.Take() // before the list, which may have more
	d := difference{all: r.parts == nil || facts != r.facts}
	r.facts = facts
	if thorough || d.all {
		err := r.compareAll(&d)
		return d, err
	}
	for _, c := range changes {
		if c.Err != nil {
			return difference{all: true}, c.Err
		}
		if c.Removed {
			r.drop(c.Record.ID, &d)
		} else {
			r.compare(c.Record, &d)
		}
	}
	return d, nil
}

// compareAll looks at all records.
func (r *Reconciler) compareAll(d *difference) error {
	recs, err := volume.Records.List(r.Store)
	if err != nil {
		return err
	}
	if r.parts == nil {
		r.parts = make(map[string]*part, len(recs))
	}
	there := make(map[string]bool, len(recs))
	for _, rec := range recs {
		there[rec.ID] = true
		r.compare(rec, d)
	}
	for name := range r.parts {
		if !there[name] {
			r.drop(name, d)
		}
	}
	return nil
}

// compare looks at one record.
func (r *Reconciler) compare(rec store.Record[*volume.Volume], d *difference) {
	was := r.parts[rec.ID]
	if was != nil && !d.all && was.vol == rec.Value && was.barred == r.Plane.Barred(rec.Value) {
		return
	}
	now := r.partOf(rec.Value)
	r.parts[rec.ID] = now
	d.note(rec.ID, was, now)
}

// drop forgets the part of a volume that is gone.
func (r *Reconciler) drop(name string, d *difference) {
	if was := r.parts[name]; was != nil {
		d.note(name, was, &part{})
		delete(r.parts, name)
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

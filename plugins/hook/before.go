package hook

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/store"
	"gd2/transaction"
)

// hasTimeout bounds the question whether a peer has scripts: a peer that does not answer is not waited for. preTimeout
// bounds all scripts of a peer together, because the change waits for them.
const (
	hasTimeout = time.Second
	preTimeout = time.Minute
)

// runParams tell a peer to run the scripts that come before a change.
type runParams struct {
	Transaction string  `json:"transaction"`
	Events      []Event `json:"events"`
}

// Before implements plugin.Taker: it has the scripts run on all peers and waits for them.
func (p *Plugin) Before(ctx context.Context, t transaction.Begun) {
	events, err := coming(p.d.Store, t)
	if err != nil {
		p.d.Log.WithField("transaction", t.ID).WithError(err).Warn("the hook scripts before this change are left out")
	}
	if len(events) == 0 {
		return
	}
	var with []string
	for _, a := range p.has.Ask(ctx, nil, p.online(), events) {
		if a.Err != nil {
			p.d.Log.WithField("transaction", t.ID).WithError(a.Err).Warnf("%s does not say whether it has hook scripts", a.Host)
		} else if len(a.Value) > 0 {
			with = append(with, a.PeerID)
		}
	}
	for _, a := range p.run.Ask(ctx, nil, with, runParams{Transaction: t.ID, Events: events}) {
		if a.Err != nil {
			p.d.Log.WithField("transaction", t.ID).WithError(a.Err).Warnf("the hook scripts of %s may not have run", a.Host)
		}
	}
}

// online lists the peers that are at work.
func (p *Plugin) online() []string {
	recs, _ := peer.Records.List(p.d.Store) // those that cannot be read are not asked
	var out []string
	for _, rec := range recs {
		if _, ok := peer.Online(p.d.Store, rec.ID); ok || rec.ID == p.d.PeerID {
			out = append(out, rec.ID)
		}
	}
	return out
}

// hasScripts lists the events for which this peer has scripts that come before.
func (p *Plugin) hasScripts(events []Event) []string {
	var out []string
	for _, e := range events {
		if len(p.runner.scripts(e.Operation, phasePre)) > 0 {
			out = append(out, e.Operation)
		}
	}
	return out
}

func (p *Plugin) runBefore(ctx context.Context, r runParams) {
	ctx, cancel := context.WithTimeout(ctx, preTimeout)
	defer cancel()
	for _, e := range r.Events {
		e.Transaction = r.Transaction
		p.runner.handle(ctx, e, phasePre)
	}
}

// coming tells what scripts are to hear of a transaction before it does anything.
func coming(r store.Reader, t transaction.Begun) ([]Event, error) {
	var p struct {
		Volume  *volume.Volume    `json:"volume"`
		Options map[string]string `json:"options"`
	}
	if t.Operation == "cluster.options" {
		was, err := volumes.ReadPoolOptions(r)
		if err == nil {
			err = json.Unmarshal(t.Params, &p)
		}
		return optionChanges(All, was, p.Options), err
	}
	state := map[string]volume.State{"volume.start": volume.Started, "volume.stop": volume.Stopped}
	if !strings.HasPrefix(t.Operation, "volume.") {
		return nil, nil
	}
	if err := json.Unmarshal(t.Params, &p); err != nil || p.Volume == nil {
		return nil, err
	}
	before, err := volume.Records.List(r)
	if err != nil {
		return nil, err
	}
	if t.Operation == "volume.delete" {
		return []Event{{Operation: Delete, Volume: p.Volume.Name}}, nil
	}
	// Most operations carry the volume as it becomes; those that carry it as it is change nothing that scripts hear of, but for
	// its state.
	after := *p.Volume
	if s, ok := state[t.Operation]; ok {
		after.State = s
	}
	return changes(before, with(before, &after)), nil
}

// with is a list of volumes, which is sorted, in which one is another.
func with(list []store.Record[*volume.Volume], v *volume.Volume) []store.Record[*volume.Volume] {
	rec := store.Record[*volume.Volume]{ID: v.Name, Value: v}
	at, there := slices.BinarySearchFunc(list, v.Name, func(r store.Record[*volume.Volume], name string) int { return strings.Compare(r.ID, name) })
	if there {
		return slices.Concat(list[:at], []store.Record[*volume.Volume]{rec}, list[at+1:])
	}
	return slices.Insert(slices.Clone(list), at, rec)
}

package transaction

import (
	"context"
	"slices"
	"sync"
	"time"

	"gd2/pkg/api"
)

// meter is how far a step on this peer is. It lives in memory only: whoever wants to know asks the peer.
type meter struct {
	mu sync.Mutex
	at api.PeerProgress
}

// Progress tells how far the step is: done of total units, such as "bytes" or "files"; total is 0 if it is not known. It
// costs nothing but a lock, so it may be called often.
func (c *Call) Progress(done, total int64, unit string) {
	if c.meter != nil {
		c.meter.set(done, total, unit)
	}
}

// note keeps what a course is at, in words.
func (m *meter) note(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at.Note = text
}

func (m *meter) set(done, total int64, unit string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at.Done, m.at.Total, m.at.Unit = done, total, unit
}

// measure begins a step's meter.
func (e *Engine) measure(id, step string) *meter {
	m := &meter{at: api.PeerProgress{PeerID: e.cfg.PeerID, Step: step}}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.meters[id] = m
	return m
}

// place is the step that a coordinator is at.
type place struct {
	step string
	undo bool
}

// Glimpse is what a peer knows of a transaction beside its record, at this moment.
type Glimpse struct {
	// Step is set by the coordinator: the step that it is at, and whether it is undoing it.
	Step string `json:"step,omitempty"`
	Undo bool   `json:"undo,omitempty"`
	// Progress is how far the peer's own part of the last step is, if the step tells.
	Progress *api.PeerProgress `json:"progress,omitempty"`
}

// Glimpse returns what this peer knows of a transaction.
func (e *Engine) Glimpse(id string) Glimpse {
	e.mu.Lock()
	d, m := e.active[id], e.meters[id]
	e.mu.Unlock()
	var g Glimpse
	if d != nil {
		if at := d.at.Load(); at != nil {
			g.Step, g.Undo = at.step, at.undo
		}
	}
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.at.Unit != "" || m.at.Note != "" {
			at := m.at
			g.Progress = &at
		}
	}
	return g
}

// lookPatience bounds how long the answer about a transaction waits for what other peers know of it.
const lookPatience = time.Second

// Look returns a transaction as it is now. If it is at work its peers are asked how far they are; those that do not answer
// at once are left out.
func (e *Engine) Look(ctx context.Context, id string) (api.Operation, error) {
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return api.Operation{}, err
	}
	r, err := e.record(id)
	if err != nil {
		return api.Operation{}, err
	}
	op := e.describe(r.ID, r.Value)
	if r.Value.State.Finished() || r.Value.State == Stuck {
		return op, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	seen := ask(e, participants(r.Value), func(peer string) (Glimpse, error) {
		if peer == e.cfg.PeerID {
			return e.Glimpse(id), nil
		}
		return e.cfg.Transport.Glimpse(ctx, peer, id)
	})
	for _, peer := range participants(r.Value) {
		g := seen[peer].value
		if peer == r.Value.Owner.Peer {
			op.Step, op.Undo = g.Step, g.Undo
		}
		if g.Progress != nil {
			op.Progress = append(op.Progress, *g.Progress)
		}
	}
	op.Progress = slices.DeleteFunc(op.Progress, func(p api.PeerProgress) bool { return p.Step != op.Step })
	op.Percent = percent(op.Progress)
	return op, nil
}

// participants are the peers that know something of a transaction.
func participants(r Record) []string {
	return slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(r.Peers), r.Owner.Peer))))
}

// percent is how much of a step is done on all peers together; nil if that cannot be told.
func percent(all []api.PeerProgress) *float64 {
	var done, total int64
	for _, p := range all {
		if p.Total <= 0 || p.Unit != all[0].Unit {
			return nil
		}
		done, total = done+min(max(p.Done, 0), p.Total), total+p.Total
	}
	if total == 0 {
		return nil
	}
	v := 100 * float64(done) / float64(total)
	return &v
}

// reply is what a peer answered.
type reply[T any] struct {
	value T
	err   error
}

// ask asks peers all at once, those of them that give a sign of life.
func ask[T any](e *Engine, peers []string, question func(peer string) (T, error)) map[string]reply[T] {
	var mu sync.Mutex
	var all sync.WaitGroup
	out := make(map[string]reply[T], len(peers))
	for _, peer := range peers {
		if peer != e.cfg.PeerID && !e.alive(peer) {
			mu.Lock()
			out[peer] = reply[T]{err: api.Errorf(api.Unavailable, "the peer gives no sign of life")}
			mu.Unlock()
			continue
		}
		all.Go(func() {
			v, err := question(peer)
			mu.Lock()
			defer mu.Unlock()
			out[peer] = reply[T]{v, err}
		})
	}
	all.Wait()
	return out
}

// alive reports whether a peer gives a sign of life.
func (e *Engine) alive(peer string) bool {
	_, alive, err := AliveKind.Get(e.cfg.Store, peer)
	return err != nil || alive
}

package transaction

import (
	"context"
	"slices"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// Key makes a request safe to repeat: it names the request, whoever sends it again and through whichever peer.
type Key struct {
	// ID is a digest of the key that the client chose, Print one of all that it asks for.
	ID, Print string
	// Render makes the answer to the request of the answer that a plan foresees; false if it cannot.
	Render func(foreseen any) (Answer, bool)
}

// Answer is what a request was answered with.
type Answer struct {
	Status   int    `json:"status"`
	Location string `json:"location,omitempty"`
	Body     Body   `json:"body,omitempty"`
}

// Body is the JSON of an answer. It is kept as text, to the last byte.
type Body []byte

// MarshalText makes it a string in the store.
func (b Body) MarshalText() ([]byte, error) { return b, nil }

// UnmarshalText reads it back.
func (b *Body) UnmarshalText(text []byte) error {
	*b = slices.Clone(text)
	return nil
}

// KeyRecord is what the store has of a key, under keys/<digest>. It is written with the intent of the transaction that the
// request began and changed with its end, so no crash comes between.
type KeyRecord struct {
	Print string `json:"print"`
	// Transaction is what the request began; empty if it was carried out without one.
	Transaction string    `json:"transaction,omitempty"`
	Owner       Owner     `json:"owner"`
	Began       time.Time `json:"began"`
	// Ended is set once the outcome is known: Done, or Error. Answer may be there before; it is true once the request is Done.
	Ended  time.Time  `json:"ended,omitzero"`
	Done   bool       `json:"done,omitempty"`
	Answer *Answer    `json:"reply,omitempty"`
	Error  *api.Error `json:"error,omitempty"`
}

var keyKind = store.NewKind[KeyRecord](store.PrefixKeys, 1).Packed()

// Bounds of what is remembered of keys.
const (
	// maxKeys is the most keys that are remembered; the oldest go first.
	maxKeys = 10_000
	// tidyEvery is the time between two looks for keys that are too old, maxTidied how many one look removes.
	tidyEvery = time.Minute
	maxTidied = 100
)

// Repeat is what is known of a request that may have been sent before. The zero value is one that was not.
type Repeat struct {
	// Answer or Error is the outcome, if it is known. Operation is the operation that carries the request out, or did:
	// then the outcome is its.
	Answer    *Answer
	Error     *api.Error
	Operation string
	// Done says that the operation is done, also where the answer was not kept.
	Done bool
}

// Known reports whether the request was sent before, so that it must not be carried out now.
func (r Repeat) Known() bool { return r.Answer != nil || r.Error != nil || r.Operation != "" }

// Repeated looks whether a request was sent before, and waits for its outcome as long as ctx allows. The error is KeyReused if the
// key was used for another request.
func (e *Engine) Repeated(ctx context.Context, k Key) (Repeat, error) {
	changed, stop := e.cfg.Store.Subscribe(keyKind.Prefix())
	defer stop()
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return Repeat{}, err
	}
	for {
		rec, ok, err := keyKind.Get(e.cfg.Store, k.ID)
		if err != nil || !ok {
			return Repeat{}, err
		}
		v := rec.Value
		switch {
		case v.Print != k.Print:
			return Repeat{}, api.Errorf(api.KeyReused, "this Idempotency-Key was used for another request: choose a new key for each request")
		case v.Error != nil:
			return Repeat{Error: v.Error, Operation: v.Transaction}, nil
		case v.Done && v.Answer != nil:
			return Repeat{Answer: v.Answer, Operation: v.Transaction, Done: true}, nil
		case v.Done:
			return Repeat{Operation: v.Transaction, Done: true}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Repeat{Operation: v.Transaction}, nil // it is still carried out
		}
	}
}

// errSameKey is the refusal of an intent because another request with the same key was faster.
var errSameKey = api.Errorf(api.Conflict, "another request with the same Idempotency-Key has just begun")

// IsSameKey reports whether a request failed because another one with its key has begun meanwhile: look again.
func IsSameKey(err error) bool {
	e := api.AsError(err)
	return e != nil && e.Kind == api.Conflict && e.Message == errSameKey.Message
}

// keyTries is how often a change of a key's record is tried: an answer and the end of what goes on after it may come at once.
const keyTries = 4

// Remember notes the answer to a request that was carried out.
func (e *Engine) Remember(ctx context.Context, k Key, a Answer) (err error) {
	for range keyTries {
		if err = e.remember(ctx, k, a); !keyChanged(err, k.ID) {
			break
		}
	}
	return err
}

// keyChanged reports whether a commit was refused because the record of a key is another now.
func keyChanged(err error, id string) bool {
	return id != "" && api.IsKind(err, api.Conflict) && api.AsError(err).Fields[store.FieldKey] == keyKind.Prefix()+id
}

func (e *Engine) remember(ctx context.Context, k Key, a Answer) error {
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return err
	}
	now := time.Now().UTC()
	rec, ok, err := keyKind.Get(e.cfg.Store, k.ID)
	switch {
	case err != nil:
		return err
	case !ok:
		return e.keep(ctx, keyKind.Create(k.ID, KeyRecord{Print: k.Print, Owner: e.owner, Began: now, Ended: now, Done: true, Answer: &a}))
	}
	v := rec.Value
	v.Done, v.Answer = true, &a
	if v.Ended.IsZero() {
		v.Ended = now
	}
	return e.keep(ctx, keyKind.Update(k.ID, v, rec.Revision))
}

// keep writes the record of a key. It does not wait until this peer's copy has it: whoever looks for a key asks for the newest.
func (e *Engine) keep(ctx context.Context, w store.Write) error {
	_, err := e.cfg.Store.Commit(ctx, []store.Write{w})
	return err
}

// claimKey returns the record of the request's key as it is written with the intent. foreseen is the answer, if the plan
// knows it, which the second value tells. It is written with the intent only if somebody else may bring the transaction to a good end.
func (d *drive) claimKey(k *Key, foreseen any) ([]store.Write, bool) {
	if k == nil {
		return nil, false
	}
	v := KeyRecord{Print: k.Print, Transaction: d.id, Owner: d.e.owner, Began: d.rec.Started}
	a, ok := k.Render(foreseen)
	if ok {
		d.answer = &a
	}
	if d.def.pivot > 0 || d.def.course != nil {
		v.Answer = d.answer
	}
	return []store.Write{keyKind.Create(k.ID, v)}, ok
}

// settleKey returns the change of the record of a transaction's key that belongs to the transaction's end; foreseen is the answer if it
// is done, nil if nobody knows more than the record. A failure that passes by itself is not kept: whoever repeats the request wants it to be tried again, and nothing of it is left.
func (e *Engine) settleKey(id string, r Record, foreseen *Answer) []store.Write {
	if r.Key == "" {
		return nil
	}
	rec, ok, err := keyKind.Get(e.cfg.Store, r.Key)
	if err != nil || !ok || rec.Value.Transaction != id {
		return nil
	}
	v := rec.Value
	if v.Done {
		return nil // it was answered while it went on
	}
	v.Ended, v.Done = r.Ended, r.State == Done
	if foreseen != nil {
		v.Answer = foreseen
	}
	if !v.Done {
		v.Answer, v.Error = nil, r.Error
		if r.State == Failed && (r.Error == nil || transient(r.Error) || r.Error.Kind == api.Conflict) {
			return []store.Write{keyKind.Delete(r.Key, rec.Revision)}
		}
		if v.Error == nil {
			v.Error = api.Errorf(api.State, "operation %s was %s", id, r.State).With(api.FieldTransaction, id)
		}
	}
	return []store.Write{keyKind.Update(r.Key, v, rec.Revision)}
}

// tidy removes keys that are too old, or too many. Each peer removes its own, and those of peers that are away.
func (e *Engine) tidy(now time.Time) {
	recs, _ := keyKind.List(e.cfg.Store) // what cannot be read is of a newer version, which tidies it
	slices.SortFunc(recs, func(a, b store.Record[KeyRecord]) int { return a.Value.Began.Compare(b.Value.Began) })
	boots := e.boots()
	var writes []store.Write
	for i, r := range recs {
		_, alive := boots[r.Value.Owner.Peer]
		old := now.Sub(r.Value.Began) > e.cfg.KeyAge || len(recs)-i > maxKeys
		if len(writes) == maxTidied || !old || e.pending(r.Value) || alive && r.Value.Owner.Peer != e.cfg.PeerID {
			continue
		}
		writes = append(writes, keyKind.Delete(r.ID, r.Revision))
	}
	if len(writes) == 0 {
		return
	}
	if _, err := e.cfg.Store.Commit(e.ctx, writes); err != nil {
		e.log.WithError(err).Debug("old keys of requests were not removed; tried again later")
	}
}

// pending reports whether the transaction of a key has not ended: its end changes the record.
func (e *Engine) pending(v KeyRecord) bool {
	if v.Transaction == "" || !v.Ended.IsZero() {
		return false
	}
	r, ok, err := recordKind.Get(e.cfg.Store, v.Transaction)
	return err != nil || ok && !r.Value.State.Finished()
}

// Package ask puts questions about volumes to the peers that hold their bricks. A question changes no record: it is a
// plain call to all the peers at once, and a peer that cannot answer leaves a gap with a reason in the result.
package ask

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// Method is the name of the call that carries all questions between peers.
const Method = "Ask"

// DefaultTimeout bounds the wait for one peer where the question does not say otherwise.
const DefaultTimeout = 30 * time.Second

// Question is one kind of question.
type Question[P, A any] struct {
	Name string
	// Timeout bounds the wait for one peer's answer; 0 means DefaultTimeout.
	Timeout time.Duration
	// Answer answers for this peer. v is nil for a question that is not about a volume.
	Answer func(ctx context.Context, v *volume.Volume, p P) (A, error)
}

// Request is a question on its way to another peer.
type Request struct {
	Question string `json:"question"`
	// Volume is its name, "" for a question that is not about one; ID tells it from a later one of the same name.
	Volume string `json:"volume,omitempty"`
	ID     string `json:"id,omitempty"`
	// Revision is that of the copy of the store of the peer that asks: the answer is not older.
	Revision int64           `json:"revision"`
	Params   json.RawMessage `json:"params,omitempty"`
}

// Config is what an Asker needs.
type Config struct {
	PeerID string
	Store  *store.Store
	// Call carries a question to another peer.
	Call func(ctx context.Context, peerID string, req Request) (json.RawMessage, error)
}

// Asker asks and answers. All questions are registered before it is used.
type Asker struct {
	cfg       Config
	questions map[string]func(ctx context.Context, v *volume.Volume, params json.RawMessage) (json.RawMessage, error)
}

// New makes an Asker that knows no question.
func New(cfg Config) *Asker {
	return &Asker{cfg: cfg, questions: map[string]func(context.Context, *volume.Volume, json.RawMessage) (json.RawMessage, error){}}
}

// Handle asks one kind of question.
type Handle[P, A any] struct {
	asker    *Asker
	question Question[P, A]
}

// Register adds a kind of question and returns what asks it. Two of one name are a fault of the program, and panic.
func Register[P, A any](a *Asker, q Question[P, A]) Handle[P, A] {
	if _, ok := a.questions[q.Name]; ok {
		panic("ask: two questions are called " + q.Name)
	}
	if q.Timeout == 0 {
		q.Timeout = DefaultTimeout
	}
	a.questions[q.Name] = func(ctx context.Context, v *volume.Volume, raw json.RawMessage) (json.RawMessage, error) {
		var p P
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, api.Errorf(api.Invalid, "question %s: %v", q.Name, err)
		}
		answer, err := q.Answer(ctx, v, p)
		if err != nil {
			return nil, err
		}
		return json.Marshal(answer)
	}
	return Handle[P, A]{asker: a, question: q}
}

// Answer is what one peer answered, or why it did not.
type Answer[A any] struct {
	PeerID, Host string
	Value        A
	Err          *api.Error
}

// Ask asks the peers at once and returns their answers in the same order. v may be nil.
func (h Handle[P, A]) Ask(ctx context.Context, v *volume.Volume, peers []string, p P) []Answer[A] {
	out := make([]Answer[A], len(peers))
	hosts := peer.Hosts(h.asker.cfg.Store)
	var wg sync.WaitGroup
	for i, id := range peers {
		wg.Go(func() {
			out[i] = Answer[A]{PeerID: id, Host: hosts(id)}
			value, err := h.one(ctx, v, id, p)
			if err != nil {
				out[i].Err = api.AsError(err).With(api.FieldPeer, id)
			}
			out[i].Value = value
		})
	}
	wg.Wait()
	return out
}

func (h Handle[P, A]) one(ctx context.Context, v *volume.Volume, peerID string, p P) (value A, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.question.Timeout)
	defer cancel()
	if peerID == h.asker.cfg.PeerID {
		return h.question.Answer(ctx, v, p)
	}
	if _, ok := peer.Online(h.asker.cfg.Store, peerID); !ok {
		return value, api.Errorf(api.Unavailable, "the peer is offline")
	}
	req := Request{Question: h.question.Name, Revision: h.asker.cfg.Store.Revision()}
	if v != nil {
		req.Volume, req.ID = v.Name, v.ID
	}
	if req.Params, err = json.Marshal(p); err != nil {
		return value, err
	}
	raw, err := h.asker.cfg.Call(ctx, peerID, req)
	if err != nil {
		return value, err
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		return value, api.Errorf(api.Internal, "the answer to %s cannot be read: %v", h.question.Name, err)
	}
	return value, nil
}

// Serve answers the question of another peer.
func (a *Asker) Serve(ctx context.Context, req Request) (json.RawMessage, error) {
	answer, ok := a.questions[req.Question]
	if !ok {
		return nil, api.Errorf(api.NotSupported, "this peer does not know the question %.40q: it runs another version", req.Question)
	}
	if err := a.cfg.Store.WaitRevision(ctx, req.Revision); err != nil {
		return nil, err
	}
	if req.Volume == "" {
		return answer(ctx, nil, req.Params)
	}
	rec, ok, err := volume.Records.Get(a.cfg.Store, req.Volume)
	if err == nil && (!ok || rec.Value.ID != req.ID) {
		err = api.Errorf(api.NotFound, "volume %s does not exist any more", req.Volume)
	}
	if err != nil {
		return nil, err
	}
	return answer(ctx, rec.Value, req.Params)
}

// Failures makes one error of the answers that did not come; nil if all came.
func Failures[A any](message string, answers []Answer[A]) error {
	failed := &api.Error{Message: message}
	for _, a := range answers {
		if a.Err != nil {
			e := *a.Err
			e.Message = a.Host + ": " + e.Message
			failed.Causes, failed.Kind = append(failed.Causes, &e), e.Kind
		}
	}
	if len(failed.Causes) == 0 {
		return nil
	}
	return failed
}

package transaction

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"gd2/pkg/api"
)

// surveyTimeout bounds one look at the hosts for a plan.
const surveyTimeout = 10 * time.Second

// SurveyRequest asks a peer what a step would do there. There is no intent to read operation and parameters in.
type SurveyRequest struct {
	// Operation is name@version.
	Operation string          `json:"operation"`
	Step      string          `json:"step"`
	Params    json.RawMessage `json:"params"`
	// Revision is that of the copy of the store from which the plan was made: the peer judges by none that is older.
	Revision int64 `json:"revision"`
}

// SurveyReply is what the step would do on the peer.
type SurveyReply struct {
	Effects []api.Effect `json:"effects"`
}

// HandleSurvey tells a coordinator, this peer or another, what a step would do on this host, or returns the error that
// the step would fail with. It changes nothing. Its error is always an *api.Error.
func (e *Engine) HandleSurvey(ctx context.Context, req SurveyRequest) (SurveyReply, error) {
	end, err := e.begin()
	if err != nil {
		return SurveyReply{}, err
	}
	defer end()
	ctx, cancel := e.joined(ctx)
	defer cancel()
	def := e.definition(req.Operation)
	if def == nil || def.step(req.Step) < 0 {
		return SurveyReply{}, api.Errorf(api.NotSupported, "step %s of operation %s is not known to this peer", req.Step, req.Operation)
	}
	b, err := def.bind(req.Params)
	if err != nil {
		return SurveyReply{}, api.Errorf(api.Invalid, "%v", err)
	}
	if err := e.cfg.Store.WaitRevision(ctx, req.Revision); err != nil {
		return SurveyReply{}, api.Errorf(api.Unavailable, "this peer's copy of the store does not have revision %d: %v", req.Revision, err)
	}
	effects, err := e.look(ctx, b, def.step(req.Step))
	if err != nil {
		return SurveyReply{}, stepError(ctx, err)
	}
	return SurveyReply{Effects: effects}, nil
}

// look runs the survey of a step; a panic of it is an error.
func (e *Engine) look(ctx context.Context, b bound, step int) (effects []api.Effect, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.log.WithField("stack", string(debug.Stack())).Errorf("a survey panicked: %v", p)
			err = fmt.Errorf("the survey panicked: %v", p)
		}
	}()
	return b.survey(ctx, step, &Call{PeerID: e.cfg.PeerID, Log: e.log})
}

// survey has the peers of a step look at their hosts, and puts what they say in place of what was expected.
func (d *drive) survey(ctx context.Context, step int, peers []api.PlanPeer) error {
	if !d.def.steps[step].survey {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	req := SurveyRequest{Operation: d.def.key(), Step: d.def.steps[step].name, Params: d.rec.Params, Revision: d.e.cfg.Store.Revision()}
	errs := make([]error, len(peers))
	var all sync.WaitGroup
	for i := range peers {
		all.Go(func() {
			reply, err := d.e.askSurvey(ctx, peers[i].PeerID, req)
			peers[i].Effects, errs[i] = reply.Effects, err
			finally(peers[i].Effects, d.def.pivot > 0 && step >= d.def.pivot)
		})
	}
	all.Wait()
	failures := map[string]*api.Error{}
	for i, err := range errs {
		if err != nil {
			failures[peers[i].PeerID] = d.peerError(peers[i].PeerID, step, err)
		}
	}
	if len(failures) > 0 {
		return d.stepFailed(step, failures)
	}
	return nil
}

func (e *Engine) askSurvey(ctx context.Context, peer string, req SurveyRequest) (SurveyReply, error) {
	if peer == e.cfg.PeerID {
		return e.HandleSurvey(ctx, req)
	}
	return e.cfg.Transport.Survey(ctx, peer, req)
}

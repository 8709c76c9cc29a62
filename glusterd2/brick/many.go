package brick

import (
	"context"
	"sync"

	"gd2/pkg/api"
)

// StartAll starts bricks side by side, as Start does. The result has an entry for each spec, in order; the error has
// one cause for each brick that did not start.
func (h *Host) StartAll(ctx context.Context, specs []Spec) ([]Running, error) {
	out := make([]Running, len(specs))
	err := each(specs, "some bricks did not start", func(i int) (err error) {
		out[i], err = h.Start(ctx, specs[i])
		return err
	})
	return out, err
}

// StopAll stops bricks side by side, as Stop does. The error has one cause for each brick that did not stop.
func (h *Host) StopAll(ctx context.Context, specs []Spec) error {
	return each(specs, "some bricks did not stop", func(i int) error { return h.Stop(ctx, specs[i]) })
}

// each runs f for every spec at once. A single failure comes back as it is, several as causes of one.
func each(specs []Spec, message string, f func(i int) error) error {
	errs := make([]error, len(specs))
	var wg sync.WaitGroup
	for i := range specs {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	var causes []*api.Error
	for _, err := range errs {
		if err != nil {
			causes = append(causes, api.AsError(err))
		}
	}
	switch len(causes) {
	case 0:
		return nil
	case 1:
		return causes[0]
	}
	return &api.Error{Kind: causes[0].Kind, Message: message, Causes: causes}
}

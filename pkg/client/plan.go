package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

// Planned is the error for a change that was only planned: see DryRun.
type Planned struct{ Plan api.OperationPlan }

// Error says that nothing was changed.
func (p *Planned) Error() string { return p.Plan.Operation + " was only planned; nothing was changed" }

type dryRunKey struct{}

// DryRun returns a context in which requests that would change something are answered with their plan: they return
// a *Planned and change nothing. Requests that read are sent as ever.
func DryRun(ctx context.Context) context.Context { return context.WithValue(ctx, dryRunKey{}, true) }

// PlanOf calls run, which makes one or more requests, with a context like DryRun's, and returns the plan of the first that
// would change something.
func PlanOf(ctx context.Context, run func(ctx context.Context) error) (api.OperationPlan, error) {
	err := run(DryRun(ctx))
	if p, ok := IsPlanned(err); ok {
		return p.Plan, nil
	}
	if err == nil {
		err = api.Errorf(api.Internal, "no request was made that would change something")
	}
	return api.OperationPlan{}, err
}

// IsPlanned reports whether err says that a change was only planned, and how.
func IsPlanned(err error) (*Planned, bool) {
	var p *Planned
	return p, errors.As(err, &p)
}

// dry reports whether a request is to be answered with its plan, and asks for that in its query.
func (r *request) dry(ctx context.Context) bool {
	if dry, _ := ctx.Value(dryRunKey{}).(bool); !dry || r.method == http.MethodGet || r.method == http.MethodHead {
		return false
	}
	q := url.Values{"dry-run": {"true"}}
	for name, values := range r.query {
		q[name] = values
	}
	r.query = q
	return true
}

// asPlan is the error that carries the plan in an answer.
func asPlan(body []byte) error {
	var plan api.OperationPlan
	if err := decode(body, &plan); err != nil {
		return err
	}
	if plan.Operation == "" {
		return api.Errorf(api.Internal, "the server's answer is no plan; it may have carried the request out: %.200q", body)
	}
	return &Planned{Plan: plan}
}

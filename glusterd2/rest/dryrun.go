package rest

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"gd2/pkg/api"
)

// dryRun is the query parameter that asks for the plan of a change in place of the change.
const dryRun = "dry-run"

// Planner carries out calls without their effects.
type Planner interface {
	// Plan calls run with a context that makes a change end where it would begin, and returns what it would have done.
	// A change that is refused is refused here as well.
	Plan(ctx context.Context, run func(ctx context.Context) error) (api.OperationPlan, error)
}

// planable adds the parameter to a row that changes something.
func planable(row Route) Route {
	if !row.changes() {
		return row
	}
	what := "answer with the plan of the change, and change nothing"
	if !row.Plans {
		what = "is refused: " + row.NoPlan
	}
	row.Query = append(row.Query, Param{Name: dryRun, Description: what, Bare: true})
	return row
}

// plan answers a request with the plan of what it would do.
func (a *API) plan(ctx context.Context, row *Route, r *Request) (any, error) {
	if !row.Plans {
		return nil, api.Errorf(api.NotSupported, "%s %s has no plan: %s", row.Method, row.Path, row.NoPlan).With(api.FieldField, dryRun)
	}
	r.Status(http.StatusOK)
	return a.cfg.Planner.Plan(ctx, func(ctx context.Context) error {
		_, err := row.handler(ctx, r)
		return err
	})
}

// planned tells whether a request asks for a plan only.
func (r *Request) planned(row *Route) bool { return row.changes() && r.Flag(dryRun) }

// checkPlans finds rows that change something and do not say what becomes of a dry run.
func checkPlans(routes []Route) error {
	for i := range routes {
		row := &routes[i]
		if said := row.Plans != (row.NoPlan != ""); row.raw == nil && row.changes() != said {
			return fmt.Errorf("rest: the route %s must have either Plans or NoPlan if it changes something, and neither otherwise", row.Name)
		}
	}
	return nil
}

// planAnswer adds the answer to a dry run to those of a row in the document.
func planAnswer(row *Route, s *schemas, out object) {
	if !row.Plans {
		return
	}
	plan := s.of(reflect.TypeFor[api.OperationPlan](), false)
	if row.Status == http.StatusOK && row.response != nil {
		plan = object{"anyOf": []object{s.of(row.response, false), plan}}
	}
	ok := response("OK; with "+dryRun+" the plan of the change.", jsonContent(plan))
	if row.Status == http.StatusOK && row.response == nil {
		ok["x-may-be-empty"] = true // OpenAPI has no word for a body that is not always there
	}
	out["200"] = ok
}

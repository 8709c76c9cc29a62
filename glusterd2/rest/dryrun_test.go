package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"gd2/pkg/api"
)

// Every route that changes something answers a dry run, with a plan or with the reason why there is none.
func TestEveryPlan(t *testing.T) {
	r := newRig(t, nil)
	rows := map[string]Route{}
	for _, row := range r.api.Routes() {
		rows[row.Name] = row
	}
	tried := map[string]bool{}
	for _, c := range everyRoute {
		if c.method == http.MethodGet {
			continue
		}
		sep := "?"
		if strings.Contains(c.path, "?") {
			sep = "&"
		}
		row := rows[r.match(c.method, c.path)]
		tried[row.Name] = true
		got := r.do(c.method, c.path+sep+"dry-run=true", c.body)
		if !row.Plans {
			if e := got.errors(t)[0]; got.status != http.StatusNotImplemented || !strings.Contains(e.Message, row.NoPlan) || row.NoPlan == "" {
				t.Errorf("%s: %d %s", row.Name, got.status, got.body)
			}
			continue
		}
		var plan api.OperationPlan
		if err := json.Unmarshal([]byte(got.body), &plan); err != nil || got.status != http.StatusOK || plan.Operation != c.calls {
			t.Errorf("%s: %d %s, want the plan of %q", row.Name, got.status, got.body, c.calls)
		}
		if !r.fake.called("plan") || strings.Contains(got.body, "null") {
			t.Errorf("%s: not planned, or with lists that are null: %s", row.Name, got.body)
		}
		r.fake.calls = nil
	}
	for _, row := range r.api.Routes() {
		if row.changes() && !tried[row.Name] {
			t.Errorf("no dry run of %s was tried", row.Name)
		}
	}
}

// match returns the name of the row for a request.
func (r *rig) match(method, path string) string {
	r.t.Helper()
	path, _, _ = strings.Cut(path, "?")
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://peer"+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	var m mux.RouteMatch
	if !r.api.router.Match(req, &m) || m.Route == nil {
		r.t.Fatalf("no route for %s %s", method, path)
	}
	return m.Route.GetName()
}

func TestDryRunIsOnlyForChanges(t *testing.T) {
	r := newRig(t, nil)
	if got := r.do("GET", "/v1/volumes?dry-run=true", ""); got.status != http.StatusBadRequest {
		t.Errorf("of a read: %d %s", got.status, got.body)
	}
	if got := r.do("DELETE", "/v1/volumes/gv0?dry-run=false", ""); got.status != http.StatusNoContent || !r.fake.called("delete gv0") || r.fake.called("plan") {
		t.Errorf("one that is not asked for: %d %v", got.status, r.fake.calls)
	}
	if got := r.do("DELETE", "/v1/volumes/gv0?dry-run=maybe", ""); got.status != http.StatusBadRequest {
		t.Errorf("a value that is none: %d", got.status)
	}
	r.fake.err = api.Errorf(api.State, "volume gv0 is started")
	if got := r.do("DELETE", "/v1/volumes/gv0?dry-run", ""); got.errors(t)[0].Kind != api.State {
		t.Errorf("a refusal: %d %s", got.status, got.body)
	}
}

func TestRowsSayWhetherTheyHaveAPlan(t *testing.T) {
	for name, row := range map[string]Route{
		"a change that says nothing": {Method: http.MethodPost},
		"a change that says both":    {Method: http.MethodPost, Plans: true, NoPlan: "no"},
		"a read with a plan":         {Method: http.MethodGet, Plans: true},
	} {
		if err := checkPlans([]Route{row}); err == nil {
			t.Errorf("%s is let through", name)
		}
	}
	good := []Route{{Method: http.MethodPost, Plans: true}, {Method: http.MethodPost, NoPlan: "no"}, {Method: http.MethodGet}}
	if err := checkPlans(good); err != nil {
		t.Error(err)
	}
}

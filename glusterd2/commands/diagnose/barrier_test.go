package diagnose

import (
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/transaction"
)

func TestBarrier(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.replies["/bricks/p1"], r.replies["/bricks/p2"] = gfrpc.Dict{}, gfrpc.Dict{}

	// p3 is away: the two that have done it are told to stop, and nobody else is.
	_, err := r.c.Barrier(ctx, "gv", true)
	refused(t, err, api.Unavailable, "")
	slices.Sort(r.asked)
	one := func(peer string) string { return "socket of /bricks/" + peer + ": 10 of /bricks/" + peer + " for gv" }
	if want := []string{one("p1"), one("p1"), one("p2"), one("p2")}; !slices.Equal(r.asked, want) {
		t.Errorf("asked %q, want %q", r.asked, want)
	}
	if e := api.AsError(err); len(e.Causes) != 1 || !strings.Contains(e.Causes[0].Message, "host-p3:/bricks/p3: ") {
		t.Errorf("causes: %v", e.Causes)
	}
	// Letting through is done where it can be.
	got, err := r.c.Barrier(ctx, "gv", false)
	if err != nil || len(got) != 3 || got[0].Error+got[1].Error != "" || got[2].Error == "" {
		t.Errorf("%+v, %v", got, err)
	}
	r.commit(transaction.AliveKind.Create("p3", transaction.Alive{}))
	r.replies["/bricks/p3"] = gfrpc.Dict{}
	if got, err = r.c.Barrier(ctx, "gv", true); err != nil || len(got) != 3 || got[2].Error != "" {
		t.Errorf("with all: %+v, %v", got, err)
	}
	// One that is there already is not taken for a failure of all, and stays.
	for _, id := range []string{"p1", "p2", "p3"} {
		r.refuses["/bricks/"+id] = true
	}
	_, err = r.c.Barrier(ctx, "gv", true)
	refused(t, err, api.State, "")
	if !strings.Contains(err.Error(), "has a barrier already") {
		t.Errorf("a second one: %v", err)
	}
	if got, err = r.c.Barrier(ctx, "gv", false); err != nil || got[0].Error != "" {
		t.Errorf("where there is none: %+v, %v", got, err)
	}
	r.refuses["/bricks/p2"] = false
	_, err = r.c.Barrier(ctx, "gv", true)
	refused(t, err, api.Unavailable, "")
	if e := api.AsError(err); len(e.Causes) != 2 || !strings.HasSuffix(e.Causes[0].Message, barred) {
		t.Errorf("causes: %v", e.Causes)
	}
}

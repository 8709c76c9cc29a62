package health

import (
	"context"
	"testing"
	"time"
)

func TestOrphans(t *testing.T) {
	found, ok := []Orphan{{"/dev/sdb", "b1"}}, false
	o := &Orphans{Self: func() Self { return Self{ID: "p", Name: "n"} }, List: func(context.Context) ([]Orphan, bool) { return found, ok }}
	o.round(t.Context())
	if _, known := o.Look(time.Now()); known {
		t.Error("known before anybody has looked")
	}
	ok = true
	o.round(t.Context())
	signs, known := o.Look(time.Now())
	if !known || len(signs) != 1 || !signs[0].Down || signs[0].Fault.Data["path"] != "/dev/sdb" {
		t.Errorf("%v %+v", known, signs)
	}
	found, ok = nil, false
	o.round(t.Context())
	if signs, _ := o.Look(time.Now()); len(signs) != 1 {
		t.Errorf("while it is not known, what was known holds: %+v", signs)
	}
	ok = true
	o.round(t.Context())
	if signs, known := o.Look(time.Now()); !known || len(signs) != 0 {
		t.Errorf("%v %+v", known, signs)
	}
}

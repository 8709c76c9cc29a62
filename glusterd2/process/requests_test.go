package process_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gd2/glusterd2/process"
	"gd2/pkg/api"
)

func TestRequests(t *testing.T) {
	r, rounds := process.NewRequests(), 0
	work := func(context.Context) error { rounds++; return nil }
	if err := r.Round(t.Context(), work); err != nil || rounds != 0 {
		t.Errorf("something was done before anything was wanted: %d, %v", rounds, err)
	}
	if err := r.Settle(t.Context(), "daemon"); err != nil {
		t.Error(err)
	}
	r.Add()
	r.Add()
	<-r.Changed()
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Settle(short, "daemon"); !api.IsKind(err, api.Timeout) {
		t.Errorf("nothing was done yet: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Settle(t.Context(), "daemon") }()
	fault := errors.New("no disk")
	if err := r.Round(t.Context(), func(context.Context) error { return fault }); !errors.Is(err, fault) || !errors.Is(<-ended, fault) || !errors.Is(r.Err(), fault) {
		t.Errorf("%v, %v", err, r.Err())
	}
	r.Add()
	if err := r.Round(t.Context(), work); err != nil || r.Settle(t.Context(), "daemon") != nil || rounds != 1 {
		t.Errorf("%v, %d rounds", err, rounds)
	}
}
